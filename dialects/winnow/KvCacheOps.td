//===- KvCacheOps.td - Ops on the KV cache -----------------*- tablegen -*-===//

#ifndef WINNOW_KV_CACHE_OPS
#define WINNOW_KV_CACHE_OPS

include "winnow/OpBase.td"

def Winnow_KvCacheGroup : OpDocGroup {
  let summary = "KV cache";
  let description = [{
    A cache is a state that is passed by value: each op that changes it consumes
    one `!winnow.kv_cache` and makes the next. `winnow-verify-model` checks that
    every state is consumed at most once, so native code changes it in place.
  }];
}

let opDocGroup = Winnow_KvCacheGroup in {

def Winnow_KvAppendOp : Winnow_KvOp<"kv_append", [
    AllTypesMatch<["cache", "result"]> /* C6 */,
    DeclareOpInterfaceMethods<Winnow_CostOpInterface>]> {
  let summary = "Store the keys and values of new tokens";
  let description = [{
    #### Semantics

    Adds T slots behind the `length` ones that are there:

    ```
    result.slot[length + t] = (key[t], value[t], positions[t], segments[t])   0 <= t < T
    result.length           = length + T
    ```

    #### Numerics

    Keys and values are rounded to what the cache stores, here and nowhere else:
    f32 is bit-exact, bf16 and i8 are the rules of `!winnow.kv_cache`. Native code
    follows them bit for bit.

    #### Corner cases

    T = 0 changes nothing. More slots than the capacity leaves room for are an
    error of the run, before anything is written. Positions need not be sorted
    nor distinct. NaN is stored like any number, but in i8 for its whole head.

    #### Inputs

    - I1 `cache`: the state before.
    - I2 `key`: [T, heads, key_dim], with rope already applied.
    - I3 `value`: [T, heads, value_dim].
    - I4 `positions`: [T].
    - I5 `segments`: [T].

    #### Attributes

    None.

    #### Results

    - R1 `result`: the state after.

    #### Constraints

    - C1 Operands have the ranks above and no encoding (type constraints).
    - C2 shape(key)[1:] = [heads, key_dim] of the cache.
    - C3 shape(value)[1:] = [heads, value_dim] of the cache.
    - C4 Keys, values, positions and segments are equally many.
    - C5 T <= capacity.
    - C6 type(result) = type(cache) (trait).

    #### Invariants

    - V1 Two appends equal one of both pieces, one after another.
    - V2 kv_truncate to the old length undoes it.

    #### Example

    ```mlir
    !cache = !winnow.kv_cache<heads = 1, key_dim = 2, value_dim = 1, key = f32, value = f32, capacity = 16>
    func.func private @kv_append(%kv0: !cache) -> !cache {
      %k = arith.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
      %v = arith.constant dense<[[[3.0]]]> : tensor<1x1x1xf32>
      %p = arith.constant dense<7> : tensor<1xi32>
      %s = arith.constant dense<0> : tensor<1xi32>
      // One slot more: ((1, 2), 3, position 7, segment 0).
      %kv1 = winnow.kv_append %kv0, %k, %v at %p, %s
          : !cache, tensor<1x1x2xf32>, tensor<1x1x1xf32>, tensor<1xi32>, tensor<1xi32>
      return %kv1 : !cache
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_KvCacheType:$cache, Winnow_Heads:$key,
    Winnow_Heads:$value, Winnow_Ids:$positions, Winnow_Ids:$segments);
  let results = (outs Winnow_KvCacheType:$result);
  let assemblyFormat = [{
    $cache `,` $key `,` $value `at` $positions `,` $segments attr-dict `:`
    type($cache) `,` type($key) `,` type($value) `,` type($positions) `,` type($segments)
  }];
  let hasVerifier = 1;
}

def Winnow_KvViewOp : Winnow_KvOp<"kv_view"> {
  let summary = "Read a cache as tensors";
  let description = [{
    #### Semantics

    Shows the slots 0 to length - 1 of a cache, S of them, as four tensors. It
    reads the state and does not consume it; native code copies nothing, and
    only `attention` can read what it shows.

    ```
    (key[j], value[j], positions[j], segments[j]) = cache.slot[j]    0 <= j < S = length
    ```

    #### Numerics

    Bit-exact: f32 numbers for what is stored, code * scale rounded to f32 for i8.

    #### Corner cases

    An empty cache gives tensors of no rows. A static S other than the length is
    an error of the run.

    #### Inputs

    - I1 `cache`: the state.

    #### Attributes

    None.

    #### Results

    - R1 `key`: [S, heads, key_dim].
    - R2 `value`: [S, heads, value_dim].
    - R3 `positions`: [S].
    - R4 `segments`: [S].

    #### Constraints

    - C1 Results have the ranks above and no encoding (type constraints).
    - C2 shape(key)[1:] = [heads, key_dim] of the cache.
    - C3 shape(value)[1:] = [heads, value_dim] of the cache.
    - C4 Keys, values, positions and segments are equally many.
    - C5 S <= capacity.

    #### Invariants

    - V1 A view after kv_append ends with the rows that were appended, as the
      cache stores them.
    - V2 Two views of one state are equal.

    #### Example

    ```mlir
    !cache = !winnow.kv_cache<heads = 1, key_dim = 2, value_dim = 1, key = f32, value = f32, capacity = 16>
    func.func private @kv_view(%kv: !cache) -> tensor<?x1x2xf32> {
      // After the example of kv_append: key ends with (1, 2), positions with 7.
      %k, %v, %p, %s = winnow.kv_view %kv
          : !cache -> tensor<?x1x2xf32>, tensor<?x1x1xf32>, tensor<?xi32>, tensor<?xi32>
      return %k : tensor<?x1x2xf32>
    }
    ```
  }];
  let arguments = (ins Winnow_KvCacheType:$cache);
  // C1
  let results = (outs Winnow_Heads:$key, Winnow_Heads:$value,
    Winnow_Ids:$positions, Winnow_Ids:$segments);
  let assemblyFormat = [{
    $cache attr-dict `:` type($cache) `->` type($key) `,` type($value) `,`
    type($positions) `,` type($segments)
  }];
  let hasVerifier = 1;
}

def Winnow_KvTruncateOp : Winnow_KvOp<"kv_truncate", [
    AllTypesMatch<["cache", "result"]> /* C2 */]> {
  let summary = "Forget all slots from a length on";
  let description = [{
    #### Semantics

    Keeps the first slots and forgets the others:

    ```
    result.length = min(length, cache.length)
    ```

    #### Numerics

    Bit-exact: the slots that are kept do not change.

    #### Corner cases

    Length 0 empties the cache. A length of at least the present one changes
    nothing. A negative length is an error of the run. Native code takes constant
    lengths only; a session truncates by the runtime's own function.

    #### Inputs

    - I1 `cache`: the state before.
    - I2 `length`: i64, how many slots to keep.

    #### Attributes

    None.

    #### Results

    - R1 `result`: the state after.

    #### Constraints

    - C1 The length is an i64 (type constraint).
    - C2 type(result) = type(cache) (trait).

    #### Invariants

    - V1 Truncation to a, then b, is truncation to min(a, b).
    - V2 Truncation to the capacity equals identity.

    #### Example

    ```mlir
    !cache = !winnow.kv_cache<heads = 1, key_dim = 2, value_dim = 1, key = f32, value = f32, capacity = 16>
    func.func private @kv_truncate(%kv0: !cache) -> !cache {
      %length = arith.constant 3 : i64
      // 5 slots become 3; 2 slots stay 2.
      %kv1 = winnow.kv_truncate %kv0 to %length : !cache
      return %kv1 : !cache
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_KvCacheType:$cache, I64:$length);
  let results = (outs Winnow_KvCacheType:$result);
  let assemblyFormat = "$cache `to` $length attr-dict `:` type($cache)";
}

def Winnow_KvNextPositionsOp : Winnow_KvOp<"kv_next_positions", [
    AllTypesMatch<["segments", "positions"]> /* C2 */]> {
  let summary = "Count on from the tokens of a cache";
  let description = [{
    #### Semantics

    The positions of new tokens where those of a segment are counted from 0, in
    the order in which they came, and those that are not in the cache do not
    count. It reads the state and does not consume it.

    ```
    positions[t] = #{j < length: cache.slot[j].segment = segments[t]} + #{u < t: segments[u] = segments[t]}
    ```

    This is for layers whose caches lack tokens (`winnow-prune-tokens`, arXiv
    2410.17247): they rotate by these positions, while masks and caches go on
    with those of the whole sequence.

    #### Numerics

    Exact: integers.

    #### Corner cases

    No token has no position. In an empty cache, segments start at 0. What the
    positions in the cache are does not matter, nor does the order of segments.

    #### Inputs

    - I1 `cache`: the state in front of the new tokens.
    - I2 `segments`: [T], those of the new tokens.

    #### Attributes

    None.

    #### Results

    - R1 `positions`: [T].

    #### Constraints

    - C1 Segments have the rank above and no encoding (type constraint).
    - C2 type(positions) = type(segments) (trait).

    #### Invariants

    - V1 Where a cache has all tokens of a segment, its next positions are those
      of the sequence.
    - V2 Positions of two pieces, appended one after another, are those of both
      pieces together.

    #### Example

    ```mlir
    !cache = !winnow.kv_cache<heads = 1, key_dim = 2, value_dim = 1, key = f32, value = f32, capacity = 16>
    func.func private @kv_next_positions(%kv: !cache) -> tensor<3xi32> {
      %s = arith.constant dense<[4, 7, 4]> : tensor<3xi32>
      // Behind 5 slots of segment 4 and none of segment 7: (5, 0, 6).
      %p = winnow.kv_next_positions %kv of %s : !cache, tensor<3xi32>
      return %p : tensor<3xi32>
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_KvCacheType:$cache, Winnow_Ids:$segments);
  let results = (outs Winnow_Ids:$positions);
  let assemblyFormat = [{
    $cache `of` $segments attr-dict `:` type($cache) `,` type($segments)
  }];
}

} // let opDocGroup

#endif // WINNOW_KV_CACHE_OPS
