// RUN: winnow-opt %s --winnow-assign-layouts --verify-roundtrip --split-input-file --verify-diagnostics | FileCheck %s

// A matrix of a linear layer is tiled, also where it is an embedding, too; a
// table of floats alone stays as it is; a vector is decoded; the type that the
// checkpoint stores is kept beside.

// CHECK:     winnow.param @matrix from {random = 1 : i64} {winnow.stored = tensor<32x64xf32, #winnow.encoding<q5_0>>} : tensor<32x64xf32, #winnow.encoding<q5_0, tile16>>
// CHECK:     winnow.param @vector {{.*}}{winnow.stored = tensor<64xf32, #winnow.encoding<bf16>>} : tensor<64xf32>
// CHECK:     winnow.param @table {{.*}} : tensor<32x64xf32>
// CHECK:     winnow.param @tied {{.*}} : tensor<32x64xf32, #winnow.encoding<f32, tile16>>
// CHECK:     winnow.param @half {{.*}} : tensor<32x64xf32, #winnow.encoding<f16, tile16>>
// CHECK-NOT: @unused
winnow.param @matrix from {random = 1 : i64} : tensor<32x64xf32, #winnow.encoding<q5_0>>
winnow.param @vector from {random = 2 : i64} : tensor<64xf32, #winnow.encoding<bf16>>
winnow.param @table from {random = 3 : i64} : tensor<32x64xf32>
winnow.param @tied from {random = 5 : i64} : tensor<32x64xf32>
winnow.param @half from {random = 6 : i64} : tensor<32x64xf32, #winnow.encoding<f16>>
winnow.param @unused from {random = 4 : i64} : tensor<64xf32>

// CHECK-LABEL: func @forward(
// CHECK:         winnow.use @table : tensor<32x64xf32>
// CHECK:         winnow.use @matrix : tensor<32x64xf32, #winnow.encoding<q5_0, tile16>>
func.func @forward(%ids: tensor<?xi32>) -> tensor<?x32xf32> {
  %t = winnow.use @table : tensor<32x64xf32>
  %x = winnow.embed %t[%ids] : tensor<32x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  %stored = winnow.use @vector : tensor<64xf32, #winnow.encoding<bf16>>
  %v = winnow.recode %stored : tensor<64xf32, #winnow.encoding<bf16>> -> tensor<64xf32>
  %n = winnow.norm rms %x weight(%v : tensor<64xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x64xf32>
  %w = winnow.use @matrix : tensor<32x64xf32, #winnow.encoding<q5_0>>
  %y = winnow.linear %n, %w : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q5_0>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

func.func @tables(%ids: tensor<?xi32>) -> (tensor<?x32xf32>, tensor<?x64xf32>) {
  %t = winnow.use @tied : tensor<32x64xf32>
  %x = winnow.embed %t[%ids] : tensor<32x64xf32>, tensor<?xi32> -> tensor<?x64xf32>
  %y = winnow.linear %x, %t : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  %h = winnow.use @half : tensor<32x64xf32, #winnow.encoding<f16>>
  %z = winnow.embed %h[%ids] : tensor<32x64xf32, #winnow.encoding<f16>>, tensor<?xi32> -> tensor<?x64xf32>
  return %y, %z : tensor<?x32xf32>, tensor<?x64xf32>
}

// -----

// A vector that is decoded where it is read is decoded in the file.

// CHECK:       winnow.param @gain {{.*}} : tensor<64xf32>
// CHECK-LABEL: func @decoded(
// CHECK:         %[[GAIN:.*]] = winnow.use @gain : tensor<64xf32>
// CHECK-NOT:     winnow.recode
// CHECK:         winnow.norm  rms %{{.*}} weight(%[[GAIN]]
winnow.param @gain from {random = 2 : i64} : tensor<64xf32, #winnow.encoding<bf16>>
func.func @decoded(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %v = winnow.use @gain : tensor<64xf32, #winnow.encoding<bf16>>
  %gain = winnow.recode %v : tensor<64xf32, #winnow.encoding<bf16>> -> tensor<64xf32>
  %n = winnow.norm rms %x weight(%gain : tensor<64xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x64xf32>
  return %n : tensor<?x64xf32>
}

// -----

// expected-error @below {{is read both as a matrix of a linear layer and as a plain tensor}}
winnow.param @both from {random = 1 : i64} : tensor<64x64xf32>
func.func @forward(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %w = winnow.use @both : tensor<64x64xf32>
  %y = winnow.linear %x, %w : tensor<64x64xf32>, tensor<64x64xf32> -> tensor<64x64xf32>
  %empty = tensor.empty() : tensor<64x64xf32>
  %z = linalg.map { arith.addf } ins(%y, %w : tensor<64x64xf32>, tensor<64x64xf32>) outs(%empty : tensor<64x64xf32>)
  return %z : tensor<64x64xf32>
}

// -----

// A matrix is stored in the format in which it is read.

// CHECK:       winnow.param @recoded {{.*}}{winnow.stored = tensor<32x64xf32, #winnow.encoding<bf16>>} : tensor<32x64xf32, #winnow.encoding<q4_0, tile16>>
// CHECK:       winnow.param @decoded_matrix {{.*}}{winnow.stored = tensor<32x64xf32, #winnow.encoding<q8_0>>} : tensor<32x64xf32, #winnow.encoding<f32, tile16>>
// CHECK-LABEL: func @recode(
// CHECK-NOT:     winnow.recode
// CHECK:         return
winnow.param @recoded from {random = 1 : i64} : tensor<32x64xf32, #winnow.encoding<bf16>>
winnow.param @decoded_matrix from {random = 2 : i64} : tensor<32x64xf32, #winnow.encoding<q8_0>>
func.func @recode(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %w = winnow.use @recoded : tensor<32x64xf32, #winnow.encoding<bf16>>
  %e = winnow.recode %w : tensor<32x64xf32, #winnow.encoding<bf16>> -> tensor<32x64xf32, #winnow.encoding<q4_0>>
  %y = winnow.linear %x, %e : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q4_0>> -> tensor<?x32xf32>
  %q = winnow.use @decoded_matrix : tensor<32x64xf32, #winnow.encoding<q8_0>>
  %d = winnow.recode %q : tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<32x64xf32>
  %z = winnow.linear %x, %d : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  return %y, %z : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// expected-error @below {{is read in two number formats, or with two kinds of codes}}
winnow.param @two from {random = 1 : i64} : tensor<32x64xf32>
func.func @two_formats(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %w = winnow.use @two : tensor<32x64xf32>
  %e = winnow.recode %w : tensor<32x64xf32> -> tensor<32x64xf32, #winnow.encoding<q4_0>>
  %y = winnow.linear %x, %e : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q4_0>> -> tensor<?x32xf32>
  %z = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  return %y, %z : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// expected-error @below {{is read in two number formats, or with two kinds of codes}}
winnow.param @codes from {random = 1 : i64} : tensor<32x64xf32>
func.func @two_kinds_of_codes(%x: tensor<?x64xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %w = winnow.use @codes : tensor<32x64xf32>
  %e = winnow.recode %w : tensor<32x64xf32> -> tensor<32x64xf32, #winnow.encoding<q4_0>>
  %y = winnow.linear %x, %e : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q4_0>> -> tensor<?x32xf32>
  %g = winnow.recode %w {codes = #winnow.codes<gptq, "codes">} : tensor<32x64xf32> -> tensor<32x64xf32, #winnow.encoding<q4_0>>
  %z = winnow.linear %x, %g : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q4_0>> -> tensor<?x32xf32>
  return %y, %z : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// What codes are fitted to stays with the weight.
// CHECK: winnow.param @fitted from {random = 1 : i64} {winnow.codes = #winnow.codes<gptq, "tap">, winnow.stored = tensor<32x64xf32>} : tensor<32x64xf32, #winnow.encoding<q4_0, tile16>>
winnow.param @fitted from {random = 1 : i64} : tensor<32x64xf32>
func.func @fitted_codes(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = winnow.use @fitted : tensor<32x64xf32>
  %e = winnow.recode %w {codes = #winnow.codes<gptq, "tap">} : tensor<32x64xf32> -> tensor<32x64xf32, #winnow.encoding<q4_0>>
  %y = winnow.linear %x, %e : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q4_0>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
