// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// What winnow.attention reads and gives: one chunk per constraint, named after it.
// Masks, and what is added to scores, have files of their own.

func.func @attention_c1_encoding(%q: tensor<2x4x32xf32, #winnow.encoding<a8_b32>>, %k: tensor<6x2x32xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{operand #0 must be 3D tensor without encoding of 32-bit float values, but got 'tensor<2x4x32xf32, #winnow.encoding<a8_b32>>'}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x32xf32, #winnow.encoding<a8_b32>>, tensor<6x2x32xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c1_rank(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<1x4x2x6xf32>) {
  // expected-error @+1 {{operand #5 must be 1D/2D/3D tensor without encoding of 32-bit float values, but got 'tensor<1x4x2x6xf32>'}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) bias(%b : tensor<1x4x2x6xf32>)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c2_grouping(%q: tensor<2x8x8xf32>, %k: tensor<6x3x8xf32>, %v: tensor<6x3x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of key heads (3) to divide number of query heads (8)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x8x8xf32>, tensor<6x3x8xf32>, tensor<6x3x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x8x16xf32>
  return
}

// -----

func.func @attention_c2_zero(%q: tensor<2x?x8xf32>, %k: tensor<6x0x8xf32>, %v: tensor<6x0x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of key heads (0) to divide number of query heads (?)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x?x8xf32>, tensor<6x0x8xf32>, tensor<6x0x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<2x4x8xf32>, %k: tensor<6x2x9xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects head size of keys (9) to be head size of queries (8)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x9xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c4_values(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<5x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of values (5) to be number of keys (6)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<5x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c4_heads(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x1x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of value heads (1) to be number of key heads (2)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x1x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c5_queries(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of outputs (3) to be number of queries (2)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<3x4x16xf32>
  return
}

// -----

func.func @attention_c5_heads(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of output heads (2) to be number of query heads (4)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x2x16xf32>
  return
}

// -----

func.func @attention_c5_head_size(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects head size of outputs (8) to be head size of values (16)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x8xf32>
  return
}

// -----

func.func @attention_c6_query_positions(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<3xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of query positions (3) to be number of queries (2)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<3xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c6_key_positions(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<2xi32>) {
  // expected-error @+1 {{expects number of key positions (2) to be number of keys (6)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<2xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c6_query_segments(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %qs: tensor<1xi32>, %ks: tensor<6xi32>) {
  // expected-error @+1 {{expects number of query segments (1) to be number of queries (2)}}
  %o = winnow.attention query(%q, %qp, %qs) key(%k, %kp, %ks) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>, tensor<1xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c6_key_segments(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %qs: tensor<2xi32>, %ks: tensor<7xi32>) {
  // expected-error @+1 {{expects number of key segments (7) to be number of keys (6)}}
  %o = winnow.attention query(%q, %qp, %qs) key(%k, %kp, %ks) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>, tensor<2xi32>, tensor<7xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c7(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %ks: tensor<6xi32>) {
  // expected-error @+1 {{expects segments for queries and keys or for none, found them for keys alone}}
  %o = "winnow.attention"(%q, %k, %v, %qp, %kp, %ks) <{mask = #winnow.mask<causal>, scale = 1.0 : f32,
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0>}>
      : (tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>, tensor<6xi32>) -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c7_queries(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %qs: tensor<2xi32>) {
  // expected-error @+1 {{expects segments for queries and keys or for none, found them for queries alone}}
  %o = "winnow.attention"(%q, %k, %v, %qp, %kp, %qs) <{mask = #winnow.mask<causal>, scale = 1.0 : f32,
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0>}>
      : (tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>, tensor<2xi32>) -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c13_rows(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of lse rows (6) to be number of queries (2)}}
  %o, %lse = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32> lse tensor<6x4xf32>
  return
}

// -----

func.func @attention_c13_columns(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of lse columns (2) to be number of query heads (4)}}
  %o, %lse = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32> lse tensor<2x2xf32>
  return
}

// -----

func.func @attention_c14_rows(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of scores rows (2) to be number of keys (6)}}
  %o, %scores = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32> scores tensor<2x2xf32>
  return
}

// -----

func.func @attention_c14_columns(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects number of scores columns (4) to be number of key heads (2)}}
  %o, %scores = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32> scores tensor<6x4xf32>
  return
}

// -----

func.func @attention_c15_scale(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects scale to be finite, found +Inf}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 0x7F800000 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c15_softcap(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects softcap to be finite, found NaN}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32, softcap = 0x7FC00000 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c15_negative(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects softcap to be at least 0, found -5.000000e+01 : f32}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32, softcap = -50.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}
