// RUN: winnow-opt %s "--winnow-quantize-weights=format=int8_g32_2of4 method=wanda skip=other" --verify-roundtrip | FileCheck %s
// RUN: not winnow-opt %s "--winnow-quantize-weights=format=q4_0 method=wanda" 2>&1 | FileCheck %s --check-prefix=DENSE
// RUN: not winnow-opt %s "--winnow-quantize-weights=format=int8_g32_2of4 method=wanda only=other" 2>&1 | FileCheck %s --check-prefix=NONE

// Norms of inputs are enough; a table has none.
// CHECK-LABEL: func @linear(
// CHECK:         winnow.recode %{{.*}} {codes = #winnow.codes<wanda, "q">} : tensor<2x32xf32> -> tensor<2x32xf32, #winnow.encoding<int8_g32_2of4>>
// CHECK-LABEL: func @table(
// CHECK:         winnow.recode %{{.*}} : tensor<8x32xf32> -> tensor<8x32xf32, #winnow.encoding<int8_g32_2of4>>
// DENSE: error: expects 'format' of winnow-quantize-weights to be one that leaves numbers out for 'method=wanda', which chooses them; found 'q4_0'
// NONE: error: 'winnow.param' op needs the statistics 'channels.rms/other' of its width for 'method=wanda': --statistics=FILE, written by winnow-compile --calibrate --observe=channels

module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {}, values = {
    "channels.rms/q" = dense<1.0> : tensor<32xf32>}}} {
winnow.param @q from {random = 1 : i64} : tensor<2x32xf32>
winnow.param @other from {random = 2 : i64} : tensor<2x32xf32>
winnow.param @embedding from {random = 3 : i64} : tensor<8x32xf32>
func.func @linear(%x: tensor<?x32xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %q = winnow.use @q : tensor<2x32xf32>
  %a = winnow.linear %x, %q : tensor<?x32xf32>, tensor<2x32xf32> -> tensor<?x2xf32>
  %other = winnow.use @other : tensor<2x32xf32>
  %b = winnow.linear %x, %other : tensor<?x32xf32>, tensor<2x32xf32> -> tensor<?x2xf32>
  return %a, %b : tensor<?x2xf32>, tensor<?x2xf32>
}
func.func @table(%ids: tensor<?xi32>) -> tensor<?x32xf32> {
  %w = winnow.use @embedding : tensor<8x32xf32>
  %e = winnow.embed %w[%ids] : tensor<8x32xf32>, tensor<?xi32> -> tensor<?x32xf32>
  return %e : tensor<?x32xf32>
}
}
