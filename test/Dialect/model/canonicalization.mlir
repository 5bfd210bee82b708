// RUN: winnow-opt %s --canonicalize --cse --verify-roundtrip | FileCheck %s

// Two uses of one param are one; an unused one goes.
// CHECK-LABEL: func @uses
// CHECK-NEXT:    %[[W:.*]] = winnow.use @w
// CHECK-NEXT:    return %[[W]], %[[W]]
winnow.param @w from {random = 1 : i64} : tensor<4xf32>
func.func @uses() -> (tensor<4xf32>, tensor<4xf32>) {
  %a = winnow.use @w : tensor<4xf32>
  %b = winnow.use @w : tensor<4xf32>
  %c = winnow.use @w : tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}

// A layer is never dropped without being told to.
// CHECK-LABEL: func @layer_stays
// CHECK:         winnow.layer
func.func @layer_stays(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = winnow.layer residual(%x) inputs(%u = %x) {multiplier = 0.0 : f32} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    winnow.yield %u : tensor<?x4xf32>
  }
  return %y : tensor<?x4xf32>
}

// Taps are neither dead code nor equal to one another.
// CHECK-LABEL: func @taps_stay
// CHECK-COUNT-2: winnow.observe channels "w"
func.func @taps_stay(%x: tensor<?x4xf32>) {
  winnow.observe channels "w"(%x) : tensor<?x4xf32>
  winnow.observe channels "w"(%x) : tensor<?x4xf32>
  return
}
