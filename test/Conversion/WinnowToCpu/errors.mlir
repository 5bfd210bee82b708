// RUN: winnow-opt %s --convert-winnow-to-cpu=target-cpu=x86-64-v3 --split-input-file --verify-diagnostics

// expected-error @below {{expects an entry point: a function with the attribute 'winnow.entry'}}
module {
  func.func @helper(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
    return %x : tensor<?x8xf32>
  }
}

// -----

func.func @unsupported(%x: tensor<?x8xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?x8xf32>) attributes {winnow.entry} {
  // expected-error @below {{is not supported by native code}}
  %y = math.exp %x : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @joined_rows(%x: tensor<?x4x8xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?x8xf32>) attributes {winnow.entry} {
  // expected-error @below {{cannot split or join the leading dimension}}
  %y = tensor.collapse_shape %x [[0, 1], [2]] : tensor<?x4x8xf32> into tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

winnow.param @w from {random = 1 : i64} : tensor<8x8xf32>
func.func @no_layout(%x: tensor<?x8xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?x8xf32>) attributes {winnow.entry} {
  %w = winnow.use @w : tensor<8x8xf32>
  // expected-error @below {{expects a weight in the layout tile16, found 'tensor<8x8xf32>'}}
  %y = winnow.linear %x, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @map_without_input(%x: tensor<8x8xf32> {winnow.name = "x"}) -> (tensor<8x8xf32>) attributes {winnow.entry} {
  %empty = tensor.empty() : tensor<8x8xf32>
  // expected-error @below {{expects at least one input}}
  %y = linalg.map outs(%empty : tensor<8x8xf32>) (%out: f32) {
    %c = arith.constant 1.0 : f32
    linalg.yield %c : f32
  }
  return %y : tensor<8x8xf32>
}

// -----

!kv = !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 16>
func.func @stale_cache(%k: tensor<?x1x8xf32> {winnow.name = "k", winnow.dims = ["T"]}, %p: tensor<?xi32> {winnow.name = "p", winnow.dims = ["T"]}, %kv: !kv {winnow.name = "kv"}) -> (!kv) attributes {winnow.entry} {
  %a = winnow.kv_append %kv, %k, %k at %p, %p : !kv, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  // expected-error @below {{expects the newest state of its cache}}
  %b = winnow.kv_append %kv, %k, %k at %p, %p : !kv, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  return %b : !kv
}

// -----

!kv = !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 16>
func.func @truncate_at_run_time(%n: tensor<?xi32> {winnow.name = "n", winnow.dims = ["T"]}, %kv: !kv {winnow.name = "kv"}) -> (!kv) attributes {winnow.entry} {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %n, %c0 : tensor<?xi32>
  %length = arith.index_cast %T : index to i64
  // expected-error @below {{expects a constant length in native code; sessions truncate at run time}}
  %a = winnow.kv_truncate %kv to %length : !kv
  return %a : !kv
}

// -----

func.func @dynamic_words(%q: tensor<?x1x8xf32> {winnow.name = "q", winnow.dims = ["T"]},
    %p: tensor<?xi32> {winnow.name = "p", winnow.dims = ["T"]},
    %words: tensor<?x?xi64> {winnow.name = "words", winnow.dims = ["T", "W"]}) -> (tensor<?x1x8xf32>) attributes {winnow.entry} {
  // expected-error @below {{expects a static number of ancestor words per query in native code, found 'tensor<?x?xi64>'}}
  %o = winnow.attention query(%q, %p) key(%q, %p) value(%q) visible(%words : tensor<?x?xi64>)
      {mask = #winnow.mask<tree>, scale = 1.0 : f32}
      : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x8xf32>
  return %o : tensor<?x1x8xf32>
}

// -----

// Only weights are decoded, and that when they are laid out.
func.func @decoding(%x: tensor<?x8xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?x8xf32>) attributes {winnow.entry} {
  %q = winnow.recode %x : tensor<?x8xf32> -> tensor<?x8xf32, #winnow.encoding<bf16>>
  // expected-error @below {{expects to encode plain rows in native code, found 'tensor<?x8xf32, #winnow.encoding<bf16>>' to 'tensor<?x8xf32>'}}
  %y = winnow.recode %q : tensor<?x8xf32, #winnow.encoding<bf16>> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Memory of results is the caller's, who knows named dimensions alone.
func.func @returned_choice(%x: tensor<?xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?xi32> {winnow.dims = ["T"]}) attributes {winnow.entry} {
  %y = winnow.token_select %x {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<?xf32> -> tensor<?xi32>
  // expected-error @below {{cannot return rows whose number native code computes}}
  return %y : tensor<?xi32>
}

// -----

func.func @static_choice(%x: tensor<?xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<4xf32>) attributes {winnow.entry} {
  %i = winnow.token_select %x {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<?xf32> -> tensor<?xi32>
  // expected-error @below {{expects a dynamic number of rows, which native code computes, found 'tensor<4xf32>'}}
  %y = winnow.token_gather %x[%i] : tensor<?xf32>, tensor<?xi32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}
