//===- TokenPruningOps.td - Ops that choose tokens ---------*- tablegen -*-===//

#ifndef WINNOW_TOKEN_PRUNING_OPS
#define WINNOW_TOKEN_PRUNING_OPS

include "winnow/OpBase.td"

def Winnow_TokenPruningGroup : OpDocGroup {
  let summary = "Token pruning";
  let description = [{
    Ops that say how much a token matters, choose those that stay, and join or
    bring back the others. `winnow-prune-tokens` and `winnow-gate` put them
    between layers.
  }];
}

let opDocGroup = Winnow_TokenPruningGroup in {

def Winnow_TokenScoreOp : Winnow_TokenOp<"token_score", [AttrSizedOperandSegments]> {
  let summary = "The attention that one token of each segment pays";
  let description = [{
    #### Semantics

    How much the first token of a segment, in an encoder the class token, looks
    at each token of it, in the mean over heads (EViT, arXiv 2202.07800); or the
    last token, in a decoder the one that sees all others (FastV, arXiv
    2403.06764). With query [T, Hq, Dk], key [T, Hkv, Dk], key head h' = h / (Hq /
    Hkv), and q(t) the first, or with `last` the last row with segments[q(t)] =
    segments[t]:

    ```
    s[t,h]    = scale * dot(query[q(t),h], key[t,h']) + bias[t]
                + relative_bias[b(q(t),t), h]
    output[t] = sum over h of exp(s[t,h] - lse[q(t),h]) / Hq
    ```

    `lse` is that of the `winnow.attention` whose row is read, so that its
    softmax is neither computed again nor stored. Without it, lse[q(t),h] = log
    sum over u of exp(s[u,h]), u the tokens of the segment: the row of an
    attention that need not exist (PyramidDrop, arXiv 2410.17247). The biases,
    where there are any, are those that it adds, and b is its bucket of the
    distance between two positions. No segments are one segment.

    #### Numerics

    Storage f32. Reference: f64 in the order of channels and heads, rounded
    once. Native code: f32, products with fused multiply-add in 16 sums that a
    fixed tree adds, heads in their order; lse, where it is not given, as sum of
    exp(s - m) with the largest s so far as m, in the order of tokens; at most
    1e-5 * max(1, |x|) from the reference for inputs of magnitude about 1. A
    token's score does not depend on other segments.

    #### Corner cases

    A query that sees nothing (lse -inf) pays no attention: 0. NaN in a query,
    key or lse that is read reaches the score. T = 0 gives no scores.

    #### Inputs

    - I1 `query`: [T, Hq, Dk].
    - I2 `key`: [T, Hkv, Dk].
    - I3 `lse`: [T, Hq], optional.
    - I4 `segments`: [T], optional.
    - I5 `bias`: [T], optional: what the attention adds to the scores of a key.
    - I6 `positions`: [T], optional; printed as `at`.
    - I7 `relative_bias`: [2 (L + 1), Hq] for L distances, optional; printed as
      `relative`.

    #### Attributes

    - A1 `scale`: that of the attention.
    - A2 `distances`, default none: those of the attention.
    - A3 `last`: the last token looks, not the first.

    #### Results

    - R1 `output`: [T].

    #### Constraints

    - C1 Operands have the ranks above and no encoding; segments are i32 (type
      constraints).
    - C2 Hkv > 0 divides Hq, and Hq > 0.
    - C3 size(key, 2) = size(query, 2), and head sizes are static.
    - C4 A row of key, lse, segments, bias, positions and output for each row of
      query.
    - C5 size(lse, 1) = Hq.
    - C6 scale is finite.
    - C7 `relative_bias` and `positions` are present iff there are distances.
    - C8 shape(relative_bias) = [2 (L + 1), Hq].
    - C9 distances are positive and rise.

    #### Invariants

    - V1 For the lse of an attention that sees its whole segment, or without lse,
      the scores of a segment sum to 1.

    #### Example

    ```mlir
    // The first token has the query 0 and so looks at both alike.
    func.func @token_score() {
      %q = arith.constant dense<[[[0.0, 0.0]], [[1.0, 2.0]]]> : tensor<2x1x2xf32>
      %k = arith.constant dense<[[[3.0, 1.0]], [[2.0, 5.0]]]> : tensor<2x1x2xf32>
      %lse = arith.constant dense<[[0.693147182], [0.0]]> : tensor<2x1xf32>
      %y = winnow.token_score %q, %k, %lse {scale = 1.0 : f32} : tensor<2x1x2xf32>, tensor<2x1x2xf32>, tensor<2x1xf32> -> tensor<2xf32>
      %y_is = arith.constant dense<0.5> : tensor<2xf32>
      check.expect_almost_eq %y, %y_is {relative = 1.0e-6} : tensor<2xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_Heads:$query, Winnow_Heads:$key,
    Optional<Winnow_Rows>:$lse, Optional<Winnow_Ids>:$segments, Optional<Winnow_Vector>:$bias,
    Optional<Winnow_Ids>:$positions, Optional<Winnow_Rows>:$relative_bias,
    F32Attr:$scale, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$distances,
    UnitAttr:$last);
  let results = (outs Winnow_Vector:$output);
  let assemblyFormat = [{
    $query `,` $key (`,` $lse^)? (`of` $segments^ `:` type($segments) `,`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`at` $positions^ `:` type($positions) `,`)?
    (`relative` `(` $relative_bias^ `:` type($relative_bias) `)`)?
    attr-dict `:` type($query) `,` type($key) (`,` type($lse)^)? `->` type($output)
  }];
  let hasVerifier = 1;
}

def Winnow_TokenChangeOp : Winnow_TokenOp<"token_change", [
    AllTypesMatch<["before", "after"]> /* C2 */]> {
  let summary = "How much each token has changed";
  let description = [{
    #### Semantics

    Of each row x of `before` and y of `after`, with sums over channels:

    ```
    cosine: output[t] = 1 - dot(x, y) / (|x| |y|)
    norm:   output[t] = |y - x| / |x|
    ```

    `winnow-gate` asks it what layers in front have done to a token.

    #### Numerics

    Storage f32. Reference: f64 in the order of channels, rounded once. Native
    code: f32, with fused multiply-add in 16 sums that a fixed tree adds; where
    sums of squares are normal numbers, at most 1e-6 from the reference for
    cosine, and 1e-5 of it for norm. A token's result does not depend on the
    others.

    #### Corner cases

    If x and y are both zero, 0 for each kind; if one of them is, cosine is 1. If
    x alone is zero, norm is infinity. NaN reaches the result. A sum of squares
    that overflows in f32 is infinity in native code. T = 0 gives nothing.

    #### Inputs

    - I1 `before`: [T, D].
    - I2 `after`: [T, D].

    #### Attributes

    - A1 `kind`: `cosine` or `norm`.

    #### Results

    - R1 `output`: [T].

    #### Constraints

    - C1 Operands have the ranks above and no encoding (type constraints).
    - C2 type(before) = type(after).
    - C3 size(output, 0) = size(before, 0), and D is static.

    #### Invariants

    - V1 Of equal rows the norm is 0, and cosine but for rounding.
    - V2 Scaling both by one positive number changes nothing beyond rounding.

    #### Example

    ```mlir
    func.func @token_change() {
      %x = arith.constant dense<[[3.0, 4.0], [1.0, 0.0]]> : tensor<2x2xf32>
      %y = arith.constant dense<[[4.0, 3.0], [0.0, 2.0]]> : tensor<2x2xf32>
      %c = winnow.token_change cosine %x, %y : tensor<2x2xf32> -> tensor<2xf32>
      %c_is = arith.constant dense<[0.04, 1.0]> : tensor<2xf32>
      check.expect_almost_eq %c, %c_is {relative = 1.0e-5} : tensor<2xf32>
      %n = winnow.token_change norm %x, %y : tensor<2x2xf32> -> tensor<2xf32>
      %n_is = arith.constant dense<[0.282842712, 2.23606798]> : tensor<2xf32>
      check.expect_almost_eq %n, %n_is {relative = 1.0e-6} : tensor<2xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_ChangeKindAttr:$kind, Winnow_Rows:$before,
    Winnow_Rows:$after);
  let results = (outs Winnow_Vector:$output);
  let assemblyFormat =
    "$kind $before `,` $after attr-dict `:` type($before) `->` type($output)";
  let hasVerifier = 1;
}

def Winnow_TokenSelectOp : Winnow_TokenOp<"token_select", [
    AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "The indices of the tokens that stay";
  let description = [{
    #### Semantics

    Each segment keeps as many of its tokens as `policy` says: those that it
    protects, then those with the largest scores; of equal scores the one of the
    lower index. With `least`, those stay that are protected or whose score is
    not below it. The indices of all that stay, in rising order, are the result;
    how many there are is known when the program runs.

    With `into` and `weights`, one more stays of a segment that tokens leave, in
    place of all of these: the one with the largest score among them, f. What
    `winnow.token_merge` makes of them with `sum` is the fused token of EViT
    (arXiv 2202.07800).

    ```
    into[t]    = f           where t does not stay, or is f,  else t
    weights[t] = scores[t]   where t does not stay, or is f,  else 1
    ```

    #### Numerics

    Exact. Scores are compared with each other as IEEE 754 orders all f32: -0 is
    below 0, a positive NaN above infinity, a negative one below -infinity. They
    are compared with `least` as numbers: of -0 and 0 none is below the other,
    and no NaN is below anything.

    #### Corner cases

    T = 0 keeps nothing. Rows of a segment need not be neighbours.

    #### Inputs

    - I1 `scores`: [T].
    - I2 `segments`: [T], optional; without them, all rows are one segment.
    - I3 `prunable`: [T], optional; a token of 0 always stays, as those do that
      the policy protects.

    #### Attributes

    - A1 `policy`: how many stay, and which always do.

    #### Results

    - R1 `kept`: [R], R <= T. Native code plans memory for R = T.
    - R2 `into`: [T], optional.
    - R3 `weights`: [T], with `into`.

    #### Constraints

    - C1 Operands have the ranks above and no encoding; ids are i32 (type
      constraints).
    - C2 size(segments, 0) = size(prunable, 0) = size(into, 0) = size(weights, 0)
      = size(scores, 0).
    - C3 size(kept, 0) is dynamic.
    - C4 `into` and `weights` are present or neither is, and only with `keep`.

    #### Invariants

    - V1 With keep = 1, or least = -infinity, the indices are 0, 1, ..., T - 1.
    - V2 What stays of a segment does not depend on other segments.
    - V3 With `least`, and no tokens protected at the ends, whether a token stays
      does not depend on other tokens.

    #### Example

    ```mlir
    // Half of the two tokens behind the first one.
    func.func @token_select() {
      %x = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
      %scores = arith.constant dense<[0.0, 0.25, 0.75]> : tensor<3xf32>
      %kept = winnow.token_select %scores {policy = #winnow.token_policy<keep = 0.5 : f64, first = 1>} : tensor<3xf32> -> tensor<?xi32>
      %y = winnow.token_gather %x[%kept] : tensor<3xf32>, tensor<?xi32> -> tensor<2xf32>
      %y_is = arith.constant dense<[1.0, 3.0]> : tensor<2xf32>
      check.expect_eq %y, %y_is : tensor<2xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_Vector:$scores, Optional<Winnow_Ids>:$segments,
    Optional<Winnow_Ids>:$prunable, Winnow_TokenPolicyAttr:$policy);
  let results = (outs Winnow_Ids:$kept, Optional<Winnow_Ids>:$into,
    Optional<Winnow_Vector>:$weights);
  let assemblyFormat = [{
    $scores (`of` $segments^ `:` type($segments) `,`)?
    (`among` $prunable^ `:` type($prunable) `,`)? attr-dict
    `:` type($scores) `->` type($kept)
    (`into` type($into)^ `,` `weights` type($weights))?
  }];
  let hasVerifier = 1;
}

def Winnow_TokenMatchOp : Winnow_TokenOp<"token_match"> {
  let summary = "For every other token, the one that it is most like";
  let description = [{
    #### Semantics

    The bipartite matching of ToMe (arXiv 2210.09461). The tokens of a segment
    are numbered from 0 in their order; without the first `first` and the last
    `last` of them, those of even number are sources, those of odd number
    destinations. With key [T, H, D] and m the mean over heads:

    ```
    m[t]    = sum over h of key[t,h] / H
    u[t]    = m[t] / max(|m[t]|, 1e-12)
    into[t] = of the destinations d the one of the largest dot(u[t], u[d]), the
              first of equal ones
    scores[t] = -dot(u[t], u[into[t]])
    ```

    What is no source, or has no destination, has into[t] = t and scores[t] =
    infinity. So the larger a score, the more deserves its token to stay, as
    `winnow.token_select` wants it. No segments are one segment.

    #### Numerics

    Storage f32. Reference: f64 in the order of heads and channels, scores
    rounded once and the largest of the rounded ones taken. Native code: f32,
    sums in 16 parts that a fixed tree adds; scores differ by at most 1e-5, so
    that another one of two destinations that are as near may be taken. What
    becomes of a token does not depend on other segments.

    #### Corner cases

    A product that is NaN is never the largest; without any other, into[t] = t
    and scores[t] = infinity. T = 0 gives nothing.

    #### Inputs

    - I1 `key`: [T, H, D].
    - I2 `segments`: [T], optional.

    #### Attributes

    - A1 `first`, default 0: tokens at the beginning that are neither.
    - A2 `last`, default 0: tokens at the end that are neither.

    #### Results

    - R1 `into`: [T].
    - R2 `scores`: [T].

    #### Constraints

    - C1 Operands have the ranks above and no encoding; ids are i32 (type
      constraints).
    - C2 H > 0, and number and size of heads are static.
    - C3 A row of segments, into and scores for each row of key.
    - C4 first and last are at least 0 and below 2^30.

    #### Invariants

    - V1 into[t] is t or a destination: into[into[t]] = into[t].
    - V2 Scaling a key by a positive number changes nothing beyond rounding.
    - V3 With as many or more tokens kept than half of those that `first` and
      `last` leave, rounded up, `winnow.token_select` keeps all destinations.

    #### Example

    ```mlir
    // Tokens 0 and 2 are sources; 2 is like 1 in direction, 0 is like 3.
    func.func @token_match() {
      %k = arith.constant dense<[[[0.0, 1.0]], [[1.0, 0.0]], [[3.0, 0.0]], [[1.0, 1.0]]]> : tensor<4x1x2xf32>
      %into, %scores = winnow.token_match %k : tensor<4x1x2xf32> -> tensor<4xi32>, tensor<4xf32>
      %into_are = arith.constant dense<[3, 1, 1, 3]> : tensor<4xi32>
      check.expect_eq %into, %into_are : tensor<4xi32>
      %scores_are = arith.constant dense<[-0.707106769, 0x7F800000, -1.0, 0x7F800000]> : tensor<4xf32>
      check.expect_almost_eq %scores, %scores_are {relative = 1.0e-6} : tensor<4xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_Heads:$key, Optional<Winnow_Ids>:$segments,
    DefaultValuedAttr<I64Attr, "0">:$first,
    DefaultValuedAttr<I64Attr, "0">:$last);
  let results = (outs Winnow_Ids:$into, Winnow_Vector:$scores);
  let assemblyFormat = [{
    $key (`of` $segments^ `:` type($segments) `,`)? attr-dict `:` type($key)
    `->` type($into) `,` type($scores)
  }];
  let hasVerifier = 1;
}

def Winnow_TokenMergeOp : Winnow_TokenOp<"token_merge"> {
  let summary = "Tokens that do not stay become part of those that they are like";
  let description = [{
    #### Semantics

    Of T tokens, R stay. A token that does not stay goes into the one that
    `into` says, and a row is the mean of what is in it, weighted by how many
    tokens each one stands for (ToMe, arXiv 2210.09461). With sizes of 1 where
    there are none:

    ```
    rows[t]         = the r with kept[r] = t, or else with kept[r] = into[t]
    output_sizes[r] = sum of sizes[t] over rows[t] = r
    output[r]       = sum of sizes[t] * input[t] over rows[t] = r / output_sizes[r]
    ```

    With `sum` nothing is divided.

    `rows` undoes it: `winnow.token_gather` of what becomes of the rows by them
    gives each token what became of its row.

    #### Numerics

    Storage f32. Reference: sums in f64 in the order of t, rounded once. Native
    code: the same order in f32, a fused multiply-add a token, then the
    quotient, if any; at most N * 1e-7 * max(1, |x|) from the reference for N tokens in
    a row. A row of one token of size s is s * x / s; sizes are seldom other than
    whole numbers, and then that is x.

    #### Corner cases

    `kept` has to rise, and where a token does not stay, the one that it goes
    into has to: the run says so; native code, which cannot tell, takes the
    nearest row. A row whose sizes sum to 0 is NaN, with `sum` 0. T = 0 gives no
    rows.

    #### Inputs

    - I1 `input`: [T, D].
    - I2 `sizes`: [T], optional.
    - I3 `into`: [T].
    - I4 `kept`: [R], the indices of what stays, rising.

    #### Attributes

    - A1 `sum`: a row is what is in it, summed up and not its mean.

    #### Results

    - R1 `output`: [R, D].
    - R2 `output_sizes`: [R].
    - R3 `rows`: [T].

    #### Constraints

    - C1 Operands have the ranks above and no encoding; ids are i32 (type
      constraints).
    - C2 size(output, 1) = size(input, 1).
    - C3 A row of sizes, into and rows for each row of input.
    - C4 A row of output and output_sizes for each row of kept.

    #### Invariants

    - V1 If all tokens stay, output is the input (with `sum`, times sizes) and rows
      are 0, 1, ..., T - 1.
    - V2 output_sizes sum to what sizes do.

    #### Example

    ```mlir
    // Token 2, which stands for three, goes into token 0.
    func.func @token_merge() {
      %x = arith.constant dense<[[1.0], [7.0], [5.0]]> : tensor<3x1xf32>
      %sizes = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
      %into = arith.constant dense<[0, 1, 0]> : tensor<3xi32>
      %kept = arith.constant dense<[0, 1]> : tensor<2xi32>
      %y, %s, %rows = winnow.token_merge %x sizes(%sizes : tensor<3xf32>) into %into keep %kept
          : tensor<3x1xf32>, tensor<3xi32>, tensor<2xi32> -> tensor<2x1xf32>, tensor<2xf32>, tensor<3xi32>
      %y_is = arith.constant dense<[[4.0], [7.0]]> : tensor<2x1xf32>
      check.expect_eq %y, %y_is : tensor<2x1xf32>
      %s_is = arith.constant dense<[4.0, 2.0]> : tensor<2xf32>
      check.expect_eq %s, %s_is : tensor<2xf32>
      %rows_are = arith.constant dense<[0, 1, 0]> : tensor<3xi32>
      check.expect_eq %rows, %rows_are : tensor<3xi32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_Rows:$input, Optional<Winnow_Vector>:$sizes,
    Winnow_Ids:$into, Winnow_Ids:$kept, UnitAttr:$sum);
  let results = (outs Winnow_Rows:$output, Winnow_Vector:$output_sizes,
    Winnow_Ids:$rows);
  let assemblyFormat = [{
    $input (`sizes` `(` $sizes^ `:` type($sizes) `)`)? `into` $into `keep` $kept
    attr-dict `:` type($input) `,` type($into) `,` type($kept)
    `->` type($output) `,` type($output_sizes) `,` type($rows)
  }];
  let hasVerifier = 1;
}

def Winnow_TokenRestoreOp : Winnow_TokenOp<"token_restore", [
    AllTypesMatch<["base", "output"]> /* C3 */]> {
  let summary = "Tokens that had left come back as they were";
  let description = [{
    #### Semantics

    ```
    output[t] = input[r]  where kept[r] = t
                base[t]   where no r has it
    ```

    With `kept` of `winnow.token_select` and `base` what was there when it chose,
    a token that left has what it had then.

    #### Numerics

    A copy: bit-exact.

    #### Corner cases

    `kept` has to rise: the run says so; native code, which cannot tell, takes
    some row or that of base. R = 0 gives base.

    #### Inputs

    - I1 `input`: [R, D].
    - I2 `kept`: [R], rising.
    - I3 `base`: [T, D].

    #### Attributes

    None.

    #### Results

    - R1 `output`: [T, D].

    #### Constraints

    - C1 Operands have the ranks above and no encoding; ids are i32 (type
      constraints).
    - C2 size(kept, 0) = size(input, 0).
    - C3 type(output) = type(base).
    - C4 size(input, 1) = size(base, 1).

    #### Invariants

    - V1 If all tokens stayed, output is the input.
    - V2 A gather by `kept` gives the input again.

    #### Example

    ```mlir
    func.func @token_restore() {
      %x = arith.constant dense<[[10.0], [20.0]]> : tensor<2x1xf32>
      %kept = arith.constant dense<[0, 2]> : tensor<2xi32>
      %base = arith.constant dense<[[1.0], [2.0], [3.0]]> : tensor<3x1xf32>
      %y = winnow.token_restore %x[%kept] over %base : tensor<2x1xf32>, tensor<2xi32>, tensor<3x1xf32>
      %y_is = arith.constant dense<[[10.0], [2.0], [20.0]]> : tensor<3x1xf32>
      check.expect_eq %y, %y_is : tensor<3x1xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_Rows:$input, Winnow_Ids:$kept, Winnow_Rows:$base);
  let results = (outs Winnow_Rows:$output);
  let assemblyFormat = [{
    $input `[` $kept `]` `over` $base attr-dict `:` type($input) `,` type($kept)
    `,` type($base)
  }];
  let hasVerifier = 1;
}

} // let opDocGroup

#endif // WINNOW_TOKEN_PRUNING_OPS
