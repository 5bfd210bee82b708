// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// Attributes and types: one chunk per constraint, named after it.

// expected-error @+1 {{expects a known number format, found 'q4_7'}}
func.func private @encoding_c1(tensor<4x32xf32, #winnow.encoding<q4_7>>)

// -----

// expected-error @+1 {{expects the layout 'rows' or 'tile16', found 'columns'}}
func.func private @encoding_c2(tensor<4x32xf32, #winnow.encoding<q4_0, columns>>)

// -----

// expected-error @+1 {{expects a format that has the layout 'tile16', found 'a8_b32'}}
func.func private @encoding_c3(tensor<4x32xf32, #winnow.encoding<a8_b32, tile16>>)

// -----

// expected-error @+1 {{expects an encoded tensor of 'f32', found 'bf16'}}
func.func private @encoding_c4(tensor<4x32xbf16, #winnow.encoding<q4_0>>)

// -----

// expected-error @+1 {{expects rank of at least 1 in the layout 'rows', found 0}}
func.func private @encoding_c5_rows(tensor<f32, #winnow.encoding<f16>>)

// -----

// expected-error @+1 {{expects rank 2 in the layout 'tile16', found 3}}
func.func private @encoding_c5_tile16(tensor<2x4x32xf32, #winnow.encoding<q4_0, tile16>>)

// -----

// expected-error @+1 {{expects the last dimension to be a static multiple of the block of 'q4_0' (32), found 48}}
func.func private @encoding_c6_size(tensor<4x48xf32, #winnow.encoding<q4_0>>)

// -----

// expected-error @+1 {{expects the last dimension to be a static multiple of the block of 'f16' (1), found ?}}
func.func private @encoding_c6_dynamic(tensor<4x?xf32, #winnow.encoding<f16>>)

// -----

// expected-error @+1 {{expects a known way to choose codes, found 'hqq'}}
func.func private @codes_c1() attributes {m = #winnow.codes<hqq, "w">}

// -----

// expected-error @+1 {{expects the name of a tap, found none}}
func.func private @codes_c2() attributes {m = #winnow.codes<gptq, "">}

// -----

// expected-error @+1 {{expects a positive window for a mask of kind 'sliding_window', found 0}}
func.func private @mask_c1_missing() attributes {m = #winnow.mask<sliding_window>}

// -----

// expected-error @+1 {{expects a positive window for a mask of kind 'grid', found -1}}
func.func private @mask_c1_negative() attributes {m = #winnow.mask<grid, window = -1, width = 4>}

// -----

// expected-error @+1 {{expects no window for a mask of kind 'causal', found 4}}
func.func private @mask_c1_superfluous() attributes {m = #winnow.mask<causal, window = 4>}

// -----

// expected-error @+1 {{expects no sinks for a mask of kind 'causal', found 4}}
func.func private @mask_c2_superfluous() attributes {m = #winnow.mask<causal, sinks = 4>}

// -----

// expected-error @+1 {{expects sinks of at least 0 for a mask of kind 'sliding_window', found -4}}
func.func private @mask_c2_negative() attributes {m = #winnow.mask<sliding_window, window = 1, sinks = -4>}

// -----

// expected-error @+1 {{expects sinks of at least 0 for a mask of kind 'grid', found -1}}
func.func private @mask_c2_grid() attributes {m = #winnow.mask<grid, window = 1, sinks = -1, width = 2>}

// -----

// expected-error @+1 {{expects a positive prefix for a mask of kind 'prefix', found 0}}
func.func private @mask_c3_missing() attributes {m = #winnow.mask<prefix>}

// -----

// expected-error @+1 {{expects no prefix for a mask of kind 'full', found 3}}
func.func private @mask_c3_superfluous() attributes {m = #winnow.mask<full, prefix = 3>}

// -----

// expected-error @+1 {{expects a positive width for a mask of kind 'grid', found 0}}
func.func private @mask_c4_missing() attributes {m = #winnow.mask<grid, window = 1>}

// -----

// expected-error @+1 {{expects no width for a mask of kind 'tree', found 3}}
func.func private @mask_c4_superfluous() attributes {m = #winnow.mask<tree, width = 3>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'linear' to have a factor}}
func.func private @rope_scaling_c1_missing() attributes {s = #winnow.rope_scaling<linear>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'none' to have no factor}}
func.func private @rope_scaling_c1_superfluous() attributes {s = #winnow.rope_scaling<none, factor = 2.0 : f64>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'linear' to have neither low, high nor originalContext}}
func.func private @rope_scaling_c2() attributes {s = #winnow.rope_scaling<linear, factor = 2.0 : f64, low = 1.0 : f64>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'llama3' to have no attentionFactor}}
func.func private @rope_scaling_c3() attributes {s = #winnow.rope_scaling<llama3, factor = 2.0 : f64, attentionFactor = 1.0 : f64>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'yarn' to have no factors}}
func.func private @rope_scaling_c3_factors() attributes {s = #winnow.rope_scaling<yarn, factor = 2.0 : f64, originalContext = 64, factors = [1.0]>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'longrope' to have no factor}}
func.func private @rope_scaling_c1_longrope() attributes {s = #winnow.rope_scaling<longrope, factor = 2.0 : f64>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'longrope' to have positive factors, found array<f64: 1.000000e+00, -1.000000e+00>}}
func.func private @rope_scaling_c4_factors() attributes {s = #winnow.rope_scaling<longrope, factors = [1.0, -1.0]>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'linear' to have a positive factor, found 0.000000e+00 : f64}}
func.func private @rope_scaling_c4_zero() attributes {s = #winnow.rope_scaling<linear, factor = 0.0 : f64>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'yarn' to have a positive attentionFactor, found 0x7FF0000000000000 : f64}}
func.func private @rope_scaling_c4_infinite() attributes {s = #winnow.rope_scaling<yarn, factor = 2.0 : f64, originalContext = 64, attentionFactor = 0x7FF0000000000000 : f64>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'yarn' to have a positive originalContext, found 0}}
func.func private @rope_scaling_c5_yarn() attributes {s = #winnow.rope_scaling<yarn, factor = 2.0 : f64>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'llama3' to have a positive originalContext, found -8}}
func.func private @rope_scaling_c5_llama3() attributes {s = #winnow.rope_scaling<llama3, factor = 2.0 : f64, originalContext = -8>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'llama3' to have low (4.000000e+00) below high (4.000000e+00)}}
func.func private @rope_scaling_c6_default() attributes {s = #winnow.rope_scaling<llama3, factor = 2.0 : f64, low = 4.0 : f64>}

// -----

// expected-error @+1 {{expects a rope scaling of kind 'yarn' to have low (1.000000e+00) below high (5.000000e-01)}}
func.func private @rope_scaling_c6_yarn() attributes {s = #winnow.rope_scaling<yarn, factor = 2.0 : f64, high = 0.5 : f64, originalContext = 64>}

// -----

// expected-error @+1 {{expects heads to be positive, found 0}}
func.func private @kv_cache_c1_heads(!winnow.kv_cache<heads = 0, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>)

// -----

// expected-error @+1 {{expects key_dim to be positive, found -4}}
func.func private @kv_cache_c1_key_dim(!winnow.kv_cache<heads = 1, key_dim = -4, value_dim = 4, key = f32, value = f32, capacity = 16>)

// -----

// expected-error @+1 {{expects value_dim to be positive, found 0}}
func.func private @kv_cache_c1_value_dim(!winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 0, key = f32, value = f32, capacity = 16>)

// -----

// expected-error @+1 {{expects capacity to be a positive multiple of 16, found 0}}
func.func private @kv_cache_c2_zero(!winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 0>)

// -----

// expected-error @+1 {{expects capacity to be a positive multiple of 16, found 24}}
func.func private @kv_cache_c2_multiple(!winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 24>)

// -----

// expected-error @+1 {{expects key to be stored as 'f32', 'bf16' or 'i8', found 'f16'}}
func.func private @kv_cache_c3_key(!winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f16, value = f32, capacity = 16>)

// -----

// expected-error @+1 {{expects value to be stored as 'f32', 'bf16' or 'i8', found 'i16'}}
func.func private @kv_cache_c3_value(!winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = i16, capacity = 16>)

// -----

// expected-error @+1 {{expects key to be stored as 'f32', 'bf16' or 'i8', found 'ui8'}}
func.func private @kv_cache_c3_sign(!winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = ui8, value = i8, capacity = 16>)

// -----

// expected-error @+1 {{expects fewer than 2^63 bytes, found 1152921504606846976 slots of 1 heads of 1 + 1 numbers}}
func.func private @kv_cache_c4_bytes(!winnow.kv_cache<heads = 1, key_dim = 1, value_dim = 1, key = f32, value = f32, capacity = 1152921504606846976>)

// -----

// expected-error @+1 {{expects fewer than 2^63 bytes, found 16 slots of 1 heads of 9223372036854775807 + 1 numbers}}
func.func private @kv_cache_c4_dims(!winnow.kv_cache<heads = 1, key_dim = 9223372036854775807, value_dim = 1, key = f32, value = f32, capacity = 16>)

// -----

// expected-error @+1 {{expected '>'}}
func.func private @encoding_parse(tensor<4x32xf32, #winnow.encoding<q4_0, rows, 3>>)

// -----

// A type without elements: the parser says what is missing, and nothing else
// looks at it.
// expected-error@+1 {{expected non-function type}}
func.func private @no_element_type(tensor<, #winnow.encoding<q8_0>>)

// -----

// expected-error @+1 {{expects either keep or least, found none}}
func.func private @token_policy_c1() attributes {m = #winnow.token_policy<first = 1>}

// -----

// expected-error @+1 {{expects either keep or least, found both}}
func.func private @token_policy_c1_both() attributes {m = #winnow.token_policy<keep = 0.5 : f64, least = 0.5 : f32>}

// -----

// expected-error @+1 {{expects keep to be an f64 above 0 and not above 1, found 0.000000e+00 : f64}}
func.func private @token_policy_c2() attributes {m = #winnow.token_policy<keep = 0.0 : f64>}

// -----

// expected-error @+1 {{expects keep to be an f64 above 0 and not above 1, found 1.500000e+00 : f64}}
func.func private @token_policy_c2_large() attributes {m = #winnow.token_policy<keep = 1.5 : f64>}

// -----

// expected-error @+1 {{expects keep to be an f64 above 0 and not above 1, found 5.000000e-01 : f32}}
func.func private @token_policy_c2_type() attributes {m = #winnow.token_policy<keep = 0.5 : f32>}

// -----

// expected-error @+1 {{expects least to be an f32 and no NaN, found 0x7FC00000 : f32}}
func.func private @token_policy_c3() attributes {m = #winnow.token_policy<least = 0x7FC00000 : f32>}

// -----

// expected-error @+1 {{expects least to be an f32 and no NaN, found 5.000000e-01 : f64}}
func.func private @token_policy_c3_type() attributes {m = #winnow.token_policy<least = 0.5 : f64>}

// -----

// expected-error @+1 {{expects no rounding with least, found even}}
func.func private @token_policy_c3_rounding() attributes {m = #winnow.token_policy<least = 0.5 : f32, rounding = even>}

// -----

// expected-error @+1 {{expects first and last to be at least 0 and below 2^30, found -1}}
func.func private @token_policy_c4() attributes {m = #winnow.token_policy<keep = 0.5 : f64, first = -1>}

// -----

// expected-error @+1 {{expects first and last to be at least 0 and below 2^30, found 1073741824}}
func.func private @token_policy_c4_large() attributes {m = #winnow.token_policy<keep = 0.5 : f64, last = 1073741824>}
