// RUN: not winnow-opt %s "--winnow-gate=granularity=attention layers=0 threshold=0.5 criterion=random" 2>&1 | FileCheck %s

// Attention whose queries are its keys and values: no rows of theirs alone.

// CHECK: error: cannot be computed for some of the tokens: its heads are those of keys or values

func.func @encode(%x: tensor<?x4xf32>, %p: tensor<?xi32> {winnow.name = "positions"}) -> tensor<?x4xf32> {
  %y = winnow.layer residual(%x) inputs(%u = %x, %at = %p) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %o = winnow.attention query(%h, %at) key(%h, %at) value(%h) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j : tensor<?x4xf32>
  }
  return %y : tensor<?x4xf32>
}
