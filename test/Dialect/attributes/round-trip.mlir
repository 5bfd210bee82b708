// RUN: winnow-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: @encodings
// CHECK-SAME: tensor<8x64xf32, #winnow.encoding<q5_0>>
// CHECK-SAME: tensor<8x64xf32, #winnow.encoding<q5_0>>
// CHECK-SAME: tensor<?x64xf32, #winnow.encoding<a8_b32>>
// CHECK-SAME: tensor<8x64xf32, #winnow.encoding<q5_0, tile16>>
func.func private @encodings(
    tensor<8x64xf32, #winnow.encoding<q5_0>>,
    tensor<8x64xf32, #winnow.encoding<q5_0, rows>>,
    tensor<?x64xf32, #winnow.encoding<a8_b32>>,
    tensor<8x64xf32, #winnow.encoding<q5_0, tile16>>)

// CHECK-LABEL: @masks
// CHECK-SAME: [#winnow.mask<full>, #winnow.mask<causal>,
// CHECK-SAME: #winnow.mask<sliding_window, window = 8>,
// CHECK-SAME: #winnow.mask<sliding_window, window = 8, sinks = 4>,
// CHECK-SAME: #winnow.mask<prefix, prefix = 16>, #winnow.mask<tree>,
// CHECK-SAME: #winnow.mask<grid, window = 1, width = 7>, #winnow.mask<grid, window = 2, sinks = 1, width = 7>, #winnow.mask<explicit>]
func.func private @masks() attributes {masks = [
  #winnow.mask<full>, #winnow.mask<causal>,
  #winnow.mask<sliding_window, window = 8>,
  #winnow.mask<sliding_window, window = 8, sinks = 4>,
  #winnow.mask<prefix, prefix = 16>, #winnow.mask<tree>,
  #winnow.mask<grid, window = 1, width = 7>, #winnow.mask<grid, window = 2, sinks = 1, width = 7>, #winnow.mask<explicit>]}

// CHECK-LABEL: @codes
// CHECK-SAME: [#winnow.codes<gptq, "blk.0.ffn_up.weight">, #winnow.codes<clip, "a \22b\22">, #winnow.codes<wanda, "w">]
func.func private @codes() attributes {codes = [
  #winnow.codes<gptq, "blk.0.ffn_up.weight">, #winnow.codes<clip, "a \"b\"">, #winnow.codes<"wanda", "w">]}

// CHECK-LABEL: @rope_scalings
// CHECK-SAME: #winnow.rope_scaling<none>
// CHECK-SAME: #winnow.rope_scaling<linear, factor = 2.000000e+00 : f64>
// CHECK-SAME: #winnow.rope_scaling<llama3, factor = 8.000000e+00 : f64>
// CHECK-SAME: #winnow.rope_scaling<yarn, factor = 4.000000e+00 : f64, low = 1.000000e+00 : f64, high = 3.200000e+01 : f64, originalContext = 4096, attentionFactor = 1.100000e+00 : f64>
// CHECK-SAME: #winnow.rope_scaling<longrope, attentionFactor = 1.200000e+00 : f64, factors = [1.000000e+00, 4.000000e+00]>
func.func private @rope_scalings() attributes {scalings = [
  #winnow.rope_scaling<none>,
  #winnow.rope_scaling<linear, factor = 2.0 : f64>,
  #winnow.rope_scaling<llama3, factor = 8.0 : f64>,
  #winnow.rope_scaling<yarn, factor = 4.0 : f64, low = 1.0 : f64, high = 32.0 : f64,
    originalContext = 4096, attentionFactor = 1.1 : f64>,
  #winnow.rope_scaling<longrope, attentionFactor = 1.2 : f64, factors = [1.0, 4.0]>]}

// CHECK-LABEL: @cache
// CHECK-SAME: !winnow.kv_cache<heads = 2, key_dim = 64, value_dim = 32, key = f32, value = f32, capacity = 4096>
// CHECK-SAME: !winnow.kv_cache<heads = 2, key_dim = 64, value_dim = 32, key = i8, value = bf16, capacity = 4096>
func.func private @cache(
    !winnow.kv_cache<heads = 2, key_dim = 64, value_dim = 32, key = f32, value = f32, capacity = 4096>,
    !winnow.kv_cache<heads = 2, key_dim = 64, value_dim = 32, key = i8, value = bf16, capacity = 4096>)
