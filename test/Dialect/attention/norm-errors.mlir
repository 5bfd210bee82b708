// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// winnow.norm: one chunk per constraint, named after it.

func.func @norm_c1_rank(%x: tensor<8xf32>) {
  // expected-error @+1 {{operand #0 must be 2D/3D tensor without encoding of 32-bit float values, but got 'tensor<8xf32>'}}
  %y = winnow.norm rms %x {epsilon = 1.0e-6 : f32} : tensor<8xf32>
  return
}

// -----

func.func @norm_c1_weight(%x: tensor<3x8xf32>, %w: tensor<8xf32, #winnow.encoding<bf16>>) {
  // expected-error @+1 {{operand #1 must be 1D tensor without encoding of 32-bit float values, but got 'tensor<8xf32, #winnow.encoding<bf16>>'}}
  %y = winnow.norm rms %x weight(%w : tensor<8xf32, #winnow.encoding<bf16>>) {epsilon = 1.0e-6 : f32} : tensor<3x8xf32>
  return
}

// -----

func.func @norm_c2(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{failed to verify that all of {input, output} have same type}}
  %y = "winnow.norm"(%x) <{kind = #winnow<norm_kind rms>, epsilon = 1.0e-6 : f32, operandSegmentSizes = array<i32: 1, 0, 0>}> : (tensor<3x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @norm_c3(%x: tensor<3x8xf32>, %w: tensor<16xf32>) {
  // expected-error @+1 {{expects size of weight (16) to be size of the last dimension (8)}}
  %y = winnow.norm rms %x weight(%w : tensor<16xf32>) {epsilon = 1.0e-6 : f32} : tensor<3x8xf32>
  return
}

// -----

func.func @norm_c4(%x: tensor<3x2x8xf32>, %b: tensor<2xf32>) {
  // expected-error @+1 {{expects size of bias (2) to be size of the last dimension (8)}}
  %y = winnow.norm rms %x bias(%b : tensor<2xf32>) {epsilon = 1.0e-6 : f32} : tensor<3x2x8xf32>
  return
}

// -----

func.func @norm_c5_negative(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects epsilon to be finite and at least 0, found -1.000000e+00 : f32}}
  %y = winnow.norm rms %x {epsilon = -1.0 : f32} : tensor<3x8xf32>
  return
}

// -----

func.func @norm_c5_infinite(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects epsilon to be finite and at least 0, found 0x7F800000 : f32}}
  %y = winnow.norm rms %x {epsilon = 0x7F800000 : f32} : tensor<3x8xf32>
  return
}

// -----

func.func @norm_c6(%x: tensor<3x8xf32>, %w: tensor<8xf32>) {
  // expected-error @+1 {{expects weight_offset to be finite, found NaN}}
  %y = winnow.norm rms %x weight(%w : tensor<8xf32>) {epsilon = 0.0 : f32, weight_offset = 0x7FC00000 : f32} : tensor<3x8xf32>
  return
}
