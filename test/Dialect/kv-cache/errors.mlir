// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// Ops on the KV cache: one chunk per constraint, named after it.

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_append_c1(%kv: !cache, %k: tensor<3x16xf32>, %v: tensor<3x2x4xf32>, %p: tensor<3xi32>, %s: tensor<3xi32>) {
  // expected-error @+1 {{operand #1 must be 3D tensor without encoding of 32-bit float values, but got 'tensor<3x16xf32>'}}
  %next = winnow.kv_append %kv, %k, %v at %p, %s : !cache, tensor<3x16xf32>, tensor<3x2x4xf32>, tensor<3xi32>, tensor<3xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_append_c2_heads(%kv: !cache, %k: tensor<3x1x8xf32>, %v: tensor<3x2x4xf32>, %p: tensor<3xi32>, %s: tensor<3xi32>) {
  // expected-error @+1 {{expects number of key heads (1) to be heads of the cache (2)}}
  %next = winnow.kv_append %kv, %k, %v at %p, %s : !cache, tensor<3x1x8xf32>, tensor<3x2x4xf32>, tensor<3xi32>, tensor<3xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_append_c2_channels(%kv: !cache, %k: tensor<3x2x4xf32>, %v: tensor<3x2x4xf32>, %p: tensor<3xi32>, %s: tensor<3xi32>) {
  // expected-error @+1 {{expects head size of keys (4) to be key_dim of the cache (8)}}
  %next = winnow.kv_append %kv, %k, %v at %p, %s : !cache, tensor<3x2x4xf32>, tensor<3x2x4xf32>, tensor<3xi32>, tensor<3xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_append_c3_heads(%kv: !cache, %k: tensor<3x2x8xf32>, %v: tensor<3x1x4xf32>, %p: tensor<3xi32>, %s: tensor<3xi32>) {
  // expected-error @+1 {{expects number of value heads (1) to be heads of the cache (2)}}
  %next = winnow.kv_append %kv, %k, %v at %p, %s : !cache, tensor<3x2x8xf32>, tensor<3x1x4xf32>, tensor<3xi32>, tensor<3xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_append_c3_channels(%kv: !cache, %k: tensor<3x2x8xf32>, %v: tensor<3x2x8xf32>, %p: tensor<3xi32>, %s: tensor<3xi32>) {
  // expected-error @+1 {{expects head size of values (8) to be value_dim of the cache (4)}}
  %next = winnow.kv_append %kv, %k, %v at %p, %s : !cache, tensor<3x2x8xf32>, tensor<3x2x8xf32>, tensor<3xi32>, tensor<3xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_append_c4_values(%kv: !cache, %k: tensor<3x2x8xf32>, %v: tensor<2x2x4xf32>, %p: tensor<3xi32>, %s: tensor<3xi32>) {
  // expected-error @+1 {{expects number of values (2) to be number of keys (3)}}
  %next = winnow.kv_append %kv, %k, %v at %p, %s : !cache, tensor<3x2x8xf32>, tensor<2x2x4xf32>, tensor<3xi32>, tensor<3xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_append_c4_positions(%kv: !cache, %k: tensor<3x2x8xf32>, %v: tensor<3x2x4xf32>, %p: tensor<2xi32>, %s: tensor<3xi32>) {
  // expected-error @+1 {{expects number of positions (2) to be number of keys (3)}}
  %next = winnow.kv_append %kv, %k, %v at %p, %s : !cache, tensor<3x2x8xf32>, tensor<3x2x4xf32>, tensor<2xi32>, tensor<3xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_append_c4_segments(%kv: !cache, %k: tensor<3x2x8xf32>, %v: tensor<3x2x4xf32>, %p: tensor<3xi32>, %s: tensor<4xi32>) {
  // expected-error @+1 {{expects number of segments (4) to be number of keys (3)}}
  %next = winnow.kv_append %kv, %k, %v at %p, %s : !cache, tensor<3x2x8xf32>, tensor<3x2x4xf32>, tensor<3xi32>, tensor<4xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_append_c5(%kv: !cache, %k: tensor<33x2x8xf32>, %v: tensor<33x2x4xf32>, %p: tensor<33xi32>, %s: tensor<33xi32>) {
  // expected-error @+1 {{expects number of keys (33) to be at most the capacity of the cache (32)}}
  %next = winnow.kv_append %kv, %k, %v at %p, %s : !cache, tensor<33x2x8xf32>, tensor<33x2x4xf32>, tensor<33xi32>, tensor<33xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
!other = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 64>
func.func @kv_append_c6(%kv: !cache, %k: tensor<3x2x8xf32>, %v: tensor<3x2x4xf32>, %p: tensor<3xi32>) {
  // expected-error @+1 {{failed to verify that all of {cache, result} have same type}}
  %next = "winnow.kv_append"(%kv, %k, %v, %p, %p) : (!cache, tensor<3x2x8xf32>, tensor<3x2x4xf32>, tensor<3xi32>, tensor<3xi32>) -> !other
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_view_c1(%kv: !cache) {
  // expected-error @+1 {{result #2 must be 1D tensor without encoding of 32-bit signless integer values, but got 'tensor<?xi64>'}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<?x2x8xf32>, tensor<?x2x4xf32>, tensor<?xi64>, tensor<?xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_view_c2_heads(%kv: !cache) {
  // expected-error @+1 {{expects number of key heads (1) to be heads of the cache (2)}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<?x1x8xf32>, tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_view_c2_channels(%kv: !cache) {
  // expected-error @+1 {{expects head size of keys (4) to be key_dim of the cache (8)}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_view_c3_heads(%kv: !cache) {
  // expected-error @+1 {{expects number of value heads (1) to be heads of the cache (2)}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<?x2x8xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_view_c3_channels(%kv: !cache) {
  // expected-error @+1 {{expects head size of values (8) to be value_dim of the cache (4)}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<?x2x8xf32>, tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_view_c4_values(%kv: !cache) {
  // expected-error @+1 {{expects number of values (2) to be number of keys (3)}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<3x2x8xf32>, tensor<2x2x4xf32>, tensor<?xi32>, tensor<?xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_view_c4_positions(%kv: !cache) {
  // expected-error @+1 {{expects number of positions (2) to be number of keys (3)}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<3x2x8xf32>, tensor<?x2x4xf32>, tensor<2xi32>, tensor<?xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_view_c4_segments(%kv: !cache) {
  // expected-error @+1 {{expects number of segments (2) to be number of keys (3)}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<3x2x8xf32>, tensor<?x2x4xf32>, tensor<?xi32>, tensor<2xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_view_c5(%kv: !cache) {
  // expected-error @+1 {{expects number of keys (48) to be at most the capacity of the cache (32)}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<48x2x8xf32>, tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_truncate_c1(%kv: !cache, %n: i32) {
  // expected-error @+1 {{operand #1 must be 64-bit signless integer, but got 'i32'}}
  %next = "winnow.kv_truncate"(%kv, %n) : (!cache, i32) -> !cache
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
!other = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 64>
func.func @kv_truncate_c2(%kv: !cache, %n: i64) {
  // expected-error @+1 {{failed to verify that all of {cache, result} have same type}}
  %next = "winnow.kv_truncate"(%kv, %n) : (!cache, i64) -> !other
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_next_positions_c1(%kv: !cache, %s: tensor<3x1xi32>) {
  // expected-error @+1 {{operand #1 must be 1D tensor without encoding of 32-bit signless integer values, but got 'tensor<3x1xi32>'}}
  %p = winnow.kv_next_positions %kv of %s : !cache, tensor<3x1xi32>
  return
}

// -----

!cache = !winnow.kv_cache<heads = 2, key_dim = 8, value_dim = 4, key = f32, value = f32, capacity = 32>
func.func @kv_next_positions_c2(%kv: !cache, %s: tensor<3xi32>) {
  // expected-error @+1 {{failed to verify that all of {segments, positions} have same type}}
  %p = "winnow.kv_next_positions"(%kv, %s) : (!cache, tensor<3xi32>) -> tensor<?xi32>
  return
}
