// RUN: rm -rf %t && mkdir -p %t
// RUN: %python %S/Inputs/kv_cache_calls.py write %t
// RUN: winnow-opt %s --winnow-interpret=calls=%t/calls.txt -o /dev/null
// RUN: %python %S/Inputs/kv_cache_calls.py check %t

!cache = !winnow.kv_cache<heads = 1, key_dim = 2, value_dim = 1, key = f32, value = f32, capacity = 16>

// Appends and reads.
func.func @append(
    %cache: !cache {winnow.name = "kv"},
    %key: tensor<?x1x2xf32> {winnow.name = "key", winnow.dims = ["T"]},
    %value: tensor<?x1x1xf32> {winnow.name = "value", winnow.dims = ["T"]},
    %positions: tensor<?xi32> {winnow.name = "positions", winnow.dims = ["T"]},
    %segments: tensor<?xi32> {winnow.name = "segments", winnow.dims = ["T"]})
    -> (!cache, tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?xi32>, tensor<?xi32>)
    attributes {winnow.entry} {
  %next = winnow.kv_append %cache, %key, %value at %positions, %segments
      : !cache, tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?xi32>, tensor<?xi32>
  %k, %v, %p, %s = winnow.kv_view %next
      : !cache -> tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?xi32>, tensor<?xi32>
  return %next, %k, %v, %p, %s
      : !cache, tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?xi32>, tensor<?xi32>
}

// Truncates and reads.
func.func @truncate(
    %cache: !cache {winnow.name = "kv"}, %length: i64 {winnow.name = "length"})
    -> (!cache, tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?xi32>, tensor<?xi32>) {
  %next = winnow.kv_truncate %cache to %length : !cache
  %k, %v, %p, %s = winnow.kv_view %next
      : !cache -> tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?xi32>, tensor<?xi32>
  return %next, %k, %v, %p, %s
      : !cache, tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?xi32>, tensor<?xi32>
}

// Counts on.
func.func @next(
    %cache: !cache {winnow.name = "kv"},
    %segments: tensor<?xi32> {winnow.name = "segments", winnow.dims = ["T"]})
    -> (!cache, tensor<?xi32>) {
  %positions = winnow.kv_next_positions %cache of %segments : !cache, tensor<?xi32>
  return %cache, %positions : !cache, tensor<?xi32>
}

// What caches of smaller numbers show: bf16 keys, i8 values.

!rounding = !winnow.kv_cache<heads = 1, key_dim = 4, value_dim = 4, key = bf16, value = i8, capacity = 16>
func.func @round(
    %cache: !rounding {winnow.name = "rounding"},
    %x: tensor<?x1x4xf32> {winnow.name = "x", winnow.dims = ["T"]},
    %ids: tensor<?xi32> {winnow.name = "ids", winnow.dims = ["T"]})
    -> (!rounding, tensor<?x1x4xf32>, tensor<?x1x4xf32>) attributes {winnow.entry} {
  %next = winnow.kv_append %cache, %x, %x at %ids, %ids
      : !rounding, tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
  %k, %v, %p, %s = winnow.kv_view %next
      : !rounding -> tensor<?x1x4xf32>, tensor<?x1x4xf32>, tensor<?xi32>, tensor<?xi32>
  return %next, %k, %v : !rounding, tensor<?x1x4xf32>, tensor<?x1x4xf32>
}
