// RUN: winnow-opt %s --winnow-compress --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=COMPRESS
// RUN: winnow-opt %s --winnow-lower-to-cpu=target-cpu=x86-64-v3 --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=CPU
// RUN: winnow-opt %s --winnow-lower-to-llvm --dump-pass-pipeline 2>&1 | FileCheck %s --check-prefix=LLVM

// A change of the order of passes shows here.

// COMPRESS:      builtin.module(
// COMPRESS-NEXT:   winnow-quantize-weights{format=keep method=rtn only= skip=},
// COMPRESS-NEXT:   func.func(
// COMPRESS-NEXT:     winnow-quantize-activations{enabled=true}

// CPU:           builtin.module(
// CPU-NEXT:        winnow-add-embeddings-entry,
// CPU-NEXT:        winnow-verify-model,
// CPU-NEXT:        func.func(
// CPU-NEXT:          winnow-inline-layers
// CPU-NEXT:        ),
// CPU-NEXT:        cse,
// CPU-NEXT:        winnow-return-observed,
// CPU-NEXT:        winnow-assign-layouts,
// CPU-NEXT:        convert-winnow-to-cpu{target-cpu=x86-64-v3}

// LLVM:          builtin.module(
// LLVM-NEXT:       canonicalize{{.*}},
// LLVM-NEXT:       cse,
// LLVM-NEXT:       loop-invariant-code-motion,
// LLVM-NEXT:       convert-scf-to-cf{{.*}},
// LLVM-NEXT:       convert-vector-to-llvm{{.*}},
// LLVM-NEXT:       convert-math-to-llvm{{.*}},
// LLVM-NEXT:       convert-arith-to-llvm{{.*}},
// LLVM-NEXT:       convert-cf-to-llvm{{.*}},
// LLVM-NEXT:       convert-func-to-llvm{{.*}},
// LLVM-NEXT:       convert-ub-to-llvm{{.*}},
// LLVM-NEXT:       reconcile-unrealized-casts

func.func @forward(%x: tensor<?x8xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?x8xf32> {winnow.name = "y"}) attributes {winnow.entry} {
  %y = winnow.norm rms %x {epsilon = 1.0e-6 : f32} : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
