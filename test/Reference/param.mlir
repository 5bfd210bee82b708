// RUN: winnow-opt %s --winnow-interpret -o /dev/null

winnow.param @splat from {splat = 0.5 : f32} : tensor<2x3xf32>
winnow.param @splat_bf16 from {splat = 0.501 : f32} : tensor<2x3xf32, #winnow.encoding<bf16>>
winnow.param @random from {random = 0 : i64} : tensor<1x2xf32>

func.func @use_splat() {
  %w = winnow.use @splat : tensor<2x3xf32>
  %expected = arith.constant dense<0.5> : tensor<2x3xf32>
  check.expect_eq %w, %expected : tensor<2x3xf32>
  return
}

// The neighbours of 0.501 in bf16 are 1/256 apart: 0.5 is nearest.
func.func @use_splat_bf16() {
  %w = winnow.use @splat_bf16 : tensor<2x3xf32, #winnow.encoding<bf16>>
  %numbers = winnow.recode %w : tensor<2x3xf32, #winnow.encoding<bf16>> -> tensor<2x3xf32>
  %expected = arith.constant dense<0.5> : tensor<2x3xf32>
  check.expect_eq %numbers, %expected : tensor<2x3xf32>
  return
}

// The first two outputs of splitmix64 with seed 0 are E220A8397B1DCDAF and
// 6E789E6AA1B965F4: sums of 16-bit parts 185125 and 136335, less 131070, times
// 0.02 sqrt(3) / 65536.
func.func @use_random() {
  %w = winnow.use @random : tensor<1x2xf32>
  %expected = arith.constant dense<[[0.0285723896, 0.00278297348]]> : tensor<1x2xf32>
  check.expect_almost_eq %w, %expected {relative = 1.0e-7} : tensor<1x2xf32>
  return
}
