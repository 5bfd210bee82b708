// RUN: winnow-opt %s --winnow-interpret -o /dev/null

// y = x transposed(w) + bias; w is [3, 2].
func.func @plain() {
  %x = arith.constant dense<[[1.0, 2.0], [0.0, -1.0]]> : tensor<2x2xf32>
  %w = arith.constant dense<[[1.0, 1.0], [2.0, 0.0], [0.0, 4.0]]> : tensor<3x2xf32>
  %y = winnow.linear %x, %w : tensor<2x2xf32>, tensor<3x2xf32> -> tensor<2x3xf32>
  %expected = arith.constant dense<[[3.0, 2.0, 8.0], [-1.0, 0.0, -4.0]]> : tensor<2x3xf32>
  check.expect_eq %y, %expected : tensor<2x3xf32>
  return
}

func.func @bias() {
  %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[[1.0, 1.0], [2.0, 0.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[0.5, -2.0]> : tensor<2xf32>
  %y = winnow.linear %x, %w bias(%b : tensor<2xf32>) : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  %expected = arith.constant dense<[[3.5, 0.0]]> : tensor<1x2xf32>
  check.expect_eq %y, %expected : tensor<1x2xf32>
  return
}

// Sums are f64: in f32 the 1 would be lost between the two large numbers.
func.func @accumulation() {
  %x = arith.constant dense<[[1.0e8, 1.0, -1.0e8]]> : tensor<1x3xf32>
  %w = arith.constant dense<1.0> : tensor<1x3xf32>
  %y = winnow.linear %x, %w : tensor<1x3xf32>, tensor<1x3xf32> -> tensor<1x1xf32>
  %expected = arith.constant dense<1.0> : tensor<1x1xf32>
  check.expect_eq %y, %expected : tensor<1x1xf32>
  return
}

winnow.param @weight from {random = 3 : i64} : tensor<4x256xf32, #winnow.encoding<q4_k>>

// Encoded operands mean their decoded numbers.
func.func @encoded() {
  %one = arith.constant dense<1.0> : tensor<2x256xf32>
  %w = winnow.use @weight : tensor<4x256xf32, #winnow.encoding<q4_k>>
  %y = winnow.linear %one, %w : tensor<2x256xf32>, tensor<4x256xf32, #winnow.encoding<q4_k>> -> tensor<2x4xf32>
  %numbers = winnow.recode %w : tensor<4x256xf32, #winnow.encoding<q4_k>> -> tensor<4x256xf32>
  check.expect_sane %numbers : tensor<4x256xf32>
  %expected = winnow.linear %one, %numbers : tensor<2x256xf32>, tensor<4x256xf32> -> tensor<2x4xf32>
  check.expect_eq %y, %expected : tensor<2x4xf32>

  %a = winnow.recode %one : tensor<2x256xf32> -> tensor<2x256xf32, #winnow.encoding<a8_b32>>
  %z = winnow.linear %a, %w
      : tensor<2x256xf32, #winnow.encoding<a8_b32>>, tensor<4x256xf32, #winnow.encoding<q4_k>> -> tensor<2x4xf32>
  check.expect_almost_eq %z, %y {relative = 1.0e-6, absolute = 1.0e-6} : tensor<2x4xf32>
  return
}
