// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// Entry points: constraints of the dialect's description.

// expected-error @+1 {{expects 'winnow.entry' to be a unit attribute of a func.func of one block}}
func.func private @entry_c1_declaration() attributes {winnow.entry}

// -----

// expected-error @+1 {{expects 'winnow.entry' to be a unit attribute of a func.func of one block}}
func.func @entry_c1_value() attributes {winnow.entry = true} {
  return
}

// -----

// expected-error @+1 {{expects 'winnow.entry' to be a unit attribute of a func.func of one block}}
module @entry_c1_op attributes {winnow.entry} {}

// -----

// expected-error @+1 {{expects argument #0 to have 'winnow.name'}}
func.func @entry_c2_missing(%x: tensor<4xf32>) attributes {winnow.entry} {
  return
}

// -----

// expected-error @+1 {{expects names of arguments to differ, found "x" twice}}
func.func @entry_c2_twice(%x: tensor<4xf32> {winnow.name = "x"}, %y: tensor<4xf32> {winnow.name = "x"}) attributes {winnow.entry} {
  return
}

// -----

// expected-error @+1 {{expects argument #0 to be a cache or a ranked tensor without encoding, found 'i64'}}
func.func @entry_c3_argument(%n: i64 {winnow.name = "n"}) attributes {winnow.entry} {
  return
}

// -----

// expected-error @+1 {{expects result #0 to be a cache or a ranked tensor without encoding, found 'tensor<4x32xf32, #winnow.encoding<q8_0>>'}}
func.func @entry_c3_result() -> tensor<4x32xf32, #winnow.encoding<q8_0>> attributes {winnow.entry} {
  %w = winnow.use @w : tensor<4x32xf32, #winnow.encoding<q8_0>>
  return %w : tensor<4x32xf32, #winnow.encoding<q8_0>>
}
winnow.param @w from {random = 1 : i64} : tensor<4x32xf32, #winnow.encoding<q8_0>>

// -----

// expected-error @+1 {{expects argument #0 of type 'tensor<?x?xf32>' to have 2 names in 'winnow.dims', found 1}}
func.func @entry_c4_argument(%x: tensor<?x?xf32> {winnow.name = "x", winnow.dims = ["T"]}) attributes {winnow.entry} {
  return
}

// -----

// expected-error @+1 {{expects argument #0 of type 'tensor<?xf32>' to have 1 names in 'winnow.dims', found 0}}
func.func @entry_c4_missing(%x: tensor<?xf32> {winnow.name = "x"}) attributes {winnow.entry} {
  return
}

// -----

// expected-error @+1 {{expects result #0 of type 'tensor<4xf32>' to have 0 names in 'winnow.dims', found 1}}
func.func @entry_c4_result(%x: tensor<4xf32> {winnow.name = "x"}) -> (tensor<4xf32> {winnow.dims = ["T"]}) attributes {winnow.entry} {
  return %x : tensor<4xf32>
}

// -----

!cache = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
// expected-error @+1 {{expects as many cache results (0) as cache arguments (1)}}
func.func @entry_c5_number(%kv: !cache {winnow.name = "kv"}) attributes {winnow.entry} {
  return
}

// -----

!small = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>
!large = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 32>
// expected-error @+1 {{expects cache result #0 to have the type of cache argument #0 ('!winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 16>'), found '!winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = f32, value = f32, capacity = 32>'}}
func.func @entry_c5_order(%a: !small {winnow.name = "a"}, %b: !large {winnow.name = "b"}) -> (!large, !small) attributes {winnow.entry} {
  return %b, %a : !large, !small
}

// -----

// expected-error @+1 {{expects 'winnow.name' to be a string that is not empty, found 4 : i64}}
func.func @entry_c6_name(%x: tensor<4xf32> {winnow.name = 4}) {
  return
}

// -----

// expected-error @+1 {{expects 'winnow.name' to be a string that is not empty, found ""}}
func.func @entry_c6_result(%x: tensor<4xf32>) -> (tensor<4xf32> {winnow.name = ""}) {
  return %x : tensor<4xf32>
}

// -----

// expected-error @+1 {{expects 'winnow.dims' to be an array of strings that are not empty, found "T"}}
func.func @entry_c6_dims(%x: tensor<?xf32> {winnow.dims = "T"}) {
  return
}

// -----

// expected-error @+1 {{expects 'winnow.dims' to be an array of strings that are not empty, found ["T", 2]}}
func.func @entry_c6_dim(%x: tensor<?x?xf32> {winnow.dims = ["T", 2]}) {
  return
}

// -----

// expected-error @+1 {{expects 'winnow.model' to be a dictionary attribute of a module}}
module @entry_c7_kind attributes {winnow.model = "gemma"} {}

// -----

// expected-error @+1 {{expects 'winnow.model' to be a dictionary attribute of a module}}
func.func @entry_c7_op() attributes {winnow.model = {}} {
  return
}

// -----

// What used to be an attribute, or is misspelt, would change the result in
// silence.
func.func @entry_c8(%w: tensor<4x32xf32>) {
  // expected-error @+1 {{'winnow.recode' op has no attribute 'gptq'}}
  %q = winnow.recode %w {gptq = "tap"} : tensor<4x32xf32> -> tensor<4x32xf32, #winnow.encoding<q8_0>>
  return
}
