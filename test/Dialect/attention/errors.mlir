// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// Attention, rope and norm: one chunk per constraint, named after it.

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

func.func @attention_c11_keys(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<2xf32>) {
  // expected-error @+1 {{expects number of bias columns (2) to be number of keys (6)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) bias(%b : tensor<2xf32>)
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

func.func @attention_c8_missing(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects a mask_operand for a mask of kind 'explicit'}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<explicit>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c8_superfluous(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %m: tensor<2x6xi1>) {
  // expected-error @+1 {{expects no mask_operand for a mask of kind 'causal'}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) visible(%m : tensor<2x6xi1>)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c8_rows(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %m: tensor<6x6xi1>) {
  // expected-error @+1 {{expects number of mask_operand rows (6) to be number of queries (2)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) visible(%m : tensor<6x6xi1>)
      {mask = #winnow.mask<explicit>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c9_element(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %m: tensor<2x6xi64>) {
  // expected-error @+1 {{expects a mask_operand of 'i1' for a mask of kind 'explicit', found 'i64'}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) visible(%m : tensor<2x6xi64>)
      {mask = #winnow.mask<explicit>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c9_columns(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %m: tensor<2x2xi1>) {
  // expected-error @+1 {{expects number of mask_operand columns (2) to be number of keys (6)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) visible(%m : tensor<2x2xi1>)
      {mask = #winnow.mask<explicit>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c10_element(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %m: tensor<2x1xi1>) {
  // expected-error @+1 {{expects a mask_operand of 'i64' for a mask of kind 'tree', found 'i1'}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) visible(%m : tensor<2x1xi1>)
      {mask = #winnow.mask<tree>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c10_columns(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %m: tensor<2x0xi64>) {
  // expected-error @+1 {{expects number of mask_operand columns (0) to be at least a word per 64 queries (1)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) visible(%m : tensor<2x0xi64>)
      {mask = #winnow.mask<tree>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c10_keys(%q: tensor<7x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<7xi32>, %kp: tensor<6xi32>, %m: tensor<7x1xi64>) {
  // expected-error @+1 {{expects a tree mask to have at least as many keys (6) as queries (7)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) visible(%m : tensor<7x1xi64>)
      {mask = #winnow.mask<tree>, scale = 1.0 : f32}
      : tensor<7x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<7xi32>, tensor<6xi32>
      -> tensor<7x4x16xf32>
  return
}

// -----

func.func @attention_c11_rows(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<6x6xf32>) {
  // expected-error @+1 {{expects number of bias rows (6) to be number of queries (2)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) bias(%b : tensor<6x6xf32>)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c11_columns(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<2x5xf32>) {
  // expected-error @+1 {{expects number of bias columns (5) to be number of keys (6)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) bias(%b : tensor<2x5xf32>)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c11_heads(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<2x2x6xf32>) {
  // expected-error @+1 {{expects number of bias heads (2) to be number of query heads (4)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) bias(%b : tensor<2x2x6xf32>)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c12(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %s: tensor<2xf32>) {
  // expected-error @+1 {{expects number of sinks (2) to be number of query heads (4)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) sinks(%s : tensor<2xf32>)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
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

// -----

func.func @attention_c16_no_distances(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<6x4xf32>) {
  // expected-error @+1 {{expects relative_bias and distances or neither}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) relative(%b : tensor<6x4xf32>)
      {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c16_no_bias(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>) {
  // expected-error @+1 {{expects relative_bias and distances or neither}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<full>, scale = 1.0 : f32, distances = array<i64: 1, 2>}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c17_rows(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<5x4xf32>) {
  // expected-error @+1 {{expects number of relative_bias rows (5) to be twice the number of buckets (6)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) relative(%b : tensor<5x4xf32>)
      {mask = #winnow.mask<full>, scale = 1.0 : f32, distances = array<i64: 1, 2>}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c17_columns(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<6x3xf32>) {
  // expected-error @+1 {{expects number of relative_bias columns (3) to be number of query heads (4)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) relative(%b : tensor<6x3xf32>)
      {mask = #winnow.mask<full>, scale = 1.0 : f32, distances = array<i64: 1, 2>}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c18_zero(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<6x4xf32>) {
  // expected-error @+1 {{expects distances to be positive and to rise}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) relative(%b : tensor<6x4xf32>)
      {mask = #winnow.mask<full>, scale = 1.0 : f32, distances = array<i64: 0, 2>}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

func.func @attention_c18_order(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<6x4xf32>) {
  // expected-error @+1 {{expects distances to be positive and to rise}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) relative(%b : tensor<6x4xf32>)
      {mask = #winnow.mask<full>, scale = 1.0 : f32, distances = array<i64: 2, 2>}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
  return
}

// -----

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

func.func @rope_c8(%x: tensor<2x1x4xf32>, %p: tensor<2xi32>) {
  // expected-error @+1 {{expects as many factors of the scaling (1) as dims / 2 (2)}}
  %0 = winnow.rope %x at %p {base = 4.0 : f64, dims = 4 : i64, scaling = #winnow.rope_scaling<longrope, factors = [1.0]>} : tensor<2x1x4xf32>, tensor<2xi32>
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
