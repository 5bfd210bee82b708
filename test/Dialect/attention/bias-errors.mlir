// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// Biases and sinks of winnow.attention: one chunk per constraint, named after it.

func.func @attention_c11_keys(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>, %b: tensor<2xf32>) {
  // expected-error @+1 {{expects number of bias columns (2) to be number of keys (6)}}
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) bias(%b : tensor<2xf32>)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32>
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
