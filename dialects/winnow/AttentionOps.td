//===- AttentionOps.td - Attention, rope and norms ---------*- tablegen -*-===//

#ifndef WINNOW_ATTENTION_OPS
#define WINNOW_ATTENTION_OPS

include "winnow/OpBase.td"

def Winnow_AttentionGroup : OpDocGroup {
  let summary = "Attention, rope and norms";
  let description = [{
    Ops on tokens that are split into heads. All of them compute on plain f32.
  }];
}

let opDocGroup = Winnow_AttentionGroup in {

def Winnow_AttentionOp : Winnow_TokenOp<"attention", [AttrSizedOperandSegments,
    AttrSizedResultSegments]> {
  let summary = "Scaled dot-product attention over explicit positions";
  let description = [{
    #### Semantics

    Each query becomes a weighted mean of the values of the keys that it may
    see. With query [Tq, Hq, Dk], key [Tk, Hkv, Dk], value [Tk, Hkv, Dv],
    query head h reads key head h' = h / (Hq / Hkv). For query i, head h, key j:

    ```
    s[i,h,j] = scale * dot(query[i,h], key[j,h'])
    s        = softcap * tanh(s / softcap)              unless softcap is 0
    s       += bias[j], bias[i,j] or bias[h,i,j]        by the rank of bias
    s       += relative_bias[b(i,j), h]                 see below
    s        = -inf                                     where j is not visible to i
    lse[i,h] = ln sum over j of exp(s[i,h,j])
    p[i,h,j] = exp(s[i,h,j]) / (exp(lse[i,h]) + exp(sinks[h]))    no sinks: + 0
    output[i,h] = sum over j of p[i,h,j] * value[j,h']
    scores[j,h'] = sum of p[i,h,j] over all i and the heads h of key head h'
    ```

    With d = key_positions[j] - query_positions[i], the bucket b(i,j) is the
    number of `distances` that are at most |d|, plus the number of distances and 1
    where d > 0 (T5, arXiv 1910.10683, section 2.1).

    Key j is visible to query i if `mask` says so (see `#winnow.mask`), which
    looks at positions, not at indices, and if their segments are equal, where
    segments are given. `lse` leaves out the sinks; `scores` takes them into
    account.

    #### Numerics

    Storage and results are f32. Reference: sums in f64 in the order of indices,
    functions in f64, each result rounded once. Native code: f32 with fused
    multiply-add, the maximum of the row taken off before exp, keys in chunks of
    128 whose partial results are combined in one fixed order; so a row's result
    depends neither on other rows nor on the number of threads, bit for bit.
    Where there are segments and neither mask operand nor scores, and no bias but
    one of rank 1 on plain keys, no chunk has keys of two segments, so that a row's result does not depend on
    other segments either: in a cache that an entry point appends all tokens of
    one input to, and where queries and keys have the same segments, which do
    not fall. It differs from the reference by at most 1e-5 * max(1, |x|) in
    output and lse and 1e-4 * max(1, |x|) in scores for inputs of magnitude about
    1. Keys and values of a cache are read as they are stored and rounded no
    further: bf16 is widened; the scales of i8 multiply the sum over channels, and
    the weights in front of the sum over keys.

    #### Corner cases

    A query that sees nothing has output 0 and lse -inf and adds nothing to
    scores, with or without sinks. The key and value of an invisible key are not
    read, whatever they hold. A bias of -inf hides a key like the mask does.
    NaN in a visible key or its bias reaches the output, NaN in a value where its
    weight is not 0. Tq = 0 gives
    empty results; Tk = 0 is a query that sees nothing. The reference takes any
    position, native code positions of at least 0.

    #### Inputs

    - I1 `query`: [Tq, Hq, Dk].
    - I2 `key`: [Tk, Hkv, Dk].
    - I3 `value`: [Tk, Hkv, Dv].
    - I4 `query_positions`: [Tq].
    - I5 `key_positions`: [Tk].
    - I6 `query_segments`, `key_segments`: [Tq] and [Tk], optional.
    - I7 `mask_operand`: what a mask of kind `explicit` or `tree` reads; printed
      as `visible`. explicit: i1 [Tq, Tk], true where visible. tree: i64
      [Tq, W], bit n % 64 of word n / 64 of a row is set where draft key n is
      visible; further words are not read.
    - I8 `sinks`: [Hq], optional: a score per head that takes part in the
      denominator alone.
    - I9 `bias`: [Tk], [Tq, Tk] or [Hq, Tq, Tk], optional.
    - I10 `relative_bias`: [2 (L + 1), Hq] for L distances, optional: a bias per
      bucket of distances and head; printed as `relative`.

    #### Attributes

    - A1 `mask`: which keys a query may see.
    - A2 `scale`: what dot products are multiplied by, often 1 / sqrt(Dk).
    - A3 `softcap`, default 0 (none): the bound of scores.
    - A4 `distances`, default none: the least distance of each bucket but the
      first.

    #### Results

    - R1 `output`: [Tq, Hq, Dv].
    - R2 `lse`: [Tq, Hq], optional.
    - R3 `scores`: [Tk, Hkv], optional: the attention that each key got.

    #### Constraints

    - C1 Operands and results have the ranks above and no encoding; ids are i32,
      numbers f32 (type constraints).
    - C2 Hkv > 0 divides Hq.
    - C3 size(key, 2) = size(query, 2).
    - C4 size(value, 0) = size(key, 0) and size(value, 1) = size(key, 1).
    - C5 shape(output) = [Tq, Hq, Dv].
    - C6 Positions and segments: one per query and one per key.
    - C7 Segments for queries and keys or for none.
    - C8 `mask_operand` is present iff the mask is `explicit` or `tree`, and has
      Tq rows.
    - C9 explicit: type i1, Tk columns.
    - C10 tree: type i64, at least ceil(Tq / 64) columns, Tk >= Tq.
    - C11 shape(bias) = [Tk], [Tq, Tk] or [Hq, Tq, Tk].
    - C12 size(sinks, 0) = Hq.
    - C13 shape(lse) = [Tq, Hq].
    - C14 shape(scores) = [Tk, Hkv].
    - C15 scale and softcap are finite, softcap >= 0.
    - C16 `relative_bias` is present iff there are distances.
    - C17 shape(relative_bias) = [2 (L + 1), Hq].
    - C18 distances are positive and rise.

    A dynamic size agrees with every size here and below; a run checks it.

    #### Invariants

    - V1 Without sinks, scores sum to Hq times the number of queries that see
      something.
    - V2 Results for two disjoint sets of keys, merged with weights exp(lse),
      are the result for their union.
    - V3 A sink s changes the output by the factor 1 / (1 + exp(s - lse)).
    - V4 The order of keys does not matter beyond rounding.
    - V5 A sliding window of more than the largest position is causal.
    - V6 Shifting all positions changes nothing under `full`.
    - V7 A bias of ln n for a key is as good as n such keys, beyond rounding.

    #### Example

    ```mlir
    // Scores 0.5 * 2 * (0, ln 3) give the weights 1/4 and 3/4.
    func.func @attention() {
      %q = arith.constant dense<2.0> : tensor<1x1x1xf32>
      %k = arith.constant dense<[[[0.0]], [[1.09861229]]]> : tensor<2x1x1xf32>
      %v = arith.constant dense<[[[4.0, 0.0]], [[8.0, 1.0]]]> : tensor<2x1x2xf32>
      %qp = arith.constant dense<1> : tensor<1xi32>
      %kp = arith.constant dense<[0, 1]> : tensor<2xi32>
      %o, %scores = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
          {mask = #winnow.mask<causal>, scale = 0.5 : f32}
          : tensor<1x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x2xf32>, tensor<1xi32>, tensor<2xi32>
          -> tensor<1x1x2xf32> scores tensor<2x1xf32>
      %o_is = arith.constant dense<[[[7.0, 0.75]]]> : tensor<1x1x2xf32>
      check.expect_almost_eq %o, %o_is {relative = 1.0e-6} : tensor<1x1x2xf32>
      %scores_are = arith.constant dense<[[0.25], [0.75]]> : tensor<2x1xf32>
      check.expect_almost_eq %scores, %scores_are {relative = 1.0e-6} : tensor<2x1xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins
    Winnow_Heads:$query, Winnow_Heads:$key, Winnow_Heads:$value,
    Winnow_Ids:$query_positions, Winnow_Ids:$key_positions,
    Optional<Winnow_Ids>:$query_segments, Optional<Winnow_Ids>:$key_segments,
    Optional<Winnow_PlainTensor<[2], [I1, I64]>>:$mask_operand,
    Optional<Winnow_Vector>:$sinks,
    Optional<Winnow_PlainTensor<[1, 2, 3]>>:$bias,
    Optional<Winnow_Rows>:$relative_bias,
    Winnow_MaskAttr:$mask,
    F32Attr:$scale,
    DefaultValuedAttr<F32Attr, "0.0f">:$softcap,
    DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$distances);
  let results = (outs Winnow_Heads:$output,
    Optional<Winnow_Rows>:$lse, Optional<Winnow_Rows>:$scores);
  let assemblyFormat = [{
    `query` `(` $query `,` $query_positions (`,` $query_segments^)? `)`
    `key` `(` $key `,` $key_positions (`,` $key_segments^)? `)`
    `value` `(` $value `)`
    (`sinks` `(` $sinks^ `:` type($sinks) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`relative` `(` $relative_bias^ `:` type($relative_bias) `)`)?
    (`visible` `(` $mask_operand^ `:` type($mask_operand) `)`)?
    attr-dict `:` type($query) `,` type($key) `,` type($value) `,`
    type($query_positions) `,` type($key_positions)
    (`,` type($query_segments)^ `,` type($key_segments))?
    `->` type($output) (`lse` type($lse)^)? (`scores` type($scores)^)?
  }];
  let hasVerifier = 1;
}

def Winnow_RopeOp : Winnow_TokenOp<"rope", [
    AllTypesMatch<["input", "output"]> /* C2 */]> {
  let summary = "Rotary position embedding";
  let description = [{
    #### Semantics

    Turns pairs of channels by angles that grow with the token's position. With
    input [T, H, D] and d = `dims`, pair c of d / 2 is the channels (a, b) =
    (c, c + d/2) in the layout `half` and (2c, 2c + 1) in `interleaved`:

    ```
    f[c]     = stretch(base^(-2c / d)) / factors[c]     no factors: / 1
    angle    = positions[t] * f[c]
    output_a = m * (input_a * cos(angle) - input_b * sin(angle))
    output_b = m * (input_b * cos(angle) + input_a * sin(angle))
    ```

    Channels from d on pass through. `stretch` and the magnitude m are those of
    `scaling` (see `#winnow.rope_scaling`); without it they do nothing.

    #### Numerics

    Storage f32. Frequencies and angles are f64, here and in native code: in f32
    a long context loses its phase. Reference: f64, rounded once. Native code:
    cosine and sine to f32 with an absolute error below 1e-7, then one product
    and one fused multiply-add in f32 per channel; at most 3e-6 from the
    reference for inputs of magnitude about 1.

    #### Corner cases

    Position 0 turns by 0. dims = 0 is the identity. T = 0 gives an empty result.
    NaN and infinities spread to their own pair alone. Native code expects
    positions times frequencies below 2^31.

    #### Inputs

    - I1 `input`: [T, H, D].
    - I2 `positions`: [T].
    - I3 `factors`: [dims / 2], optional: divides each frequency.

    #### Attributes

    - A1 `base`: the base of the frequencies.
    - A2 `dims`: how many channels of each head turn.
    - A3 `layout`, default `half`: which channels form a pair.
    - A4 `scaling`, optional: a change of the frequencies.

    #### Results

    - R1 `output`: [T, H, D].

    #### Constraints

    - C1 Operands have the ranks above and no encoding; positions are i32 (type
      constraints).
    - C2 type(output) = type(input) (trait).
    - C3 dims is even and at least 0.
    - C4 dims <= D.
    - C5 size(positions, 0) = T.
    - C6 size(factors, 0) = dims / 2.
    - C7 base is positive and finite.
    - C8 Factors of the scaling are dims / 2.

    #### Invariants

    - V1 Each pair keeps its length times m.
    - V2 The dot product of two turned rows depends on the difference of their
      positions alone (times m^2).
    - V3 dims = 0 equals identity; that is also a fold.

    #### Example

    ```mlir
    // At position 1 the first pair turns by 1, the second by 1 / 100.
    func.func @rope() {
      %x = arith.constant dense<[[[1.0, 1.0, 0.0, 0.0]]]> : tensor<1x1x4xf32>
      %p = arith.constant dense<1> : tensor<1xi32>
      %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 4 : i64} : tensor<1x1x4xf32>, tensor<1xi32>
      // cos 1, cos 0.01, sin 1, sin 0.01
      %y_is = arith.constant dense<[[[0.540302277, 0.999949992, 0.841470957, 9.999833e-03]]]> : tensor<1x1x4xf32>
      check.expect_almost_eq %y, %y_is {relative = 1.0e-6} : tensor<1x1x4xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_Heads:$input, Winnow_Ids:$positions,
    Optional<Winnow_Vector>:$factors,
    F64Attr:$base, I64Attr:$dims,
    DefaultValuedAttr<Winnow_RopeLayoutAttr, "::winnow::RopeLayout::Half">:$layout,
    OptionalAttr<Winnow_RopeScalingAttr>:$scaling);
  let results = (outs Winnow_Heads:$output);
  let assemblyFormat = [{
    $input `at` $positions (`factors` `(` $factors^ `:` type($factors) `)`)?
    attr-dict `:` type($input) `,` type($positions)
  }];
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Winnow_NormOp : Winnow_TokenOp<"norm", [AttrSizedOperandSegments,
    AllTypesMatch<["input", "output"]> /* C2 */]> {
  let summary = "Normalisation over the last dimension";
  let description = [{
    #### Semantics

    Divides each row x of the last dimension, of D channels, by a measure of its
    size; each head of a token is a row of its own. By `kind`:

    ```
    rms:   y = x / sqrt(mean(x^2) + epsilon)
    layer: y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon)
    l2:    y = x / max(sqrt(sum(x^2)), epsilon)
    output = y * (weight + weight_offset) + bias
    ```

    Without a weight nothing is multiplied (and weight_offset has no effect),
    without a bias nothing is added.

    #### Numerics

    Storage f32. Reference: sums in f64 in the order of channels, rounded once.
    Native code: f32, sums in 64 interleaved parts that a fixed tree adds up,
    then a product with the reciprocal of the divisor; at most
    2e-6 * max(1, |x|) from the reference; for `layer` times max(1, |mean| /
    divisor), because the mean cancels. Numbers below 2^-126 are kept, so a
    result that small is off by a few steps of 2^-149.

    #### Corner cases

    A row of zeros gives bias (or 0) where epsilon > 0 and NaN where epsilon is
    0. NaN or an infinity spoils its row alone. T = 0 and D = 0 give empty
    results. Squares that overflow f32 are infinite in native code
    (|x| about 1e19), not in the reference.

    #### Inputs

    - I1 `input`: [T, D] or [T, H, D].
    - I2 `weight`: [D], optional.
    - I3 `bias`: [D], optional.

    #### Attributes

    - A1 `kind`: `rms`, `layer` or `l2`.
    - A2 `epsilon`: see above.
    - A3 `weight_offset`, default 0: 1 for models that store weight - 1.

    #### Results

    - R1 `output`: the shape of `input`.

    #### Constraints

    - C1 Operands have the ranks above and no encoding (type constraints).
    - C2 type(output) = type(input) (trait).
    - C3 size(weight, 0) = D.
    - C4 size(bias, 0) = D.
    - C5 epsilon is finite and at least 0.
    - C6 weight_offset is finite.

    #### Invariants

    - V1 With epsilon = 0 the result does not change when a row is scaled by a
      positive number.
    - V2 layer without weight and bias is rms of x - mean(x).
    - V3 A weight of ones and a bias of zeros change nothing.

    #### Example

    ```mlir
    // The mean of squares of (3, 4) is 12.5; with epsilon 3.5 the divisor is 4.
    func.func @norm() {
      %x = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
      %w = arith.constant dense<[2.0, -1.0]> : tensor<2xf32>
      %y = winnow.norm rms %x weight(%w : tensor<2xf32>) {epsilon = 3.5 : f32} : tensor<1x2xf32>
      %y_is = arith.constant dense<[[1.5, -1.0]]> : tensor<1x2xf32>
      check.expect_eq %y, %y_is : tensor<1x2xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_PlainTensor<[2, 3]>:$input,
    Optional<Winnow_Vector>:$weight, Optional<Winnow_Vector>:$bias,
    Winnow_NormKindAttr:$kind, F32Attr:$epsilon,
    DefaultValuedAttr<F32Attr, "0.0f">:$weight_offset);
  let results = (outs Winnow_PlainTensor<[2, 3]>:$output);
  let assemblyFormat = [{
    $kind $input (`weight` `(` $weight^ `:` type($weight) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)? attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

} // let opDocGroup

#endif // WINNOW_ATTENTION_OPS
