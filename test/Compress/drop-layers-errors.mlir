// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint layers=2" 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint layers=-1" 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=attention layers=0" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint layers=0,1,0" 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=layer layers=0" 2>&1 | FileCheck %s --check-prefix=GRANULARITY
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint layers=1" 2>&1 | FileCheck %s --check-prefix=USED
// RUN: not winnow-opt %s --pass-pipeline="builtin.module(func.func(winnow-inline-layers),winnow-drop-layers{layers=0})" 2>&1 | FileCheck %s --check-prefix=INLINED
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=joint layers=0" --remark-policy=all --remarks-filter=drop-layers 2>&1 | FileCheck %s --check-prefix=REMARK

// RANGE: error: 'func.func' op has 2 layers of granularity 'joint', counted from 0; 'layers' of winnow-drop-layers names 2
// NEGATIVE: names -1
// NONE: error: 'func.func' op has 0 layers of granularity 'attention'
// TWICE: error: 'layers' of winnow-drop-layers names 0 twice
// GRANULARITY: error: expects 'granularity' of winnow-drop-layers to be block, attention, mlp or joint; found 'layer'
// USED: error: 'winnow.layer' op cannot be dropped: its result #1 is used, and is no cache that it was given
// INLINED: error: has no layers that winnow-drop-layers could drop
// REMARK: remark: [Passed] joint 0 | Category:drop-layers | Function=forward | Remark="dropped with 1 weights: joint 0 is in the list"

winnow.param @w from {random = 1 : i64} : tensor<4x4xf32>

func.func @forward(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
    %w = winnow.use @w : tensor<4x4xf32>
    %f = winnow.linear %u, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    winnow.yield %f : tensor<2x4xf32>
  }
  %z, %s = winnow.layer residual(%y) inputs(%u = %y) : (tensor<2x4xf32>, tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
    %f = arith.addf %u, %u : tensor<2x4xf32>
    winnow.yield %f, %f : tensor<2x4xf32>, tensor<2x4xf32>
  }
  return %z, %s : tensor<2x4xf32>, tensor<2x4xf32>
}
