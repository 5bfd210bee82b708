// RUN: winnow-opt %s --verify-roundtrip | FileCheck %s

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>

// CHECK: module attributes {winnow.model = {architecture = "llama"}}
module attributes {winnow.model = {architecture = "llama"}} {

// CHECK:       winnow.param @blk.0.w from {file = "blk.0.w"} : tensor<8x64xf32, #winnow.encoding<q5_0>>
// CHECK:       winnow.param @ones from {splat = 1.000000e+00 : f32} : tensor<8xf32>
// CHECK:       winnow.param @noise from {random = 7 : i64} {test.note = "kept"} : tensor<8x64xf32>
winnow.param @blk.0.w from {file = "blk.0.w"} : tensor<8x64xf32, #winnow.encoding<q5_0>>
winnow.param @ones from {splat = 1.0 : f32} : tensor<8xf32>
winnow.param @noise from {random = 7 : i64} {test.note = "kept"} : tensor<8x64xf32>

// Results of use are named after the param.
// CHECK-LABEL: func @use
// CHECK:         %blk.0.w = winnow.use @blk.0.w : tensor<8x64xf32, #winnow.encoding<q5_0>>
func.func @use() -> tensor<8x64xf32, #winnow.encoding<q5_0>> {
  %w = winnow.use @blk.0.w : tensor<8x64xf32, #winnow.encoding<q5_0>>
  return %w : tensor<8x64xf32, #winnow.encoding<q5_0>>
}

// CHECK-LABEL: func @layer
// CHECK:         %hidden, %kv = winnow.layer residual(%{{[a-z0-9_]+}}) inputs(%[[U:.*]] = %{{[a-z0-9_]+}}, %[[C:.*]] = %{{[a-z0-9_]+}}) :
// CHECK-SAME:      (tensor<?x4xf32>, tensor<?x4xf32>, !winnow.kv_cache<{{.*}}>) -> (tensor<?x4xf32>, !winnow.kv_cache<{{.*}}>) {
// CHECK-NEXT:      winnow.yield %[[U]], %[[C]] : tensor<?x4xf32>, !winnow.kv_cache<
// CHECK-NEXT:    }
// CHECK:         winnow.layer residual(%hidden) {multiplier = 5.000000e-01 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32> {
func.func @layer(%x: tensor<?x4xf32>, %kv: !cache) -> tensor<?x4xf32> {
  %y, %next = winnow.layer residual(%x) inputs(%u = %x, %c = %kv) {multiplier = 1.0 : f32}
      : (tensor<?x4xf32>, tensor<?x4xf32>, !cache) -> (tensor<?x4xf32>, !cache) {
    winnow.yield %u, %c : tensor<?x4xf32>, !cache
  }
  %z = winnow.layer residual(%y) {multiplier = 0.5 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32> {
    %n = arith.constant 2 : index
    %f = tensor.empty(%n) : tensor<?x4xf32>
    winnow.yield %f : tensor<?x4xf32>
  }
  return %z : tensor<?x4xf32>
}

// An entry point; cache results may stand between others.
// CHECK-LABEL: func @entry
// CHECK-SAME:    attributes {winnow.entry}
func.func @entry(%a: !cache {winnow.name = "kv0"}, %x: tensor<?x?xf32> {winnow.name = "x", winnow.dims = ["T", "D"]},
    %b: !cache {winnow.name = "kv1"}) -> (!cache, tensor<?x?xf32> {winnow.name = "y", winnow.dims = ["T", "D"]}, !cache)
    attributes {winnow.entry} {
  return %a, %x, %b : !cache, tensor<?x?xf32>, !cache
}

// CHECK-LABEL: func @observe
// CHECK-NEXT:    winnow.observe channels "blk.0.attn_q.weight"(%{{.*}}) : tensor<?x4xf32>
// CHECK-NEXT:    winnow.observe gram "blk.0.attn_q.weight"(%{{.*}}) {test.why = 1 : i64} : tensor<?x4xf32>
// CHECK-NEXT:    winnow.observe similarity "blk.0.attn"(%{{.*}}, %{{.*}}) : tensor<?x4xf32>, tensor<?x4xf32>
func.func @observe(%x: tensor<?x4xf32>, %y: tensor<?x4xf32>) {
  winnow.observe channels "blk.0.attn_q.weight"(%x) : tensor<?x4xf32>
  winnow.observe gram "blk.0.attn_q.weight"(%x) {test.why = 1 : i64} : tensor<?x4xf32>
  winnow.observe similarity "blk.0.attn"(%x, %y) : tensor<?x4xf32>, tensor<?x4xf32>
  return
}

}
