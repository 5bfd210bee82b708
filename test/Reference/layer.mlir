// RUN: winnow-opt %s --winnow-interpret -o /dev/null

// y = r + f(u), and an extra result.
func.func @plain() {
  %r = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %u = arith.constant dense<[[10.0, 20.0]]> : tensor<1x2xf32>
  %n = arith.constant 7 : i64
  %y, %m = winnow.layer residual(%r) inputs(%x = %u, %i = %n)
      : (tensor<1x2xf32>, tensor<1x2xf32>, i64) -> (tensor<1x2xf32>, i64) {
    %one = arith.constant 1 : i64
    %next = arith.addi %i, %one : i64
    %f = arith.addf %x, %x : tensor<1x2xf32>
    winnow.yield %f, %next : tensor<1x2xf32>, i64
  }
  %expected = arith.constant dense<[[21.0, 42.0]]> : tensor<1x2xf32>
  check.expect_eq %y, %expected : tensor<1x2xf32>
  %eight = arith.constant 8 : i64
  check.expect_eq %m, %eight : i64
  return
}

func.func @multiplier() {
  %r = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %y = winnow.layer residual(%r) inputs(%x = %r) {multiplier = -0.5 : f32}
      : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32> {
    winnow.yield %x : tensor<1x2xf32>
  }
  %expected = arith.constant dense<[[0.5, 1.0]]> : tensor<1x2xf32>
  check.expect_eq %y, %expected : tensor<1x2xf32>
  return
}
