// RUN: winnow-opt %s --verify-roundtrip | FileCheck %s

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>

// CHECK-LABEL: func @cache
// CHECK:         %kv = winnow.kv_append %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} at %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} : <heads
// CHECK:         %keys, %values, %key_positions, %key_segments = winnow.kv_view %kv : <{{.*}}> -> tensor<?x2x8xf32>, tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>
// CHECK:         %next_positions = winnow.kv_next_positions %kv of %{{[a-z0-9_]+}} : <{{.*}}>, tensor<?xi32>
// CHECK:         winnow.kv_truncate %kv to %{{[a-z0-9_]+}} : <
func.func @cache(%kv: !cache, %k: tensor<?x2x8xf32>, %v: tensor<?x2x4xf32>, %p: tensor<?xi32>, %n: i64) -> !cache {
  %next = winnow.kv_append %kv, %k, %v at %p, %p : !cache, tensor<?x2x8xf32>, tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>
  %keys, %values, %positions, %segments = winnow.kv_view %next : !cache -> tensor<?x2x8xf32>, tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>
  %more = winnow.kv_next_positions %next of %p : !cache, tensor<?xi32>
  %last = winnow.kv_truncate %next to %n : !cache
  return %last : !cache
}

// As many static slots as the capacity, and dynamic sizes beside them.
// CHECK-LABEL: func @static
// CHECK:         winnow.kv_append
// CHECK:         winnow.kv_view
func.func @static(%kv: !cache, %k: tensor<32x2x8xf32>, %v: tensor<?x?x?xf32>, %p: tensor<32xi32>) -> !cache {
  %next = winnow.kv_append %kv, %k, %v at %p, %p : !cache, tensor<32x2x8xf32>, tensor<?x?x?xf32>, tensor<32xi32>, tensor<32xi32>
  %keys, %values, %positions, %segments = winnow.kv_view %next : !cache -> tensor<32x2x8xf32>, tensor<?x?x?xf32>, tensor<32xi32>, tensor<?xi32>
  return %next : !cache
}
