// RUN: winnow-opt %s "--winnow-neighbour-attention=window=3" --verify-roundtrip | FileCheck %s
// RUN: winnow-opt %s "--winnow-neighbour-attention=window=3 layers=1" | FileCheck %s --check-prefix=SECOND
// RUN: winnow-opt %s "--winnow-neighbour-attention=window=3 layers=1,0,1" -o %t.both.mlir
// RUN: winnow-opt %s "--winnow-neighbour-attention=window=3" | diff - %t.both.mlir
// RUN: winnow-opt %s --pass-pipeline="builtin.module(winnow-prune-tokens{policy=evit layer=0 keep=0.5},winnow-neighbour-attention{window=3 layers=1})" | FileCheck %s --check-prefix=PRUNED
// RUN: winnow-opt %s -o %t.before.mlir
// RUN: winnow-opt %s "--winnow-neighbour-attention" | diff - %t.before.mlir
// RUN: winnow-opt %s "--winnow-neighbour-attention=window=0 layers=1" | diff - %t.before.mlir
// RUN: winnow-opt %s "--winnow-neighbour-attention=window=5" | diff - %t.before.mlir
// RUN: winnow-opt %s "--winnow-neighbour-attention=window=3 layers=1" --remark-policy=all --remarks-filter=neighbour-attention 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not winnow-opt %s "--winnow-neighbour-attention=window=4" 2>&1 | FileCheck %s --check-prefix=EVEN
// RUN: not winnow-opt %s "--winnow-neighbour-attention=window=-3" 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not winnow-opt %s "--winnow-neighbour-attention=window=3 layers=2" 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not winnow-opt %s --pass-pipeline="builtin.module(winnow-neighbour-attention{window=3},winnow-neighbour-attention{window=3})" 2>&1 | FileCheck %s --check-prefix=TWICE
// RUN: not winnow-opt %S/prune-tokens.mlir "--winnow-neighbour-attention=window=3" 2>&1 | FileCheck %s --check-prefix=TEXT

// Two rows of three patches behind a class token, and two attention layers.

// CHECK:     winnow.attention {{.*}}mask = #winnow.mask<grid, window = 1, sinks = 1, width = 3>
// CHECK:     winnow.attention {{.*}}mask = #winnow.mask<grid, window = 1, sinks = 1, width = 3>
// CHECK-NOT: winnow.attention

// SECOND:     winnow.attention {{.*}}mask = #winnow.mask<full>
// SECOND:     winnow.attention {{.*}}mask = #winnow.mask<grid, window = 1, sinks = 1, width = 3>

// Tokens that stayed see those of their neighbours that did.
// PRUNED: winnow.attention {{.*}}mask = #winnow.mask<full>
// PRUNED: winnow.token_gather
// PRUNED: winnow.attention {{.*}}mask = #winnow.mask<grid, window = 1, sinks = 1, width = 3>

// REMARK: [Passed] block.1 | Category:neighbour-attention | Function=encode | Remark="each of 2 x 3 patches sees at most 3 x 3 of them; what that does to results is not predicted"

// EVEN: error: expects 'window' of winnow-neighbour-attention to be 0, or odd and at least 3; found 4
// NEGATIVE: error: expects 'window' of winnow-neighbour-attention to be 0, or odd and at least 3; found -3
// NUMBER: error: 'func.func' op has 2 attention layers, counted from 0; 'layers' of winnow-neighbour-attention names 2
// TWICE: error: loc("block.0"): 'winnow.layer' op has an attention that winnow-neighbour-attention cannot change: it is not of all tokens of an image on all, by their numbers
// TEXT: error: has no layers over the patches of an image, which winnow-neighbour-attention takes for a grid

winnow.param @w from {random = 1 : i64} : tensor<4x4xf32>
winnow.param @class from {random = 2 : i64} : tensor<1x4xf32>

func.func @encode(%image: tensor<1x4x6xf32>) -> tensor<7x4xf32> {
  %patches = winnow.image_patches %image {size = 2 : i64} : tensor<1x4x6xf32> -> tensor<6x4xf32>
  %class = winnow.use @class : tensor<1x4xf32>
  %x = tensor.concat dim(0) %class, %patches : (tensor<1x4xf32>, tensor<6x4xf32>) -> tensor<7x4xf32>
  %p = arith.constant dense<[0, 1, 2, 3, 4, 5, 6]> : tensor<7xi32>
  %y = winnow.layer residual(%x) inputs(%u = %x, %at = %p) : (tensor<7x4xf32>, tensor<7x4xf32>, tensor<7xi32>) -> tensor<7x4xf32> {
    %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [7, 1, 4] : tensor<7x4xf32> into tensor<7x1x4xf32>
    %o = winnow.attention query(%h, %at) key(%h, %at) value(%h) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<7x1x4xf32>, tensor<7x1x4xf32>, tensor<7x1x4xf32>, tensor<7xi32>, tensor<7xi32> -> tensor<7x1x4xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<7x1x4xf32> into tensor<7x4xf32>
    winnow.yield %j : tensor<7x4xf32>
  } loc("block.0")
  %z = winnow.layer residual(%y) inputs(%u = %y, %at = %p) : (tensor<7x4xf32>, tensor<7x4xf32>, tensor<7xi32>) -> tensor<7x4xf32> {
    %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [7, 1, 4] : tensor<7x4xf32> into tensor<7x1x4xf32>
    %o = winnow.attention query(%h, %at) key(%h, %at) value(%h) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<7x1x4xf32>, tensor<7x1x4xf32>, tensor<7x1x4xf32>, tensor<7xi32>, tensor<7xi32> -> tensor<7x1x4xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<7x1x4xf32> into tensor<7x4xf32>
    winnow.yield %j : tensor<7x4xf32>
  } loc("block.1")
  return %z : tensor<7x4xf32>
}
