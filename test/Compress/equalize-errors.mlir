// RUN: not winnow-opt %s --winnow-equalize=method=rotate 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not winnow-opt %s "--winnow-equalize=method=diagonal alpha=1.5" 2>&1 | FileCheck %s --check-prefix=ALPHA
// RUN: not winnow-opt %s "--winnow-equalize=method=diagonal round=up" 2>&1 | FileCheck %s --check-prefix=ROUND
// RUN: not winnow-opt %s "--winnow-equalize=method=diagonal only=other" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not winnow-opt %s "--winnow-equalize=method=diagonal only=q" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not winnow-opt %s "--winnow-equalize=method=diagonal only=file" 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: winnow-opt %s "--winnow-equalize=method=diagonal only=plain" --remark-policy=all --remarks-filter-passed=.* --remarks-filter-missed=.* 2>&1 | FileCheck %s --check-prefix=REMARK

// METHOD: error: expects 'method' of winnow-equalize to be none, diagonal or hadamard; found 'rotate'
// ALPHA: error: expects 'alpha' of winnow-equalize in [0, 1]; found 1.5
// ROUND: error: expects 'round' of winnow-equalize to be nearest or pow2; found 'up'
// NAME: error: has no linear layer whose weight matches 'only' of winnow-equalize, 'other'
// NONE: error: 'winnow.linear' op needs the statistics 'channels.abs_max/q' of its width for winnow-equalize: --statistics=FILE, written by winnow-compile --calibrate
// FILE: error: 'winnow.param' op is a tensor of a checkpoint, which only winnow-compile and the libraries have
// REMARK: [Missed] plain {{.*}}its input stays as it is: {{.*}}nothing in front can be divided

module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {}, values = {
    "channels.abs_max/file" = dense<[0.5, 8.0]> : tensor<2xf32>}}} {
winnow.param @gamma from {splat = 0.5 : f32} : tensor<2xf32>
winnow.param @delta from {splat = 0.5 : f32} : tensor<2xf32>
winnow.param @q from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @file from {file = "w"} : tensor<2x2xf32>
winnow.param @plain from {splat = 1.0 : f32} : tensor<2x2xf32>
func.func @norm(%x: tensor<?x2xf32>, %other: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %g = winnow.use @gamma : tensor<2xf32>
  %n = winnow.norm rms %x weight(%g : tensor<2xf32>) {epsilon = 1.0e-5 : f32} : tensor<?x2xf32>
  %q = winnow.use @q : tensor<2x2xf32>
  %y = winnow.linear %n, %q : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %h = winnow.use @delta : tensor<2xf32>
  %m = winnow.norm rms %x weight(%h : tensor<2xf32>) {epsilon = 1.0e-5 : f32} : tensor<?x2xf32>
  %f = winnow.use @file : tensor<2x2xf32>
  %z = winnow.linear %m, %f : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %p = winnow.use @plain : tensor<2x2xf32>
  %u = winnow.linear %other, %p : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  return %y, %z, %u : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
}
