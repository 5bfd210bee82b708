// RUN: winnow-opt %s --canonicalize --verify-roundtrip | FileCheck %s

// Without turning channels, rope is the identity.
// CHECK-LABEL: func @rope_of_no_channels
// CHECK-SAME:    %[[X:[^:]*]]: tensor<?x2x8xf32>
// CHECK-NEXT:    return %[[X]]
func.func @rope_of_no_channels(%x: tensor<?x2x8xf32>, %p: tensor<?xi32>) -> tensor<?x2x8xf32> {
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 0 : i64} : tensor<?x2x8xf32>, tensor<?xi32>
  return %y : tensor<?x2x8xf32>
}

// CHECK-LABEL: func @rope_stays
// CHECK:         winnow.rope
func.func @rope_stays(%x: tensor<?x2x8xf32>, %p: tensor<?xi32>) -> tensor<?x2x8xf32> {
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 2 : i64} : tensor<?x2x8xf32>, tensor<?xi32>
  return %y : tensor<?x2x8xf32>
}

// Ops without effects go when nobody reads them.
// CHECK-LABEL: func @unused
// CHECK-NEXT:    return
func.func @unused(%x: tensor<?x8xf32>) {
  %y = winnow.norm rms %x {epsilon = 0.0 : f32} : tensor<?x8xf32>
  return
}
