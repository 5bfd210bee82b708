// What --print-pipeline prints makes winnow-opt do what winnow-compile does.

// RUN: winnow-compile --print-pipeline --target-cpu=x86-64-v3 > %t.pipeline
// RUN: FileCheck %s --check-prefix=PRINTED < %t.pipeline
// PRINTED: builtin.module(winnow-quantize-weights{format=keep method=rtn only= skip=},func.func(winnow-quantize-activations{enabled=true}),winnow-add-embeddings-entry,winnow-verify-model,
// PRINTED-SAME: convert-winnow-to-cpu{target-cpu=x86-64-v3},canonicalize
// PRINTED-SAME: reconcile-unrealized-casts)

// RUN: sh -c 'winnow-opt %s --pass-pipeline="$(cat %t.pipeline)" -o %t.opt.mlir'
// RUN: winnow-compile %s --target-cpu=x86-64-v3 --emit=llvm-dialect -o - | winnow-opt -o %t.compile.mlir
// RUN: diff %t.opt.mlir %t.compile.mlir

// RUN: winnow-compile --print-pipeline --emit=inlined --activations=f32 | FileCheck %s --check-prefix=INLINED --match-full-lines
// INLINED: builtin.module(winnow-quantize-weights{format=keep method=rtn only= skip=},func.func(winnow-quantize-activations{enabled=false}),winnow-add-embeddings-entry,winnow-verify-model,func.func(winnow-inline-layers),cse,winnow-return-observed)

// With -g the text of the kernels is kept on the way.
// RUN: winnow-compile --print-pipeline -g -o %t.debug --target-cpu=x86-64-v3 > %t.debug-pipeline
// RUN: FileCheck %s --check-prefix=DEBUG < %t.debug-pipeline
// DEBUG: convert-winnow-to-cpu{target-cpu=x86-64-v3},snapshot-op-locations{filename={{.*}}.debug.kernels.mlir},canonicalize
// DEBUG-SAME: ensure-debug-info-scope-on-llvm-func
// RUN: sh -c 'winnow-opt %s --pass-pipeline="$(cat %t.debug-pipeline)"' > /dev/null
// RUN: FileCheck %s --check-prefix=KERNELS < %t.debug.kernels.mlir
// KERNELS: func.func private @winnow_entry_forward

// Each stage is a program.
// RUN: winnow-compile %s --emit=compressed -o - | winnow-opt | FileCheck %s --check-prefix=COMPRESSED
// COMPRESSED: winnow.layer
// COMPRESSED: winnow.recode
// RUN: winnow-compile %s --emit=inlined -o - | winnow-opt | FileCheck %s --check-prefix=NO-LAYER
// NO-LAYER: winnow.encoding<q8_0>
// NO-LAYER-NOT: winnow.layer
// RUN: winnow-compile %s --emit=layouts -o - | winnow-opt | FileCheck %s --check-prefix=LAYOUTS
// LAYOUTS: tile16
// LAYOUTS: winnow.linear

winnow.param @w from {random = 1 : i64} : tensor<64x64xf32, #winnow.encoding<q8_0>>

func.func @forward(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x64xf32> {winnow.name = "y", winnow.dims = ["T"]})
    attributes {winnow.entry} {
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
    %w = winnow.use @w : tensor<64x64xf32, #winnow.encoding<q8_0>>
    %f = winnow.linear %u, %w : tensor<?x64xf32>, tensor<64x64xf32, #winnow.encoding<q8_0>> -> tensor<?x64xf32>
    winnow.yield %f : tensor<?x64xf32>
  }
  return %y : tensor<?x64xf32>
}
