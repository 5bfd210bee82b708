// RUN: winnow-opt %s "--winnow-quantize-weights=format=q4_0 method=awq skip=none" --remark-policy=all --remarks-filter=quantize-weights --verify-roundtrip 2>&1 | FileCheck %s
// RUN: not winnow-opt %s "--winnow-quantize-weights=format=q4_0 method=awq only=none" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: sed 's/channels.abs_mean/channels.abs_median/' %s | not winnow-opt "--winnow-quantize-weights=format=q4_0 method=awq skip=none" 2>&1 | FileCheck %s --check-prefix=MEAN
// RUN: winnow-opt %s "--winnow-quantize-weights=format=q4_0 method=awq only=q" --remark-policy=all --remarks-filter=quantize-weights 2>&1 | FileCheck %s --check-prefix=SOME
// RUN: winnow-opt %s "--winnow-quantize-weights=format=bf16 method=awq skip=none" | FileCheck %s --check-prefix=FLOAT

// Channels of equal size have factors of 1 whatever the exponent, so the first
// one is kept. Blocks are cut off where there is a Gram matrix.
// CHECK-DAG:   remark: [Missed] q {{.*}}the input of awq stays as it is: no factors lose less
// CHECK-DAG:   remark: [Missed] plain {{.*}}the input of awq stays as it is: nothing in front can be divided
// CHECK-LABEL: func @linear(
// CHECK:         winnow.recode %{{.*}} {codes = #winnow.codes<clip, "q">} : tensor<2x32xf32> -> tensor<2x32xf32, #winnow.encoding<q4_0>>
// CHECK:         winnow.recode %{{.*}} {codes = #winnow.codes<clip, "k">} : tensor<2x32xf32> -> tensor<2x32xf32, #winnow.encoding<q4_0>>
// CHECK:         winnow.recode %{{.*}} : tensor<2x32xf32> -> tensor<2x32xf32, #winnow.encoding<q4_0>>
// NONE: error: 'winnow.param' op needs the statistics 'gram.mean/none' of its width for 'method=awq': --statistics=FILE, written by winnow-compile --calibrate --observe=channels,gram
// MEAN: error: 'winnow.linear' op needs the statistics 'channels.abs_mean/q' of its width for 'method=awq'
// SOME-DAG:    remark: [Missed] q {{.*}}the input of awq stays as it is: not all that read it are quantized here
// FLOAT-NOT:   codes =

module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {k = "q"}, values = {
    "channels.abs_mean/q" = dense<1.0> : tensor<32xf32>,
    "gram.mean/q" = dense<1.0> : tensor<32x32xf32>,
    "channels.rms/plain" = dense<1.0> : tensor<32xf32>}}} {
winnow.param @gamma from {splat = 1.0 : f32} : tensor<32xf32>
winnow.param @q from {random = 1 : i64} : tensor<2x32xf32>
winnow.param @k from {random = 2 : i64} : tensor<2x32xf32>
winnow.param @plain from {random = 3 : i64} : tensor<2x32xf32>
winnow.param @none from {random = 4 : i64} : tensor<2x32xf32>
func.func @linear(%x: tensor<?x32xf32>, %z: tensor<?x32xf32>, %u: tensor<?x32xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %g = winnow.use @gamma : tensor<32xf32>
  %n = winnow.norm rms %x weight(%g : tensor<32xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x32xf32>
  %q = winnow.use @q : tensor<2x32xf32>
  %a = winnow.linear %n, %q : tensor<?x32xf32>, tensor<2x32xf32> -> tensor<?x2xf32>
  %k = winnow.use @k : tensor<2x32xf32>
  %b = winnow.linear %n, %k : tensor<?x32xf32>, tensor<2x32xf32> -> tensor<?x2xf32>
  %w = winnow.use @plain : tensor<2x32xf32>
  %c = winnow.linear %z, %w : tensor<?x32xf32>, tensor<2x32xf32> -> tensor<?x2xf32>
  %m = winnow.use @none : tensor<2x32xf32>
  %d = winnow.linear %u, %m : tensor<?x32xf32>, tensor<2x32xf32> -> tensor<?x2xf32>
  return %a, %b, %c, %d : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
}
