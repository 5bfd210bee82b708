// RUN: winnow-opt %s --winnow-quantize-activations --verify-roundtrip | FileCheck %s
// RUN: winnow-opt %s --winnow-quantize-activations=enabled=false | FileCheck %s --check-prefix=IDENTITY
// RUN: winnow-opt %s -o %t.before
// RUN: winnow-opt %s --winnow-quantize-activations=enabled=false -o %t.after
// RUN: cmp %t.before %t.after

winnow.param @q from {random = 1 : i64} : tensor<32x64xf32, #winnow.encoding<q5_0>>
winnow.param @k from {random = 2 : i64} : tensor<16x64xf32, #winnow.encoding<q4_0>>
winnow.param @float from {random = 3 : i64} : tensor<16x64xf32>
winnow.param @half from {random = 5 : i64} : tensor<16x64xf32, #winnow.encoding<f16>>
winnow.param @brain from {random = 6 : i64} : tensor<16x33xf32, #winnow.encoding<bf16>>
winnow.param @square from {random = 4 : i64} : tensor<64x64xf32, #winnow.encoding<q8_0>>

// Layers that read one value share its recode; the type says what was lost.
// CHECK-LABEL: func @shared_input(
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>
// CHECK:         %[[CODES:.*]] = winnow.recode %[[X]] : tensor<?x64xf32> -> tensor<?x64xf32, #winnow.encoding<a8_b32>>
// CHECK:         winnow.linear %[[CODES]], %{{.*}} -> tensor<?x32xf32>
// CHECK-NOT:     winnow.recode
// CHECK:         winnow.linear %[[CODES]], %{{.*}} -> tensor<?x16xf32>
// IDENTITY-LABEL: func @shared_input(
// IDENTITY-NOT:     winnow.recode
func.func @shared_input(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x16xf32>) {
  %q = winnow.use @q : tensor<32x64xf32, #winnow.encoding<q5_0>>
  %k = winnow.use @k : tensor<16x64xf32, #winnow.encoding<q4_0>>
  %a = winnow.linear %x, %q : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q5_0>> -> tensor<?x32xf32>
  %b = winnow.linear %x, %k : tensor<?x64xf32>, tensor<16x64xf32, #winnow.encoding<q4_0>> -> tensor<?x16xf32>
  return %a, %b : tensor<?x32xf32>, tensor<?x16xf32>
}

// A chain rounds each input anew.
// CHECK-LABEL: func @chain(
// CHECK:         winnow.recode
// CHECK:         %[[FIRST:.*]] = winnow.linear
// CHECK:         winnow.recode %[[FIRST]]
func.func @chain(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %w = winnow.use @square : tensor<64x64xf32, #winnow.encoding<q8_0>>
  %a = winnow.linear %x, %w : tensor<?x64xf32>, tensor<64x64xf32, #winnow.encoding<q8_0>> -> tensor<?x64xf32>
  %b = winnow.linear %a, %w : tensor<?x64xf32>, tensor<64x64xf32, #winnow.encoding<q8_0>> -> tensor<?x64xf32>
  return %b : tensor<?x64xf32>
}

// Weights of bf16 are multiplied by inputs of bf16, in any width.
// CHECK-LABEL: func @bf16_weight(
// CHECK:         %[[ROUNDED:.*]] = winnow.recode %{{.*}} : tensor<?x33xf32> -> tensor<?x33xf32, #winnow.encoding<bf16>>
// CHECK:         winnow.linear %[[ROUNDED]], %{{.*}} -> tensor<?x16xf32>
// IDENTITY-LABEL: func @bf16_weight(
// IDENTITY-NOT:     winnow.recode
func.func @bf16_weight(%x: tensor<?x33xf32>) -> tensor<?x16xf32> {
  %w = winnow.use @brain : tensor<16x33xf32, #winnow.encoding<bf16>>
  %a = winnow.linear %x, %w : tensor<?x33xf32>, tensor<16x33xf32, #winnow.encoding<bf16>> -> tensor<?x16xf32>
  return %a : tensor<?x16xf32>
}

// Others of floats have no faster product.
// CHECK-LABEL: func @float_weight(
// CHECK-NOT:     winnow.recode
// CHECK:         return
func.func @float_weight(%x: tensor<?x64xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %w = winnow.use @float : tensor<16x64xf32>
  %h = winnow.use @half : tensor<16x64xf32, #winnow.encoding<f16>>
  %a = winnow.linear %x, %w : tensor<?x64xf32>, tensor<16x64xf32> -> tensor<?x16xf32>
  %b = winnow.linear %x, %h : tensor<?x64xf32>, tensor<16x64xf32, #winnow.encoding<f16>> -> tensor<?x16xf32>
  return %a, %b : tensor<?x16xf32>, tensor<?x16xf32>
}
