// RUN: winnow-opt %s --winnow-interpret -o /dev/null

// The largest magnitude, 127, has the code 127, so the scale is 1 and numbers
// are rounded to integers, half to even.
func.func @activations() {
  %head = arith.constant dense<[[127.0, 0.4, 0.6, -2.5, 3.5, -1.5, 0.0, -127.0]]> : tensor<1x8xf32>
  %empty = tensor.empty() : tensor<4x8xf32>
  %x4 = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (0, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%head : tensor<1x8xf32>) outs(%empty : tensor<4x8xf32>) {
    ^bb0(%element: f32, %init: f32):
      linalg.yield %element : f32
  } -> tensor<4x8xf32>
  %flat = tensor.collapse_shape %x4 [[0, 1]] : tensor<4x8xf32> into tensor<32xf32>
  %x = tensor.expand_shape %flat [[0, 1]] output_shape [1, 32] : tensor<32xf32> into tensor<1x32xf32>
  %encoded = winnow.recode %x : tensor<1x32xf32> -> tensor<1x32xf32, #winnow.encoding<a8_b32>>
  %decoded = winnow.recode %encoded : tensor<1x32xf32, #winnow.encoding<a8_b32>> -> tensor<1x32xf32>
  %first = tensor.extract_slice %decoded[0, 8] [1, 8] [1, 1] : tensor<1x32xf32> to tensor<1x8xf32>
  %expected = arith.constant dense<[[127.0, 0.0, 1.0, -2.0, 4.0, -2.0, 0.0, -127.0]]> : tensor<1x8xf32>
  check.expect_eq %first, %expected : tensor<1x8xf32>
  return
}

// Eight significant bits, half to even: 1 + 2^-8 and 1 + 3 * 2^-8 are ties, and
// what lies beyond the largest number is infinity.
func.func @bf16() {
  %x = arith.constant dense<[[1.0, 1.00390625, 1.01171875, 1.004, -3.0e-40, 3.4028e38]]> : tensor<1x6xf32>
  %encoded = winnow.recode %x : tensor<1x6xf32> -> tensor<1x6xf32, #winnow.encoding<bf16>>
  %decoded = winnow.recode %encoded : tensor<1x6xf32, #winnow.encoding<bf16>> -> tensor<1x6xf32>
  %expected = arith.constant dense<[[1.0, 1.0, 1.015625, 1.0078125, -2.75506488e-40, 0x7F800000]]> : tensor<1x6xf32>
  check.expect_eq %decoded, %expected : tensor<1x6xf32>
  return
}

// Numbers that are in the format stay as they are.
func.func @idempotent() {
  %x = arith.constant dense<-3.0> : tensor<2x64xf32>
  %encoded = winnow.recode %x : tensor<2x64xf32> -> tensor<2x64xf32, #winnow.encoding<a8_b32>>
  %decoded = winnow.recode %encoded : tensor<2x64xf32, #winnow.encoding<a8_b32>> -> tensor<2x64xf32>
  check.expect_almost_eq %decoded, %x {relative = 1.0e-6} : tensor<2x64xf32>
  return
}

func.func @no_tokens() {
  %x = arith.constant dense<> : tensor<0x32xf32>
  %encoded = winnow.recode %x : tensor<0x32xf32> -> tensor<0x32xf32, #winnow.encoding<a8_b32>>
  %decoded = winnow.recode %encoded : tensor<0x32xf32, #winnow.encoding<a8_b32>> -> tensor<0x32xf32>
  check.expect_eq %decoded, %x : tensor<0x32xf32>
  return
}

// Multiples of 1/2 from -4 to 3.5 are codes of Q4_0 under the scale 1/2.
func.func @weights() {
  %row = arith.constant dense<[-4.0, -3.5, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]> : tensor<16xf32>
  %empty = tensor.empty() : tensor<2x16xf32>
  %rows = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%row : tensor<16xf32>) outs(%empty : tensor<2x16xf32>) {
    ^bb0(%element: f32, %init: f32):
      linalg.yield %element : f32
  } -> tensor<2x16xf32>
  %flat = tensor.collapse_shape %rows [[0, 1]] : tensor<2x16xf32> into tensor<32xf32>
  %x = tensor.expand_shape %flat [[0, 1]] output_shape [1, 32] : tensor<32xf32> into tensor<1x32xf32>
  %encoded = winnow.recode %x : tensor<1x32xf32> -> tensor<1x32xf32, #winnow.encoding<q4_0>>
  %decoded = winnow.recode %encoded : tensor<1x32xf32, #winnow.encoding<q4_0>> -> tensor<1x32xf32>
  check.expect_eq %decoded, %x : tensor<1x32xf32>
  return
}
