// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// Ops that change the set of tokens: one chunk per constraint, named after it.

func.func @token_gather_c1(%x: tensor<5x32xf32, #winnow.encoding<a8_b32>>, %i: tensor<3xi32>) {
  // expected-error @+1 {{operand #0 must be 2D tensor without encoding of 32-bit float values, but got 'tensor<5x32xf32, #winnow.encoding<a8_b32>>'}}
  %y = winnow.token_gather %x[%i] : tensor<5x32xf32, #winnow.encoding<a8_b32>>, tensor<3xi32> -> tensor<3x8xf32>
  return
}

// -----

func.func @token_gather_c2(%x: tensor<5x8xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{expects number of output rows (5) to be number of indices (3)}}
  %y = winnow.token_gather %x[%i] : tensor<5x8xf32>, tensor<3xi32> -> tensor<5x8xf32>
  return
}

// -----

func.func @token_gather_c3(%x: tensor<5x8xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{expects width of output (4) to be width of input (8)}}
  %y = winnow.token_gather %x[%i] : tensor<5x8xf32>, tensor<3xi32> -> tensor<3x4xf32>
  return
}
