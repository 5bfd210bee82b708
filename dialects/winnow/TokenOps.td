//===- TokenOps.td - Ops that change the set of tokens -----*- tablegen -*-===//

#ifndef WINNOW_TOKEN_OPS
#define WINNOW_TOKEN_OPS

include "winnow/OpBase.td"

def Winnow_TokenGroup : OpDocGroup {
  let summary = "Tokens";
  let description = [{
    Ops that make, drop, repeat, reorder or join tokens.
  }];
}

let opDocGroup = Winnow_TokenGroup in {

def Winnow_TokenGatherOp : Winnow_TokenOp<"token_gather"> {
  let summary = "Keep the rows whose indices are given, in that order";
  let description = [{
    #### Semantics

    ```
    output[r] = input[indices[r]]        input [T, D], indices [R], output [R, D]
                                         or input [T], output [R]
    ```

    #### Numerics

    A copy: bit-exact.

    #### Corner cases

    R = 0 gives no rows. Indices may repeat and come in any order. An index
    outside [0, T) is an error of the run. `invoke` finds it where the indices
    are an argument of the entry point; of indices that it computes, native code
    takes the nearest row, and zeros where T = 0.

    #### Inputs

    - I1 `input`: [T, D], or [T] numbers or ids such as positions.
    - I2 `indices`: [R].

    #### Attributes

    None.

    #### Results

    - R1 `output`: [R, D] or [R].

    #### Constraints

    - C1 Operands have the ranks above and no encoding; indices are i32 (type
      constraints).
    - C2 size(output, 0) = size(indices, 0).
    - C3 Input and output have the same rank and element type; of rank 2,
      size(output, 1) = size(input, 1).

    #### Invariants

    - V1 The indices 0, 1, ..., T - 1 keep all tokens: equals identity. No fold:
      the indices are seldom constant.
    - V2 A gather of a gather is a gather by the gathered indices.

    #### Example

    ```mlir
    func.func @token_gather() {
      %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
      %indices = arith.constant dense<[2, 0]> : tensor<2xi32>
      %y = winnow.token_gather %x[%indices] : tensor<3x2xf32>, tensor<2xi32> -> tensor<2x2xf32>
      %y_is = arith.constant dense<[[5.0, 6.0], [1.0, 2.0]]> : tensor<2x2xf32>
      check.expect_eq %y, %y_is : tensor<2x2xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_RowsOrIds:$input, Winnow_Ids:$indices);
  let results = (outs Winnow_RowsOrIds:$output);
  let assemblyFormat = [{
    $input `[` $indices `]` attr-dict `:` type($input) `,` type($indices) `->` type($output)
  }];
  let hasVerifier = 1;
}

def Winnow_TokenPoolOp : Winnow_TokenOp<"token_pool"> {
  let summary = "One row for each wanted segment";
  let description = [{
    #### Semantics

    The rows of a segment become one. With input [T, D], segments [T], wanted
    [S] and R(s) the rows t with segments[t] = wanted[s], in their order:

    ```
    mean:  output[s] = sum over R(s) of weights[t] * input[t] / sum of weights[t]
    max:   output[s,c] = the largest input[t,c]
    first: output[s] = input[t] of the first t
    last:  output[s] = input[t] of the last t
    ```

    No weights are weights of 1. The rows of a segment need not be neighbours.

    #### Numerics

    Storage f32. Reference: sums in f64 in the order of rows, rounded once.
    Native code: the same order in f32, a fused multiply-add a row, then the
    quotient; at most N * 1e-7 * max(1, |x|) from the reference for N rows. The
    other kinds are exact. A segment's result does not depend on other segments.

    #### Corner cases

    A segment without rows gives zeros, and so does a mean whose weights sum to
    0. NaN reaches the results of mean and max. S = 0 gives no rows. A segment
    may be wanted twice.

    #### Inputs

    - I1 `input`: [T, D].
    - I2 `segments`: [T], the segment of each row.
    - I3 `wanted`: [S], the segments that get a row.
    - I4 `weights`: [T], optional: how much a row counts, such as the number of
      tokens that were merged into it.

    #### Attributes

    - A1 `kind`: `mean`, `max`, `first` or `last`.

    #### Results

    - R1 `output`: [S, D].

    #### Constraints

    - C1 Operands have the ranks above and no encoding; segments are i32 (type
      constraints).
    - C2 size(output, 0) = size(wanted, 0).
    - C3 size(output, 1) = size(input, 1).
    - C4 size(segments, 0) = size(input, 0).
    - C5 size(weights, 0) = size(input, 0).
    - C6 Only mean has weights.

    #### Invariants

    - V1 A segment of one row of weight 1 gives that row.
    - V2 Scaling all weights changes a mean by rounding alone.
    - V3 mean and max do not depend on the order of rows beyond rounding.

    #### Example

    ```mlir
    // Rows 0 and 2 are segment 7, row 1 is segment 3.
    func.func @token_pool() {
      %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 8.0]]> : tensor<3x2xf32>
      %segments = arith.constant dense<[7, 3, 7]> : tensor<3xi32>
      %wanted = arith.constant dense<[7, 3]> : tensor<2xi32>
      %y = winnow.token_pool mean %x of %segments for %wanted : tensor<3x2xf32>, tensor<3xi32>, tensor<2xi32> -> tensor<2x2xf32>
      %y_is = arith.constant dense<[[3.0, 5.0], [3.0, 4.0]]> : tensor<2x2xf32>
      check.expect_eq %y, %y_is : tensor<2x2xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_Rows:$input, Winnow_Ids:$segments,
    Winnow_Ids:$wanted, Optional<Winnow_Vector>:$weights,
    Winnow_PoolKindAttr:$kind);
  let results = (outs Winnow_Rows:$output);
  let assemblyFormat = [{
    $kind $input `of` $segments `for` $wanted
    (`weights` `(` $weights^ `:` type($weights) `)`)?
    attr-dict `:` type($input) `,` type($segments) `,` type($wanted) `->` type($output)
  }];
  let hasVerifier = 1;
}

def Winnow_ImagePatchesOp : Winnow_TokenOp<"image_patches"> {
  let summary = "Cut an image into square patches, a row each";
  let description = [{
    #### Semantics

    With input [C, H, W], p = `size` and X = W / p patches in a row:

    ```
    output[y * X + x, (c * p + i) * p + j] = input[c, y * p + i, x * p + j]
    ```

    A `winnow.linear` over the result is the convolution of stride and kernel p
    whose weight [N, C, p, p] is read as [N, C * p * p].

    #### Numerics

    A copy: bit-exact.

    #### Corner cases

    An image without channels gives rows of width 0.

    #### Inputs

    - I1 `input`: [C, H, W].

    #### Attributes

    - A1 `size`: the side of a patch.

    #### Results

    - R1 `output`: [H / p * W / p, C * p * p].

    #### Constraints

    - C1 Operands have the ranks above and no encoding (type constraints).
    - C2 size is positive.
    - C3 The image has a static shape, and size divides H and W.
    - C4 shape(output) = [H / p * W / p, C * p * p].

    #### Invariants

    - V1 Each number of the image is in the output once.

    #### Example

    ```mlir
    func.func @image_patches() {
      %image = arith.constant dense<[[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]]> : tensor<1x2x4xf32>
      %y = winnow.image_patches %image {size = 2 : i64} : tensor<1x2x4xf32> -> tensor<2x4xf32>
      %y_is = arith.constant dense<[[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]> : tensor<2x4xf32>
      check.expect_eq %y, %y_is : tensor<2x4xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_Heads:$input, I64Attr:$size);
  let results = (outs Winnow_Rows:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
}

} // let opDocGroup

#endif // WINNOW_TOKEN_OPS
