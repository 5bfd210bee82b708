// RUN: winnow-opt %s --winnow-inline-layers --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @residual(
// CHECK-SAME:    %[[R:.*]]: tensor<?x8xf32>, %[[X:.*]]: tensor<?x8xf32>
// CHECK-NOT:     winnow.layer
// CHECK:         %[[F:.*]] = winnow.norm rms %[[X]]
// CHECK:         linalg.map { arith.addf } ins(%[[R]], %[[F]] :
// CHECK-NOT:     winnow.yield
func.func @residual(%r: tensor<?x8xf32>, %x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = winnow.layer residual(%r) inputs(%u = %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
    %f = winnow.norm rms %u {epsilon = 1.0e-6 : f32} : tensor<?x8xf32>
    winnow.yield %f : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// A multiplier other than one is fused with the sum: rounded once.
// CHECK-LABEL: func @multiplier(
// CHECK:         linalg.map
// CHECK:         math.fma
func.func @multiplier(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = winnow.layer residual(%x) inputs(%u = %x) {multiplier = 0.5 : f32} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32> {
    %f = winnow.norm rms %u {epsilon = 1.0e-6 : f32} : tensor<?x8xf32>
    winnow.yield %f : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// Extra results pass through.
// CHECK-LABEL: func @extra(
// CHECK:         %[[NEXT:.*]] = winnow.kv_append
// CHECK:         return %{{.*}}, %[[NEXT]]
!kv = !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 16>
func.func @extra(%x: tensor<?x8xf32>, %k: tensor<?x1x8xf32>, %p: tensor<?xi32>, %kv: !kv) -> (tensor<?x8xf32>, !kv) {
  %y, %next = winnow.layer residual(%x) inputs(%u = %x, %key = %k, %positions = %p, %c = %kv)
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, !kv) -> (tensor<?x8xf32>, !kv) {
    %c1 = winnow.kv_append %c, %key, %key at %positions, %positions : !kv, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
    winnow.yield %u, %c1 : tensor<?x8xf32>, !kv
  }
  return %y, %next : tensor<?x8xf32>, !kv
}
