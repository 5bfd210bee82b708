// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// Masks of winnow.attention: one chunk per constraint, named after it.

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
