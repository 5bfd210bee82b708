// RUN: winnow-opt %s --winnow-interpret -o /dev/null

// x = (3, 4): the mean of squares is 12.5.
func.func @rms() {
  %x = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %y = winnow.norm rms %x {epsilon = 0.0 : f32} : tensor<1x2xf32>
  %expected = arith.constant dense<[[0.8485281, 1.1313708]]> : tensor<1x2xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-6} : tensor<1x2xf32>
  return
}

// Epsilon is added to the mean of squares: 12.5 + 3.5 = 16.
func.func @rms_epsilon() {
  %x = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %y = winnow.norm rms %x {epsilon = 3.5 : f32} : tensor<1x2xf32>
  %expected = arith.constant dense<[[0.75, 1.0]]> : tensor<1x2xf32>
  check.expect_eq %y, %expected : tensor<1x2xf32>
  return
}

func.func @rms_weight() {
  %x = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[2.0, -1.0]> : tensor<2xf32>
  %y = winnow.norm rms %x weight(%w : tensor<2xf32>) {epsilon = 3.5 : f32} : tensor<1x2xf32>
  %expected = arith.constant dense<[[1.5, -1.0]]> : tensor<1x2xf32>
  check.expect_eq %y, %expected : tensor<1x2xf32>
  return
}

// The offset is added to the weight: factors are 3 and 0.
func.func @rms_weight_offset() {
  %x = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[2.0, -1.0]> : tensor<2xf32>
  %y = winnow.norm rms %x weight(%w : tensor<2xf32>)
      {epsilon = 3.5 : f32, weight_offset = 1.0 : f32} : tensor<1x2xf32>
  %expected = arith.constant dense<[[2.25, 0.0]]> : tensor<1x2xf32>
  check.expect_eq %y, %expected : tensor<1x2xf32>
  return
}

// Mean 4, variance 1.
func.func @layer() {
  %x = arith.constant dense<[[3.0, 5.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[2.0, 3.0]> : tensor<2xf32>
  %b = arith.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %y = winnow.norm layer %x weight(%w : tensor<2xf32>) bias(%b : tensor<2xf32>)
      {epsilon = 0.0 : f32} : tensor<1x2xf32>
  %expected = arith.constant dense<[[8.0, 23.0]]> : tensor<1x2xf32>
  check.expect_eq %y, %expected : tensor<1x2xf32>
  return
}

func.func @l2() {
  %x = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %y = winnow.norm l2 %x {epsilon = 0.0 : f32} : tensor<1x2xf32>
  %expected = arith.constant dense<[[0.6, 0.8]]> : tensor<1x2xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-7} : tensor<1x2xf32>
  return
}

// A length below epsilon counts as epsilon.
func.func @l2_short() {
  %x = arith.constant dense<[[0.0, 0.5]]> : tensor<1x2xf32>
  %y = winnow.norm l2 %x {epsilon = 2.0 : f32} : tensor<1x2xf32>
  %expected = arith.constant dense<[[0.0, 0.25]]> : tensor<1x2xf32>
  check.expect_eq %y, %expected : tensor<1x2xf32>
  return
}

// Each head of each token is a row of its own.
func.func @heads() {
  %x = arith.constant dense<[[[3.0, 4.0], [0.0, 2.0]]]> : tensor<1x2x2xf32>
  %y = winnow.norm l2 %x {epsilon = 0.0 : f32} : tensor<1x2x2xf32>
  %expected = arith.constant dense<[[[0.6, 0.8], [0.0, 1.0]]]> : tensor<1x2x2xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-7} : tensor<1x2x2xf32>
  return
}

func.func @no_tokens() {
  %x = arith.constant dense<> : tensor<0x2xf32>
  %y = winnow.norm rms %x {epsilon = 1.0 : f32} : tensor<0x2xf32>
  check.expect_eq %y, %x : tensor<0x2xf32>
  return
}
