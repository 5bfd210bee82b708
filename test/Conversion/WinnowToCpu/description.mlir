// RUN: winnow-opt %s --winnow-lower-to-cpu=target-cpu=x86-64-v3 | FileCheck %s

// What the runtime has to know of an entry, and where the weights lie: each at
// a multiple of 64 bytes, in order.

// CHECK:      winnow.entries = [{arena_bytes = {{[0-9]+}} : i64, arena_bytes_per = array<i64: {{[0-9]+}}, 0>, bounds = [{input = 2 : i64, rows = -1 : i64}], cache_bytes_per_token = array<i64: 64>, caches = [!winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 16>], chunked = array<i1: false>, dims = ["T", "R"], function = @winnow_entry_forward
// CHECK-SAME: inputs = [{dtype = 1 : i32, name = "positions", shape = array<i64: -1>}, {dtype = 0 : i32, name = "x", shape = array<i64: -1, 8>}, {dtype = 1 : i32, name = "rows", shape = array<i64: -2>}]
// CHECK-SAME: name = "forward"
// CHECK-SAME: outputs = [{dtype = 0 : i32, name = "y", shape = array<i64: -2, 8>}]
// CHECK-SAME: winnow.weights = [
// CHECK-SAME: name = "gain", offset = 0 : i64, size = 32 : i64
// CHECK-SAME: name = "w", offset = 64 : i64, size = 512 : i64
// CHECK-SAME: type = tensor<8x8xf32, #winnow.encoding<f32, tile16>>

!kv = !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 16>
winnow.param @gain from {splat = 1.0 : f32} : tensor<8xf32>
winnow.param @w from {random = 1 : i64} : tensor<8x8xf32>

func.func @forward(%p: tensor<?xi32> {winnow.name = "positions", winnow.dims = ["T"]},
                   %x: tensor<?x8xf32> {winnow.name = "x", winnow.dims = ["T"]},
                   %rows: tensor<?xi32> {winnow.name = "rows", winnow.dims = ["R"]},
                   %kv: !kv {winnow.name = "kv"}) -> (tensor<?x8xf32> {winnow.name = "y", winnow.dims = ["R"]}, !kv) attributes {winnow.entry} {
  %gain = winnow.use @gain : tensor<8xf32>
  %n = winnow.norm rms %x weight(%gain : tensor<8xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x8xf32>
  %w = winnow.use @w : tensor<8x8xf32>
  %h = winnow.linear %n, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %c0 = arith.constant 0 : index
  %T = tensor.dim %h, %c0 : tensor<?x8xf32>
  %q = tensor.expand_shape %h [[0], [1, 2]] output_shape [%T, 1, 8] : tensor<?x8xf32> into tensor<?x1x8xf32>
  %c = winnow.kv_append %kv, %q, %q at %p, %p : !kv, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  %keys, %values, %kp, %ks = winnow.kv_view %c : !kv -> tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  %a = winnow.attention query(%q, %p) key(%keys, %kp) value(%values) {mask = #winnow.mask<causal>, scale = 1.0 : f32} : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x8xf32>
  %f = tensor.collapse_shape %a [[0], [1, 2]] : tensor<?x1x8xf32> into tensor<?x8xf32>
  %y = winnow.token_gather %f[%rows] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  return %y, %c : tensor<?x8xf32>, !kv
}
