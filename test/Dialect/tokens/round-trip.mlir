// RUN: winnow-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @token_gather
// CHECK:         %rows = winnow.token_gather %{{[a-z0-9_]+}}[%{{[a-z0-9_]+}}] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
func.func @token_gather(%x: tensor<?x8xf32>, %i: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = winnow.token_gather %x[%i] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
