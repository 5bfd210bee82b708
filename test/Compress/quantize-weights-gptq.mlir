// RUN: winnow-opt %s "--winnow-quantize-weights=format=q4_0 method=gptq skip=wide" --verify-roundtrip | FileCheck %s
// RUN: winnow-opt %s "--winnow-quantize-weights=format=f16 method=gptq" | FileCheck %s --check-prefix=FLOAT
// RUN: not winnow-opt %s "--winnow-quantize-weights=format=q4_0 method=gptq only=wide" 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: sed 's/gram.mean/gram.median/' %s | not winnow-opt "--winnow-quantize-weights=format=q4_0 method=gptq only=q" 2>&1 | FileCheck %s --check-prefix=NONE

// Weights that share an input share its statistics; a table has none; floats
// are rounded one by one.
// CHECK-LABEL: func @linear(
// CHECK:         winnow.recode %{{.*}} {codes = #winnow.codes<gptq, "q">} : tensor<2x32xf32> -> tensor<2x32xf32, #winnow.encoding<q4_0>>
// CHECK:         winnow.recode %{{.*}} {codes = #winnow.codes<gptq, "k">} : tensor<2x32xf32> -> tensor<2x32xf32, #winnow.encoding<q4_0>>
// CHECK-LABEL: func @table(
// CHECK:         winnow.recode %{{.*}} : tensor<8x32xf32> -> tensor<8x32xf32, #winnow.encoding<q4_0>>
// FLOAT-NOT:   codes =
// SHAPE: error: 'winnow.param' op needs the statistics 'gram.mean/wide' of its width for 'method=gptq': --statistics=FILE, written by winnow-compile --calibrate --observe=gram
// NONE: error: 'winnow.param' op needs the statistics 'gram.mean/q'

module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {k = "q"}, values = {
    "gram.mean/q" = dense<1.0> : tensor<32x32xf32>, "gram.mean/wide" = dense<1.0> : tensor<32x32xf32>}}} {
winnow.param @q from {random = 1 : i64} : tensor<2x32xf32>
winnow.param @k from {random = 2 : i64} : tensor<2x32xf32>
winnow.param @wide from {random = 3 : i64} : tensor<2x64xf32>
winnow.param @embedding from {random = 4 : i64} : tensor<8x32xf32>
func.func @linear(%x: tensor<?x32xf32>, %z: tensor<?x64xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %q = winnow.use @q : tensor<2x32xf32>
  %a = winnow.linear %x, %q : tensor<?x32xf32>, tensor<2x32xf32> -> tensor<?x2xf32>
  %k = winnow.use @k : tensor<2x32xf32>
  %b = winnow.linear %x, %k : tensor<?x32xf32>, tensor<2x32xf32> -> tensor<?x2xf32>
  %w = winnow.use @wide : tensor<2x64xf32>
  %c = winnow.linear %z, %w : tensor<?x64xf32>, tensor<2x64xf32> -> tensor<?x2xf32>
  return %a, %b, %c : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
func.func @table(%ids: tensor<?xi32>) -> tensor<?x32xf32> {
  %w = winnow.use @embedding : tensor<8x32xf32>
  %e = winnow.embed %w[%ids] : tensor<8x32xf32>, tensor<?xi32> -> tensor<?x32xf32>
  return %e : tensor<?x32xf32>
}
}
