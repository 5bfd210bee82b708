// RUN: winnow-opt %s --winnow-interpret -o /dev/null

func.func @rows() {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %indices = arith.constant dense<[2, 0]> : tensor<2xi32>
  %y = winnow.token_gather %x[%indices] : tensor<3x2xf32>, tensor<2xi32> -> tensor<2x2xf32>
  %expected = arith.constant dense<[[5.0, 6.0], [1.0, 2.0]]> : tensor<2x2xf32>
  check.expect_eq %y, %expected : tensor<2x2xf32>
  return
}

// All indices in order: the identity.
func.func @all() {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %indices = arith.constant dense<[0, 1]> : tensor<2xi32>
  %y = winnow.token_gather %x[%indices] : tensor<2x2xf32>, tensor<2xi32> -> tensor<2x2xf32>
  check.expect_eq %y, %x : tensor<2x2xf32>
  return
}

func.func @none() {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %indices = arith.constant dense<> : tensor<0xi32>
  %y = winnow.token_gather %x[%indices] : tensor<1x2xf32>, tensor<0xi32> -> tensor<0x2xf32>
  %expected = arith.constant dense<> : tensor<0x2xf32>
  check.expect_eq %y, %expected : tensor<0x2xf32>
  return
}
