// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// winnow.rope: one chunk per constraint, named after it.

func.func @rope_c1(%x: tensor<3x2x8xf32>, %p: tensor<3xi64>) {
  // expected-error @+1 {{operand #1 must be 1D tensor without encoding of 32-bit signless integer values, but got 'tensor<3xi64>'}}
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 8 : i64} : tensor<3x2x8xf32>, tensor<3xi64>
  return
}

// -----

func.func @rope_c2(%x: tensor<3x2x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{failed to verify that all of {input, output} have same type}}
  %y = "winnow.rope"(%x, %p) <{base = 10000.0 : f64, dims = 8 : i64}> : (tensor<3x2x8xf32>, tensor<3xi32>) -> tensor<?x2x8xf32>
  return
}

// -----

func.func @rope_c3_odd(%x: tensor<3x2x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{expects dims to be even and at least 0, found 7}}
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 7 : i64} : tensor<3x2x8xf32>, tensor<3xi32>
  return
}

// -----

func.func @rope_c3_negative(%x: tensor<3x2x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{expects dims to be even and at least 0, found -2}}
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = -2 : i64} : tensor<3x2x8xf32>, tensor<3xi32>
  return
}

// -----

func.func @rope_c4(%x: tensor<3x2x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{expects dims (10) to be at most the head size (8)}}
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 10 : i64} : tensor<3x2x8xf32>, tensor<3xi32>
  return
}

// -----

func.func @rope_c5(%x: tensor<3x2x8xf32>, %p: tensor<2xi32>) {
  // expected-error @+1 {{expects number of positions (2) to be number of tokens (3)}}
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 8 : i64} : tensor<3x2x8xf32>, tensor<2xi32>
  return
}

// -----

func.func @rope_c6(%x: tensor<3x2x8xf32>, %p: tensor<3xi32>, %f: tensor<8xf32>) {
  // expected-error @+1 {{expects number of factors (8) to be dims / 2 (4)}}
  %y = winnow.rope %x at %p factors(%f : tensor<8xf32>) {base = 10000.0 : f64, dims = 8 : i64} : tensor<3x2x8xf32>, tensor<3xi32>
  return
}

// -----

func.func @rope_c7_zero(%x: tensor<3x2x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{expects base to be positive and finite, found 0.000000e+00 : f64}}
  %y = winnow.rope %x at %p {base = 0.0 : f64, dims = 8 : i64} : tensor<3x2x8xf32>, tensor<3xi32>
  return
}

// -----

func.func @rope_c7_infinite(%x: tensor<3x2x8xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{expects base to be positive and finite, found 0x7FF0000000000000 : f64}}
  %y = winnow.rope %x at %p {base = 0x7FF0000000000000 : f64, dims = 8 : i64} : tensor<3x2x8xf32>, tensor<3xi32>
  return
}

// -----

func.func @rope_c8(%x: tensor<2x1x4xf32>, %p: tensor<2xi32>) {
  // expected-error @+1 {{expects as many factors of the scaling (1) as dims / 2 (2)}}
  %0 = winnow.rope %x at %p {base = 4.0 : f64, dims = 4 : i64, scaling = #winnow.rope_scaling<longrope, factors = [1.0]>} : tensor<2x1x4xf32>, tensor<2xi32>
  return
}
