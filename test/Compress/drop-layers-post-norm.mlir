// RUN: winnow-opt %s "--winnow-drop-layers=granularity=joint layers=1" | FileCheck %s
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=mlp layers=0,1" | FileCheck %s --check-prefix=ALL

// Where the stream is normalised behind each layer, the norm is the layer's.

// CHECK-NOT: winnow.param @n1
// CHECK: func.func @encode(%[[X:.+]]: tensor<?x4xf32>
// CHECK: %[[S:.+]] = winnow.norm layer %[[X]]
// CHECK: %[[A:.+]] = winnow.layer residual(%[[S]])
// CHECK: winnow.use @n0
// CHECK: %[[N:.+]] = winnow.norm layer %[[A]]
// CHECK-NEXT: return %[[N]]

// ALL: func.func @encode(%[[X:.+]]: tensor<?x4xf32>
// ALL-NEXT: %[[S:.+]] = winnow.norm layer %[[X]]
// ALL-NEXT: return %[[S]]

winnow.param @w from {random = 1 : i64} : tensor<4x4xf32>
winnow.param @n0 from {random = 2 : i64} : tensor<4xf32>
winnow.param @n1 from {random = 3 : i64} : tensor<4xf32>

func.func @encode(%x: tensor<?x4xf32> {winnow.name = "x", winnow.dims = ["T"]})
    -> (tensor<?x4xf32> {winnow.name = "hidden", winnow.dims = ["T"]}) attributes {winnow.entry} {
  %s = winnow.norm layer %x {epsilon = 1.0 : f32} : tensor<?x4xf32>
  %a = winnow.layer residual(%s) inputs(%u = %s) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %w = winnow.use @w : tensor<4x4xf32>
    %f = winnow.linear %u, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    winnow.yield %f : tensor<?x4xf32>
  }
  %n0 = winnow.use @n0 : tensor<4xf32>
  %b = winnow.norm layer %a weight(%n0 : tensor<4xf32>) {epsilon = 1.0 : f32} : tensor<?x4xf32>
  %c = winnow.layer residual(%b) inputs(%u = %b) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %w = winnow.use @w : tensor<4x4xf32>
    %f = winnow.linear %u, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    winnow.yield %f : tensor<?x4xf32>
  }
  %n1 = winnow.use @n1 : tensor<4xf32>
  %d = winnow.norm layer %c weight(%n1 : tensor<4xf32>) {epsilon = 1.0 : f32} : tensor<?x4xf32>
  return %d : tensor<?x4xf32>
}
