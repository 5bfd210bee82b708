// What each --emit writes of one program, and that the next tool can read it.

// RUN: winnow-compile %s --quiet --target-cpu=x86-64-v3 --emit=mlir -o - | winnow-opt | FileCheck %s --check-prefix=MODEL
// RUN: winnow-compile %s --quiet --target-cpu=x86-64-v3 --emit=kernels -o - | winnow-opt | FileCheck %s --check-prefix=KERNELS
// RUN: winnow-compile %s --quiet --target-cpu=x86-64-v3 --emit=llvm-dialect -o - | winnow-opt | FileCheck %s --check-prefix=DIALECT
// RUN: winnow-compile %s --quiet --target-cpu=x86-64-v3 --emit=llvm -o %t.ll
// RUN: opt -passes=verify -S %t.ll | FileCheck %s --check-prefix=LLVM
// RUN: winnow-compile %s --quiet --target-cpu=x86-64-v3 --emit=asm -o %t.s
// RUN: llvm-mc -triple=x86_64-unknown-linux-gnu -filetype=obj %t.s -o %t.assembled
// RUN: winnow-compile %s --quiet --target-cpu=x86-64-v3 --emit=obj -o %t.o
// RUN: llvm-nm --extern-only %t.o | FileCheck %s --check-prefix=EXTERN --implicit-check-not=" U " --implicit-check-not=" T "
// RUN: llvm-nm %t.o | FileCheck %s --check-prefix=LOCAL
// RUN: llvm-objcopy --dump-section=.text=%t.text %t.o
// RUN: llvm-objcopy --dump-section=.text=%t.assembled.text %t.assembled
// RUN: cmp %t.text %t.assembled.text

// The model as it was read.
// MODEL:     winnow.param @w
// MODEL:     func.func @forward
// MODEL:       winnow.linear
// MODEL-NOT: winnow.recode

// Entry and kernels on pointers; nothing of winnow but the description.
// KERNELS:     module attributes {winnow.entries = [{{.*}}], winnow.weights = [
// KERNELS-NOT: winnow.linear
// KERNELS:     func.func private @winnow_entry_forward(%{{.*}}: !llvm.ptr, %{{.*}}: i32, %{{.*}}: i32)
// KERNELS:     func.call @winnow_linear_q8_0_a8
// KERNELS:     func.func private @winnow_linear_q8_0_a8
// KERNELS:     scf.for
// KERNELS:     vector<{{.*}}xi8>

// DIALECT-NOT: func.func
// DIALECT:     llvm.func @winnow_entry_forward
// DIALECT-NOT: scf.
// DIALECT-NOT: vector.
// DIALECT:     llvm.func @winnow_linear_q8_0_a8

// LLVM:      target triple = "x86_64-
// LLVM:      define hidden void @winnow_entry_forward(
// LLVM:      define internal {{.*}}@winnow_linear_q8_0_a8
// LLVM:      attributes #{{.*}} "target-cpu"="x86-64-v3"

// The entry is all that a linker sees, and it asks for nothing.
// EXTERN: T winnow_entry_forward
// LOCAL: t winnow_linear_q8_0_a8

winnow.param @w from {random = 1 : i64} : tensor<32x64xf32, #winnow.encoding<q8_0>>

func.func @forward(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x32xf32> {winnow.name = "y", winnow.dims = ["T"]})
    attributes {winnow.entry} {
  %w = winnow.use @w : tensor<32x64xf32, #winnow.encoding<q8_0>>
  %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
