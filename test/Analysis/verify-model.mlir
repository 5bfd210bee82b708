// RUN: winnow-opt %s --winnow-verify-model -split-input-file -verify-diagnostics

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>

// A layer that appends, looks and passes on its cache is right.
func.func @decoder(%x: tensor<?x4xf32> {winnow.name = "x", winnow.dims = ["T"]},
    %p: tensor<?xi32> {winnow.name = "p", winnow.dims = ["T"]}, %kv: !cache {winnow.name = "kv"})
    -> (tensor<?x4xf32>, !cache) attributes {winnow.entry} {
  %y, %next = winnow.layer residual(%x) inputs(%u = %x, %q = %p, %c = %kv)
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, !cache) -> (tensor<?x4xf32>, !cache) {
    %zero = arith.constant 0 : index
    %tokens = tensor.dim %u, %zero : tensor<?x4xf32>
    %heads = tensor.expand_shape %u [[0], [1, 2]] output_shape [%tokens, 1, 4] : tensor<?x4xf32> into tensor<?x1x4xf32>
    %appended = winnow.kv_append %c, %heads, %heads at %q, %q : !cache, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
    %k, %v, %kp, %ks = winnow.kv_view %appended : !cache -> tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
    %o = winnow.attention query(%heads, %q, %q) key(%k, %kp, %ks) value(%v)
        {mask = #winnow.mask<causal>, scale = 1.0 : f32}
        : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x4xf32>
    %f = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x1x4xf32> into tensor<?x4xf32>
    winnow.yield %f, %appended : tensor<?x4xf32>, !cache
  }
  return %y, %next : tensor<?x4xf32>, !cache
}

// Truncation passes a cache on, too.
func.func @rollback(%kv: !cache {winnow.name = "kv"}) -> !cache attributes {winnow.entry} {
  %n = arith.constant 3 : i64
  %next = winnow.kv_truncate %kv to %n : !cache
  return %next : !cache
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func @verify_model_c1(%kv: !cache, %n: i64) -> (!cache, !cache) {
  // expected-note @+1 {{consumed here}}
  %a = winnow.kv_truncate %kv to %n : !cache
  // expected-error @+1 {{expects a cache state that is not consumed yet}}
  %b = winnow.kv_truncate %kv to %n : !cache
  return %a, %b : !cache, !cache
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func @verify_model_c1_same_op(%kv: !cache) -> (!cache, !cache) {
  // expected-error @+2 {{expects a cache state that is not consumed yet}}
  // expected-note @+1 {{consumed here}}
  return %kv, %kv : !cache, !cache
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func @verify_model_c1_block(%kv: !cache, %n: i64, %condition: i1) {
  scf.if %condition {
    // expected-error @+1 {{expects a cache state of its own block}}
    %a = winnow.kv_truncate %kv to %n : !cache
  }
  return
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func @verify_model_c2_view(%kv: !cache, %n: i64) -> !cache {
  // expected-note @+1 {{consumed here}}
  %a = winnow.kv_truncate %kv to %n : !cache
  // expected-error @+1 {{expects a cache state that is read before it is consumed}}
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
  return %a : !cache
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func @verify_model_c2_positions(%kv: !cache, %n: i64, %s: tensor<?xi32>) -> (!cache, tensor<?xi32>) {
  // expected-note @+1 {{consumed here}}
  %a = winnow.kv_truncate %kv to %n : !cache
  // expected-error @+1 {{expects a cache state that is read before it is consumed}}
  %p = winnow.kv_next_positions %kv of %s : !cache, tensor<?xi32>
  return %a, %p : !cache, tensor<?xi32>
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func @verify_model_c2_reader(%kv: !cache, %n: i64) -> (!cache, tensor<?x1x4xf32>) {
  %k, %v, %p, %s = winnow.kv_view %kv : !cache -> tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
  // expected-note @+1 {{consumed here}}
  %a = winnow.kv_truncate %kv to %n : !cache
  // expected-error @+1 {{expects a cache state that is read before it is consumed}}
  %y = winnow.norm rms %k {epsilon = 0.0 : f32} : tensor<?x1x4xf32>
  return %a, %y : !cache, tensor<?x1x4xf32>
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func @verify_model_c3_entry(%a: !cache {winnow.name = "a"}, %b: !cache {winnow.name = "b"}) -> (!cache, !cache) attributes {winnow.entry} {
  // expected-error @+1 {{expects cache result #0 to continue cache argument #0}}
  return %b, %a : !cache, !cache
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func private @make() -> !cache
func.func @verify_model_c3_layer(%x: tensor<?x4xf32>, %kv: !cache) -> (tensor<?x4xf32>, !cache) {
  %y, %next = winnow.layer residual(%x) inputs(%u = %x, %c = %kv)
      : (tensor<?x4xf32>, tensor<?x4xf32>, !cache) -> (tensor<?x4xf32>, !cache) {
    %other = func.call @make() : () -> !cache
    // expected-error @+1 {{expects yielded cache #0 to continue an input of the layer}}
    winnow.yield %u, %other : tensor<?x4xf32>, !cache
  }
  return %y, %next : tensor<?x4xf32>, !cache
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func @verify_model_c4_value(%a: !cache, %b: !cache, %q: tensor<?x1x4xf32>, %qp: tensor<?xi32>) -> tensor<?x1x4xf32> {
  // expected-note @+1 {{key is viewed here}}
  %k, %v, %p, %s = winnow.kv_view %a : !cache -> tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
  %k2, %v2, %p2, %s2 = winnow.kv_view %b : !cache -> tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
  // expected-error @+1 {{expects value to be of the cache state of key}}
  %o = winnow.attention query(%q, %qp) key(%k, %p) value(%v2) {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x4xf32>
  return %o : tensor<?x1x4xf32>
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
func.func @verify_model_c4_segments(%a: !cache, %q: tensor<?x1x4xf32>, %qp: tensor<?xi32>) -> tensor<?x1x4xf32> {
  // expected-note @+1 {{key is viewed here}}
  %k, %v, %p, %s = winnow.kv_view %a : !cache -> tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
  // expected-error @+1 {{expects key_segments to be of the cache state of key}}
  %o = winnow.attention query(%q, %qp, %qp) key(%k, %p, %qp) value(%v) {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x4xf32>
  return %o : tensor<?x1x4xf32>
}
