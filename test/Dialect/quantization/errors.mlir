// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// Ops on encoded numbers: one chunk per constraint, named after it.

func.func @linear_c1_rank(%x: tensor<3x4x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error @+1 {{operand #0 must be 2D tensor, perhaps encoded, of 32-bit float values, but got 'tensor<3x4x32xf32>'}}
  %y = winnow.linear %x, %w : tensor<3x4x32xf32>, tensor<8x32xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @linear_c1_element(%x: tensor<3x32xf32>, %w: tensor<8x32xbf16>) {
  // expected-error @+1 {{operand #1 must be 2D tensor, perhaps encoded, of 32-bit float values, but got 'tensor<8x32xbf16>'}}
  %y = winnow.linear %x, %w : tensor<3x32xf32>, tensor<8x32xbf16> -> tensor<3x8xf32>
  return
}

// -----

func.func @linear_c1_encoding(%x: tensor<3x32xf32>, %w: tensor<8x32xf32, "sparse">) {
  // expected-error @+1 {{operand #1 must be 2D tensor, perhaps encoded, of 32-bit float values, but got 'tensor<8x32xf32, "sparse">'}}
  %y = winnow.linear %x, %w : tensor<3x32xf32>, tensor<8x32xf32, "sparse"> -> tensor<3x8xf32>
  return
}

// -----

func.func @linear_c1_output(%x: tensor<3x32xf32>, %w: tensor<32x32xf32>) {
  // expected-error @+1 {{result #0 must be 2D tensor without encoding of 32-bit float values, but got 'tensor<3x32xf32, #winnow.encoding<a8_b32>>'}}
  %y = winnow.linear %x, %w : tensor<3x32xf32>, tensor<32x32xf32> -> tensor<3x32xf32, #winnow.encoding<a8_b32>>
  return
}

// -----

func.func @linear_c2(%x: tensor<3x32xf32>, %w: tensor<8x64xf32>) {
  // expected-error @+1 {{expects width of weight (64) to be width of input (32)}}
  %y = winnow.linear %x, %w : tensor<3x32xf32>, tensor<8x64xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<3x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error @+1 {{expects number of output rows (2) to be number of input rows (3)}}
  %y = winnow.linear %x, %w : tensor<3x32xf32>, tensor<8x32xf32> -> tensor<2x8xf32>
  return
}

// -----

func.func @linear_c4(%x: tensor<3x32xf32>, %w: tensor<8x32xf32>) {
  // expected-error @+1 {{expects width of output (32) to be number of weight rows (8)}}
  %y = winnow.linear %x, %w : tensor<3x32xf32>, tensor<8x32xf32> -> tensor<3x32xf32>
  return
}

// -----

func.func @linear_c5(%x: tensor<3x32xf32>, %w: tensor<8x32xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{expects size of bias (3) to be number of weight rows (8)}}
  %y = winnow.linear %x, %w bias(%b : tensor<3xf32>) : tensor<3x32xf32>, tensor<8x32xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @linear_c6(%x: tensor<3x32xf32, #winnow.encoding<q8_0>>, %w: tensor<8x32xf32>) {
  // expected-error @+1 {{expects an input without encoding or in an activation format, found #winnow.encoding<q8_0>}}
  %y = winnow.linear %x, %w : tensor<3x32xf32, #winnow.encoding<q8_0>>, tensor<8x32xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @recode_c1(%x: tensor<3x32xf16>) {
  // expected-error @+1 {{operand #0 must be ranked tensor, perhaps encoded, of 32-bit float values, but got 'tensor<3x32xf16>'}}
  %y = winnow.recode %x : tensor<3x32xf16> -> tensor<3x32xf32>
  return
}

// -----

func.func @recode_c2(%x: tensor<3x32xf32>) {
  // expected-error @+1 {{op requires the same shape for all operands and results}}
  %y = winnow.recode %x : tensor<3x32xf32> -> tensor<3x64xf32, #winnow.encoding<a8_b32>>
  return
}

// -----

func.func @recode_c3(%x: tensor<3x32xf32>) {
  // expected-error @+1 {{expects a result format that can be encoded into, found 'q4_0' in the layout 'tile16'}}
  %y = winnow.recode %x : tensor<3x32xf32> -> tensor<3x32xf32, #winnow.encoding<q4_0, tile16>>
  return
}

// -----

func.func @recode_c3_digits(%x: tensor<3x256xf32>) {
  // expected-error @+1 {{expects a result format that can be encoded into, found 'tq1_0' in the layout 'rows'}}
  %y = winnow.recode %x : tensor<3x256xf32> -> tensor<3x256xf32, #winnow.encoding<tq1_0>>
  return
}

// -----

func.func @recode_c4(%x: tensor<16x32xf32, #winnow.encoding<q4_0, tile16>>) {
  // expected-error @+1 {{expects an input in the layout 'rows', found 'tile16'}}
  %y = winnow.recode %x : tensor<16x32xf32, #winnow.encoding<q4_0, tile16>> -> tensor<16x32xf32>
  return
}

// -----

func.func @embed_c1(%t: tensor<100x8xf32>, %ids: tensor<3xf32>) {
  // expected-error @+1 {{operand #1 must be 1D tensor without encoding of 32-bit signless integer values, but got 'tensor<3xf32>'}}
  %y = winnow.embed %t[%ids] : tensor<100x8xf32>, tensor<3xf32> -> tensor<3x8xf32>
  return
}

// -----

func.func @embed_c2(%t: tensor<100x8xf32>, %ids: tensor<3xi32>) {
  // expected-error @+1 {{expects number of output rows (2) to be number of ids (3)}}
  %y = winnow.embed %t[%ids] : tensor<100x8xf32>, tensor<3xi32> -> tensor<2x8xf32>
  return
}

// -----

func.func @embed_c3(%t: tensor<100x8xf32>, %ids: tensor<3xi32>) {
  // expected-error @+1 {{expects width of output (16) to be width of table (8)}}
  %y = winnow.embed %t[%ids] : tensor<100x8xf32>, tensor<3xi32> -> tensor<3x16xf32>
  return
}

// -----

func.func @embed_c4(%t: tensor<100x8xf32>, %ids: tensor<3xi32>) {
  // expected-error @+1 {{expects scale to be finite, found -Inf}}
  %y = winnow.embed %t[%ids] {scale = 0xFF800000 : f32} : tensor<100x8xf32>, tensor<3xi32> -> tensor<3x8xf32>
  return
}

// -----

func.func @recode_c5_float(%x: tensor<2x64xf32>) {
  // expected-error @+1 {{expects a matrix of weights in a block format for codes by 'gptq', found 'tensor<2x64xf32, #winnow.encoding<f16>>'}}
  %y = winnow.recode %x {codes = #winnow.codes<gptq, "w">} : tensor<2x64xf32> -> tensor<2x64xf32, #winnow.encoding<f16>>
  return
}

// -----

func.func @recode_c5_activation(%x: tensor<2x64xf32>) {
  // expected-error @+1 {{expects a matrix of weights in a block format for codes by 'gptq'}}
  %y = winnow.recode %x {codes = #winnow.codes<gptq, "w">} : tensor<2x64xf32> -> tensor<2x64xf32, #winnow.encoding<a8_b32>>
  return
}

// -----

func.func @recode_c5_rank(%x: tensor<64xf32>) {
  // expected-error @+1 {{expects a matrix of weights in a block format for codes by 'gptq'}}
  %y = winnow.recode %x {codes = #winnow.codes<gptq, "w">} : tensor<64xf32> -> tensor<64xf32, #winnow.encoding<q4_0>>
  return
}

// -----

func.func @recode_c5_sparse(%x: tensor<2x64xf32>) {
  // expected-error @+1 {{expects a matrix of weights in a sparse format for codes by 'wanda', found 'tensor<2x64xf32, #winnow.encoding<q4_0>>'}}
  %y = winnow.recode %x {codes = #winnow.codes<wanda, "w">} : tensor<2x64xf32> -> tensor<2x64xf32, #winnow.encoding<q4_0>>
  return
}

// -----

func.func @take_c1(%w: tensor<4x2xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor, perhaps encoded, of 32-bit float values}}
  %y = winnow.take %w [0] along 0 : tensor<4x2xi32> -> tensor<1x2xi32>
  return
}

// -----

func.func @take_c2_shape(%w: tensor<?x2xf32>) {
  // expected-error @+1 {{expects an input of static shape and rank 1 or 2, found 'tensor<?x2xf32>'}}
  %y = winnow.take %w [0] along 0 : tensor<?x2xf32> -> tensor<1x2xf32>
  return
}

// -----

func.func @take_c2_rank(%w: tensor<4x2x3xf32>) {
  // expected-error @+1 {{expects an input of static shape and rank 1 or 2, found 'tensor<4x2x3xf32>'}}
  %y = winnow.take %w [0] along 0 : tensor<4x2x3xf32> -> tensor<1x2x3xf32>
  return
}

// -----

func.func @take_c2_axis(%w: tensor<4xf32>) {
  // expected-error @+1 {{expects an axis in [0, 1), found 1}}
  %y = winnow.take %w [0] along 1 : tensor<4xf32> -> tensor<1xf32>
  return
}

// -----

func.func @take_c3_range(%w: tensor<4x2xf32>) {
  // expected-error @+1 {{expects indices that rise, in [0, 4), found 4 behind 1}}
  %y = winnow.take %w [1, 4] along 0 : tensor<4x2xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @take_c3_order(%w: tensor<4x2xf32>) {
  // expected-error @+1 {{expects indices that rise, in [0, 4), found 2 behind 2}}
  %y = winnow.take %w [2, 2] along 0 : tensor<4x2xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @take_c4_size(%w: tensor<4x2xf32>) {
  // expected-error @+1 {{expects the result to be 'tensor<2x2xf32>', found 'tensor<3x2xf32>'}}
  %y = winnow.take %w [1, 2] along 0 : tensor<4x2xf32> -> tensor<3x2xf32>
  return
}

// -----

func.func @take_c4_encoding(%w: tensor<4x32xf32, #winnow.encoding<q8_0>>) {
  // expected-error @+1 {{expects the result to be 'tensor<1x32xf32, #winnow.encoding<q8_0>>', found 'tensor<1x32xf32>'}}
  %y = winnow.take %w [1] along 0 : tensor<4x32xf32, #winnow.encoding<q8_0>> -> tensor<1x32xf32>
  return
}

// -----

func.func @take_c5_count(%w: tensor<4x64xf32, #winnow.encoding<q8_0>>) {
  // expected-error @+1 {{expects whole blocks of 32 columns of 'q8_0'}}
  %y = winnow.take %w [0] along 1 : tensor<4x64xf32, #winnow.encoding<q8_0>> -> tensor<4x32xf32, #winnow.encoding<q8_0>>
  return
}

// -----

func.func @take_c5_place(%w: tensor<64xf32, #winnow.encoding<q8_0>>) {
  // expected-error @+1 {{expects whole blocks of 32 columns of 'q8_0'}}
  %y = winnow.take %w [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32] along 0 : tensor<64xf32, #winnow.encoding<q8_0>> -> tensor<32xf32, #winnow.encoding<q8_0>>
  return
}

// -----

func.func @take_c6(%w: tensor<4x32xf32, #winnow.encoding<q8_0, tile16>>) {
  // expected-error @+1 {{expects a weight in the layout 'rows', found 'tile16'}}
  %y = winnow.take %w [1] along 0 : tensor<4x32xf32, #winnow.encoding<q8_0, tile16>> -> tensor<1x32xf32, #winnow.encoding<q8_0, tile16>>
  return
}

// -----

func.func @hadamard_c1(%w: tensor<4x32xf32, #winnow.encoding<q8_0>>) {
  // expected-error @+1 {{operand #0 must be 1D/2D tensor without encoding of 32-bit float values}}
  %y = winnow.hadamard %w by 4 along 0 : tensor<4x32xf32, #winnow.encoding<q8_0>>
  return
}

// -----

func.func @hadamard_c2_shape(%w: tensor<?x2xf32>) {
  // expected-error @+1 {{expects an input of static shape, found 'tensor<?x2xf32>'}}
  %y = winnow.hadamard %w by 2 along 1 : tensor<?x2xf32>
  return
}

// -----

func.func @hadamard_c2_axis(%w: tensor<4x2xf32>) {
  // expected-error @+1 {{expects an axis in [0, 2), found 2}}
  %y = winnow.hadamard %w by 2 along 2 : tensor<4x2xf32>
  return
}

// -----

func.func @hadamard_c3_power(%w: tensor<6x2xf32>) {
  // expected-error @+1 {{expects a power of two that divides 6 as the size, found 3}}
  %y = winnow.hadamard %w by 3 along 0 : tensor<6x2xf32>
  return
}

// -----

func.func @hadamard_c3_divides(%w: tensor<6x2xf32>) {
  // expected-error @+1 {{expects a power of two that divides 6 as the size, found 4}}
  %y = winnow.hadamard %w by 4 along 0 : tensor<6x2xf32>
  return
}
