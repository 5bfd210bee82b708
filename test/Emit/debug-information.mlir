// RUN: rm -rf %t && mkdir %t
// RUN: winnow-compile %s -o %t/plain --quiet
// RUN: not ls %t/plain.kernels.mlir
// RUN: winnow-compile %s -o %t/debug -g --quiet
// RUN: llvm-dwarfdump --debug-line %t/debug.so | FileCheck %s --check-prefix=LINES
// RUN: FileCheck %s --check-prefix=KERNELS < %t/debug.kernels.mlir
// RUN: llvm-nm %t/plain.so | FileCheck %s --check-prefix=SYMBOLS

// Code maps to lines of the kernels, which lie beside the artifact.
// LINES: name: "debug.kernels.mlir"
// LINES: Address
// LINES: 0x{{[0-9a-f]+}} {{ *[0-9]+ }}
// KERNELS: func.func private @rows{{.*}}_norm

// Kernels have names without -g too.
// SYMBOLS: t rows{{.*}}_norm
// SYMBOLS: t winnow_entry_forward

func.func @forward(%x: tensor<?x8xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?x8xf32> {winnow.name = "y"}) attributes {winnow.entry} {
  %y = winnow.norm rms %x {epsilon = 1.0e-6 : f32} : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
