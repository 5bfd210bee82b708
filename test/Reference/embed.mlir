// RUN: winnow-opt %s --winnow-interpret -o /dev/null

func.func @plain() {
  %table = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %ids = arith.constant dense<[2, 0, 2]> : tensor<3xi32>
  %y = winnow.embed %table[%ids] : tensor<3x2xf32>, tensor<3xi32> -> tensor<3x2xf32>
  %expected = arith.constant dense<[[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]> : tensor<3x2xf32>
  check.expect_eq %y, %expected : tensor<3x2xf32>
  return
}

func.func @scale() {
  %table = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %ids = arith.constant dense<1> : tensor<1xi32>
  %y = winnow.embed %table[%ids] {scale = 2.5 : f32} : tensor<2x2xf32>, tensor<1xi32> -> tensor<1x2xf32>
  %expected = arith.constant dense<[[7.5, 10.0]]> : tensor<1x2xf32>
  check.expect_eq %y, %expected : tensor<1x2xf32>
  return
}

winnow.param @table from {random = 11 : i64} : tensor<5x32xf32, #winnow.encoding<q8_0>>

// A row of an encoded table is the decoded row.
func.func @encoded() {
  %table = winnow.use @table : tensor<5x32xf32, #winnow.encoding<q8_0>>
  %ids = arith.constant dense<[4, 1]> : tensor<2xi32>
  %y = winnow.embed %table[%ids] : tensor<5x32xf32, #winnow.encoding<q8_0>>, tensor<2xi32> -> tensor<2x32xf32>
  %numbers = winnow.recode %table : tensor<5x32xf32, #winnow.encoding<q8_0>> -> tensor<5x32xf32>
  %expected = winnow.token_gather %numbers[%ids] : tensor<5x32xf32>, tensor<2xi32> -> tensor<2x32xf32>
  check.expect_eq %y, %expected : tensor<2x32xf32>
  return
}
