// RUN: winnow-opt %s --winnow-assign-layouts --verify-roundtrip --split-input-file --verify-diagnostics | FileCheck %s

// Arithmetic on params and constants is left to the writer of the weights, with
// the change of the format behind it; nothing of it stays.

// CHECK:     winnow.param @matrix {{.*}} {winnow.steps = [
// CHECK-SAME:  {axis = "columns", op = "mul", values = dense<[1.000000e+00, 2.000000e+00, {{.*}}]> : tensor<32xf32>}
// CHECK-SAME:  {axis = "rows", op = "mul", values = dense<[2.000000e+00, 3.000000e+00]> : tensor<2xf32>}
// CHECK-SAME:  ], winnow.stored = tensor<2x32xf32, #winnow.encoding<q8_0>>} : tensor<2x32xf32, #winnow.encoding<q4_0, tile16>>
// CHECK:     winnow.param @vector {{.*}} {winnow.steps = [
// CHECK-SAME:  {axis = "columns", op = "add", values = dense<1.000000e+00> : tensor<2xf32>}
// CHECK-SAME:  {axis = "columns", op = "mul", values = dense<[5.000000e-01, 2.000000e+00]> : tensor<2xf32>}
// CHECK-SAME:  ], winnow.stored = tensor<2xf32, #winnow.encoding<bf16>>} : tensor<2xf32>
winnow.param @matrix from {random = 1 : i64} : tensor<2x32xf32, #winnow.encoding<q8_0>>
winnow.param @vector from {random = 2 : i64} : tensor<2xf32, #winnow.encoding<bf16>>

// CHECK-LABEL: func @forward(
// CHECK-NEXT:    %[[W:.*]] = winnow.use @matrix : tensor<2x32xf32, #winnow.encoding<q4_0, tile16>>
// CHECK-NEXT:    %[[V:.*]] = winnow.use @vector : tensor<2xf32>
// CHECK-NEXT:    %[[Y:.*]] = winnow.linear %{{.*}}, %[[W]] bias(%[[V]] : tensor<2xf32>)
// CHECK-NEXT:    return %[[Y]]
func.func @forward(%x: tensor<?x32xf32>) -> tensor<?x2xf32> {
  %w = winnow.use @matrix : tensor<2x32xf32, #winnow.encoding<q8_0>>
  %d = winnow.recode %w : tensor<2x32xf32, #winnow.encoding<q8_0>> -> tensor<2x32xf32>
  %c = arith.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]> : tensor<32xf32>
  %e = tensor.empty() : tensor<2x32xf32>
  %cs = linalg.broadcast ins(%c : tensor<32xf32>) outs(%e : tensor<2x32xf32>) dimensions = [0]
  %m = arith.mulf %d, %cs : tensor<2x32xf32>
  %r = arith.constant dense<[2.0, 3.0]> : tensor<2xf32>
  %rs = linalg.broadcast ins(%r : tensor<2xf32>) outs(%e : tensor<2x32xf32>) dimensions = [1]
  %n = arith.mulf %rs, %m : tensor<2x32xf32>
  %q = winnow.recode %n : tensor<2x32xf32> -> tensor<2x32xf32, #winnow.encoding<q4_0>>
  %v = winnow.use @vector : tensor<2xf32, #winnow.encoding<bf16>>
  %g = winnow.recode %v : tensor<2xf32, #winnow.encoding<bf16>> -> tensor<2xf32>
  %one = arith.constant dense<1.0> : tensor<2xf32>
  %h = arith.addf %g, %one : tensor<2xf32>
  %s = arith.constant dense<[0.5, 2.0]> : tensor<2xf32>
  %b = arith.mulf %h, %s : tensor<2xf32>
  %y = winnow.linear %x, %q bias(%b : tensor<2xf32>) : tensor<?x32xf32>, tensor<2x32xf32, #winnow.encoding<q4_0>> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// expected-error @+1 {{is read with different arithmetic on it}}
winnow.param @w from {random = 1 : i64} : tensor<2x2xf32>
func.func @both(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = winnow.use @w : tensor<2x2xf32>
  %two = arith.constant dense<2.0> : tensor<2x2xf32>
  %d = arith.mulf %w, %two : tensor<2x2xf32>
  %y = winnow.linear %x, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %z = winnow.linear %x, %d : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}
