// RUN: winnow-opt %s "--winnow-drop-layers=granularity=attention layers=1" --verify-roundtrip | FileCheck %s --check-prefix=ATTENTION
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=mlp layers=0,1" | FileCheck %s --check-prefix=MLP
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=block layers=0" | FileCheck %s --check-prefix=BLOCK
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=joint layers=2,1" -o %t.joint.mlir
// RUN: winnow-opt %s "--pass-pipeline=builtin.module(winnow-drop-layers{granularity=attention layers=1},winnow-drop-layers{granularity=mlp layers=0})" | diff - %t.joint.mlir
// RUN: winnow-opt %s -o %t.all.mlir
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=attention layers=" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=joint layers=0,1,2,3" --winnow-verify-model | FileCheck %s --check-prefix=NOTHING

// Attention, feed-forward, attention, feed-forward. The weight @shared is read
// by both feed-forward layers.

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>

winnow.param @a0 from {random = 1 : i64} : tensor<4x4xf32>
winnow.param @shared from {random = 2 : i64} : tensor<4x4xf32>
winnow.param @a1 from {random = 3 : i64} : tensor<4x4xf32>
winnow.param @m1 from {random = 4 : i64} : tensor<4xf32>
winnow.param @last from {random = 5 : i64} : tensor<4xf32>
winnow.param @unread from {random = 6 : i64} : tensor<4xf32>

// ATTENTION: winnow.param @a0
// ATTENTION-NEXT: winnow.param @shared
// ATTENTION-NEXT: winnow.param @m1
// ATTENTION-NEXT: winnow.param @last
// ATTENTION-NEXT: winnow.param @unread
// ATTENTION: func.func @forward(%[[X:[^ ]+]]: {{[^!]*}}!winnow.kv_cache<{{[^>]*}}> {winnow.name = "kv0"}) ->
// ATTENTION-SAME: winnow.name = "y"}, !winnow.kv_cache<{{[^>]*}}> {winnow.name = "kv0"}) attributes
// ATTENTION: %[[Y:[^,]+]], %[[C:[^ ]+]] = winnow.layer residual(%[[X]])
// ATTENTION: winnow.use @a0
// ATTENTION: %[[Z:.+]] = winnow.layer residual(%[[Y]])
// ATTENTION: winnow.use @shared
// ATTENTION: %[[W:.+]] = winnow.layer residual(%[[Z]]) inputs(%{{.+}} = %[[Z]])
// ATTENTION: winnow.use @m1
// ATTENTION: %[[N:.+]] = winnow.norm rms %[[W]]
// ATTENTION-NEXT: return %[[N]], %[[C]]

// MLP-NOT: @shared
// MLP-NOT: @m1
// MLP: func.func @forward
// MLP: winnow.layer residual(%[[X:.+]]) inputs
// MLP: winnow.use @a0
// MLP: winnow.layer residual(
// MLP: winnow.use @a1
// MLP-NOT: winnow.layer
// MLP: winnow.use @last
// MLP-NEXT: winnow.norm

// BLOCK-NOT: @a0
// BLOCK: winnow.param @shared
// BLOCK: func.func @forward(%[[X:[^ ]+]]: {{[^!]*}} %[[C1:[^ ]+]]: !winnow.kv_cache<{{[^>]*}}> {winnow.name = "kv1"}) ->
// BLOCK: winnow.layer residual(%[[X]]) inputs({{.*}} = %[[C1]])
// BLOCK: winnow.use @a1
// BLOCK: winnow.layer
// BLOCK-NOT: winnow.layer
// BLOCK: return

// NOTHING: winnow.param @last
// NOTHING-NEXT: winnow.param @unread
// NOTHING-NEXT: func.func @forward(%[[X:[^ ]+]]: {{[^!]*}} -> {{[^!]*}} attributes
// NOTHING: %[[N:.+]] = winnow.norm rms %[[X]]
// NOTHING-NEXT: return %[[N]] : tensor<?x4xf32>

func.func @forward(%x: tensor<?x4xf32> {winnow.name = "x", winnow.dims = ["T"]},
                   %p: tensor<?xi32> {winnow.name = "positions", winnow.dims = ["T"]},
                   %c0: !cache {winnow.name = "kv0"}, %c1: !cache {winnow.name = "kv1"})
    -> (tensor<?x4xf32> {winnow.name = "y", winnow.dims = ["T"]},
        !cache {winnow.name = "kv0"}, !cache {winnow.name = "kv1"})
    attributes {winnow.entry} {
  %y0, %d0 = winnow.layer residual(%x) inputs(%u = %x, %at = %p, %c = %c0)
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, !cache) -> (tensor<?x4xf32>, !cache) {
    %w = winnow.use @a0 : tensor<4x4xf32>
    %l = winnow.linear %u, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %u, %zero : tensor<?x4xf32>
    %h = tensor.expand_shape %l [[0], [1, 2]] output_shape [%tokens, 1, 4] : tensor<?x4xf32> into tensor<?x1x4xf32>
    %d = winnow.kv_append %c, %h, %h at %at, %at : !cache, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
    %k, %v, %kp, %ks = winnow.kv_view %d : !cache -> tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
    %o = winnow.attention query(%h, %at, %at) key(%k, %kp, %ks) value(%v)
        {mask = #winnow.mask<causal>, scale = 1.0 : f32}
        : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x4xf32>
    %f = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x1x4xf32> into tensor<?x4xf32>
    winnow.yield %f, %d : tensor<?x4xf32>, !cache
  }
  %z0 = winnow.layer residual(%y0) inputs(%u = %y0) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %w = winnow.use @shared : tensor<4x4xf32>
    %f = winnow.linear %u, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    winnow.yield %f : tensor<?x4xf32>
  }
  %y1, %d1 = winnow.layer residual(%z0) inputs(%u = %z0, %at = %p, %c = %c1)
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, !cache) -> (tensor<?x4xf32>, !cache) {
    %w = winnow.use @a1 : tensor<4x4xf32>
    %l = winnow.linear %u, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %u, %zero : tensor<?x4xf32>
    %h = tensor.expand_shape %l [[0], [1, 2]] output_shape [%tokens, 1, 4] : tensor<?x4xf32> into tensor<?x1x4xf32>
    %d = winnow.kv_append %c, %h, %h at %at, %at : !cache, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
    %k, %v, %kp, %ks = winnow.kv_view %d : !cache -> tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
    %o = winnow.attention query(%h, %at, %at) key(%k, %kp, %ks) value(%v)
        {mask = #winnow.mask<causal>, scale = 1.0 : f32}
        : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x4xf32>
    %f = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x1x4xf32> into tensor<?x4xf32>
    winnow.yield %f, %d : tensor<?x4xf32>, !cache
  }
  %z1 = winnow.layer residual(%y1) inputs(%u = %y1) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %w = winnow.use @shared : tensor<4x4xf32>
    %m = winnow.use @m1 : tensor<4xf32>
    %n = winnow.norm rms %u weight(%m : tensor<4xf32>) {epsilon = 1.0 : f32} : tensor<?x4xf32>
    %f = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    winnow.yield %f : tensor<?x4xf32>
  }
  %l = winnow.use @last : tensor<4xf32>
  %n = winnow.norm rms %z1 weight(%l : tensor<4xf32>) {epsilon = 1.0 : f32} : tensor<?x4xf32>
  return %n, %d0, %d1 : tensor<?x4xf32>, !cache, !cache
}
