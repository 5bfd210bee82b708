// RUN: winnow-opt %s --winnow-add-embeddings-entry --split-input-file | FileCheck %s

// A decoder gets a second entry point; the first stays as it is.

// CHECK-LABEL: func.func @forward(
// CHECK-SAME:    %{{.*}}: tensor<?xi32> {winnow.dims = ["T"], winnow.name = "ids"}
// CHECK:         winnow.embed

// CHECK-LABEL: func.func @forward_embeddings(
// CHECK-SAME:    %[[ROWS:.*]]: tensor<?x8xf32> {winnow.dims = ["T"], winnow.name = "embeddings"}
// CHECK-SAME:    %[[KV:[^ ]*]]: !winnow.kv_cache<
// CHECK-SAME:    winnow.entry
// CHECK-NOT:     winnow.embed
// CHECK:         tensor.dim %[[ROWS]]
// CHECK:         return %[[ROWS]], %{{.*}}, %[[KV]]
winnow.param @table from {random = 1 : i64} : tensor<16x8xf32>
func.func @forward(%ids: tensor<?xi32> {winnow.name = "ids", winnow.dims = ["T"]},
                   %kv: !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 32> {winnow.name = "kv0"})
    -> (tensor<?x8xf32>, tensor<?x8xf32>, !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 32>)
    attributes {winnow.entry} {
  %table = winnow.use @table : tensor<16x8xf32>
  %x = winnow.embed %table[%ids] {scale = 2.0 : f32} : tensor<16x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %c0 = arith.constant 0 : index
  %T = tensor.dim %ids, %c0 : tensor<?xi32>
  %empty = tensor.empty(%T) : tensor<?x8xf32>
  return %x, %empty, %kv : tensor<?x8xf32>, tensor<?x8xf32>, !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 32>
}

// -----

// Without caches it is no decoder.

// CHECK-LABEL: func.func @forward(
// CHECK-NOT:   @forward_embeddings
winnow.param @table from {random = 1 : i64} : tensor<16x8xf32>
func.func @forward(%ids: tensor<?xi32> {winnow.name = "ids", winnow.dims = ["T"]}) -> tensor<?x8xf32>
    attributes {winnow.entry} {
  %table = winnow.use @table : tensor<16x8xf32>
  %x = winnow.embed %table[%ids] : tensor<16x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  return %x : tensor<?x8xf32>
}

// -----

// Ids that something else reads, too, cannot be replaced.

// CHECK-LABEL: func.func @forward(
// CHECK-NOT:   @forward_embeddings
winnow.param @table from {random = 1 : i64} : tensor<16x8xf32>
func.func @forward(%ids: tensor<?xi32> {winnow.name = "ids", winnow.dims = ["T"]},
                   %kv: !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 32> {winnow.name = "kv0"})
    -> (tensor<?x8xf32>, tensor<?xi32>, !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 32>)
    attributes {winnow.entry} {
  %table = winnow.use @table : tensor<16x8xf32>
  %x = winnow.embed %table[%ids] : tensor<16x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  return %x, %ids, %kv : tensor<?x8xf32>, tensor<?xi32>, !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 32>
}
