//===- QuantOps.td - Ops on encoded numbers ----------------*- tablegen -*-===//

#ifndef WINNOW_QUANT_OPS
#define WINNOW_QUANT_OPS

include "winnow/OpBase.td"

def Winnow_QuantGroup : OpDocGroup {
  let summary = "Encoded numbers";
  let description = [{
    The only ops that take tensors with a `#winnow.encoding`, and one on weights.
  }];
}

let opDocGroup = Winnow_QuantGroup in {

def Winnow_LinearOp : Winnow_TokenOp<"linear"> {
  let summary = "A linear layer whose operands may be encoded";
  let description = [{
    #### Semantics

    ```
    output[m, n] = sum over k of decode(input)[m, k] * decode(weight)[n, k] + bias[n]
    ```

    with input [M, K], weight [N, K], bias [N], output [M, N]; decode gives the
    numbers that an encoding means, exactly, and does nothing to plain tensors.

    #### Numerics

    Reference: decoded numbers, sums in f64 in the order of k, rounded once.
    Native code, plain input: y = fma(x, w, y) in f32 in the order of k, the
    weight decoded and rounded as its format defines. Native code, input a8_b32:
    codes are multiplied and added as integers, exactly, in blocks of 32 (16
    where the format has a scale per 16), each block scaled and added in f32 in
    the order of k. Native code, input and weight bf16: as for plain input but in
    the order k = 1, 0, 3, 2, ...; with AVX512-BF16 denormal inputs, weights and
    sums count as zero. The bias is added last. For T terms of magnitudes t the
    distance from the reference is at most (T + 4) * 2^-23 * sum of t (2^-24 for
    plain and bf16 input), and where denormals count as zero at most 2^-126 *
    (sum of |x| + sum of |w| + 2 K) more. A row's bits depend neither on M nor
    on other rows or threads, and on the processor only where a bf16 layer meets
    denormals.

    #### Corner cases

    M = 0 gives no rows; K = 0 gives the bias or 0. NaN or an infinity in a plain
    input reaches its row alone; in an a8_b32 input it is a block whose scale is
    NaN, which makes NaN of its row. Native code takes weights of f32 and f16
    with plain inputs only, those of bf16 with plain and bf16 inputs, others with
    plain and a8_b32 inputs.

    #### Inputs

    - I1 `input`: [M, K], plain or in an activation format.
    - I2 `weight`: [N, K], plain or in any encoding.
    - I3 `bias`: [N], optional.

    #### Attributes

    None.

    #### Results

    - R1 `output`: [M, N], plain.

    #### Constraints

    - C1 Operands have the ranks above and f32 elements, output and bias no
      encoding, input and weight none but `#winnow.encoding` (type constraints).
    - C2 size(weight, 1) = size(input, 1).
    - C3 size(output, 0) = size(input, 0).
    - C4 size(output, 1) = size(weight, 0).
    - C5 size(bias, 0) = size(weight, 0).
    - C6 The input has no encoding or an activation format (a8_b32, bf16) in the
      layout `rows`.

    #### Invariants

    - V1 Equals the plain op on recoded operands.
    - V2 The layout of the weight changes nothing.
    - V3 Rows are independent: the op on a part of the rows gives those rows.

    #### Example

    ```mlir
    func.func @linear() {
      %x = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
      %w = arith.constant dense<[[3.0, 4.0], [5.0, 6.0], [0.0, -1.0]]> : tensor<3x2xf32>
      %b = arith.constant dense<[0.5, 0.0, 0.0]> : tensor<3xf32>
      %y = winnow.linear %x, %w bias(%b : tensor<3xf32>) : tensor<1x2xf32>, tensor<3x2xf32> -> tensor<1x3xf32>
      // 3 + 8 + 0.5, 5 + 12, -2
      %y_is = arith.constant dense<[[11.5, 17.0, -2.0]]> : tensor<1x3xf32>
      check.expect_eq %y, %y_is : tensor<1x3xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_F32Matrix:$input, Winnow_F32Matrix:$weight,
    Optional<Winnow_Vector>:$bias);
  let results = (outs Winnow_Rows:$output);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `:` type($bias) `)`)? attr-dict
    `:` type($input) `,` type($weight) `->` type($output)
  }];
  let hasVerifier = 1;
}

def Winnow_RecodeOp : Winnow_TokenOp<"recode", [
    SameOperandsAndResultShape /* C2 */]> {
  let summary = "Change the encoding of a tensor: the only op that rounds";
  let description = [{
    #### Semantics

    Decodes the input, then encodes the numbers in the result's format, block by
    block of the last dimension. Formats of weights: codes of the nearest values
    under scales that are searched for the least squared error of a block; f16
    and bf16 round half to even. For a8_b32, blocks of 32 numbers x:

    ```
    amax  = max |x|
    scale = amax / 127
    code  = round_half_even(x * (127 / amax))      in [-127, 127]
    decoded number = scale * code
    ```

    For bf16, each number is rounded to the nearest one of 8 significant bits,
    half to even.

    With `codes`, the codes of weights are those of a method that knows what the
    inputs of their layer are like (#winnow.codes).

    #### Numerics

    Decoding is exact up to the roundings that a format defines (products of
    scales, a * v + b, each rounded to f32 as in the file's own definition).
    Encoding follows the formulas above with every operation rounded to f32.
    Native code follows both bit for bit. Weights are encoded when the artifact
    is written, by the interpreter's own function (winnow/Formats/Encode.h).

    #### Corner cases

    A block whose amax is below 2^-120 has scale 0 and codes 0. A block with NaN
    or an infinity has scale NaN and codes 0, so all its numbers are NaN. No rows
    give no rows. In bf16 numbers from 2^128 - 2^119 on become infinity, NaN stays
    NaN and denormal numbers are kept. Native code encodes plain rows; decoding
    is for weights, when they are laid out. Of weights,
    numbers that are not finite are an error of formats other than f16 and bf16,
    and so are numbers beyond the largest scale.

    #### Inputs

    - I1 `input`: any shape, plain or encoded.

    #### Attributes

    - A1 `codes`, optional: how codes are chosen. Formats are in the types.

    #### Results

    - R1 `output`: the same shape, plain, in an activation format, or in a format
      of weights.

    #### Constraints

    - C1 Both have f32 elements and no encoding but `#winnow.encoding` (type
      constraints).
    - C2 shape(output) = shape(input) (trait).
    - C3 The result has no encoding or an activation format (a8_b32, bf16) in
      the layout `rows`, or one of weights that can be encoded into.
    - C4 The input has no encoding or the layout `rows`.
    - C5 codes stand at a matrix that becomes weights in a block format, those of
      wanda in a sparse one.

    #### Invariants

    - V1 From a type to itself equals identity; that is also a fold.
    - V2 Plain to a8_b32 and back moves a number by at most amax / 254 and its
      rounding; a second time changes nothing more than rounding. Plain to bf16
      and back moves a normal number by at most 2^-8 of it, a second time by
      nothing.

    #### Example

    ```mlir
    // amax is 127, so the scale is 1 and numbers are rounded to integers.
    func.func @recode() {
      %x = arith.constant dense<127.0> : tensor<1x32xf32>
      %q = winnow.recode %x : tensor<1x32xf32> -> tensor<1x32xf32, #winnow.encoding<a8_b32>>
      %y = winnow.recode %q : tensor<1x32xf32, #winnow.encoding<a8_b32>> -> tensor<1x32xf32>
      check.expect_eq %y, %x : tensor<1x32xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_F32Tensor:$input,
    OptionalAttr<Winnow_CodesAttr>:$codes);
  let results = (outs Winnow_F32Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Winnow_TakeOp : Winnow_Op<"take", [Pure, Winnow_NamesResults]> {
  let summary = "Some rows or columns of a weight";
  let description = [{
    #### Semantics

    ```
    output[i, j] = input[indices[i], j]       along 0; of a vector, its elements
    output[i, j] = input[i, indices[j]]       along 1
    ```

    Passes that take channels out of a model (winnow-sparsify) put it between a
    `use` and the ops that read the weight.

    #### Numerics

    Bit-exact: codes and scales are kept as they are. To take columns that are
    no whole blocks of a number format, numbers are decoded first.

    #### Corner cases

    All indices give the input, none an empty result. Native code takes from
    weights alone, when the artifact is written; from anything else is an error
    of the compiler.

    #### Inputs

    - I1 `input`: [N, K] or [N], plain or in any encoding.

    #### Attributes

    - A1 `indices`: which ones, in their order.
    - A2 `axis`: 0 takes rows (of a vector, elements), 1 columns.

    #### Results

    - R1 `output`: what is left of the input, in its encoding.

    #### Constraints

    - C1 Both have f32 elements and no encoding but `#winnow.encoding` (type
      constraints).
    - C2 The input has a static shape of rank 1 or 2, and the axis is one of its
      dimensions.
    - C3 Indices rise, from 0 on, and are below the size of the axis.
    - C4 type(output) = type(input) with the number of indices as the size of the
      axis.
    - C5 Along the last dimension of an encoded input, the indices are all those
      of some blocks of the format.
    - C6 An encoded input has the layout `rows`.

    #### Invariants

    - V1 Decoding the result equals taking from the decoded input.
    - V2 A `linear` of fewer columns equals one whose input is zero in the
      others.

    #### Example

    ```mlir
    func.func @take() {
      %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
      %r = winnow.take %w [0, 2] along 0 : tensor<3x2xf32> -> tensor<2x2xf32>
      %y = winnow.take %r [1] along 1 : tensor<2x2xf32> -> tensor<2x1xf32>
      %y_is = arith.constant dense<[[2.0], [6.0]]> : tensor<2x1xf32>
      check.expect_eq %y, %y_is : tensor<2x1xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_F32Tensor:$input, DenseI64ArrayAttr:$indices,
    I64Attr:$axis);
  let results = (outs Winnow_F32Tensor:$output);
  let assemblyFormat = [{
    $input $indices `along` $axis attr-dict `:` type($input) `->` type($output)
  }];
  let hasVerifier = 1;
}

def Winnow_HadamardOp : Winnow_Op<"hadamard",
    [Pure, SameOperandsAndResultType, Winnow_NamesResults]> {
  let summary = "Runs of a weight's numbers, rotated";
  let description = [{
    #### Semantics

    ```
    output[i, n r + j] = sum over k of Q[j, k] * input[i, n r + k]      along 1
    output[n r + j, i] = sum over k of Q[j, k] * input[n r + k, i]      along 0
    Q = H_n / sqrt(n)      H_1 = (1)      H_2n = (H_n  H_n; H_n  -H_n)
    ```

    with n the size; a vector has one axis, 0. Q is symmetric and orthogonal. Passes
    that rotate what a model computes (winnow-equalize) put it between a `use`
    and the ops that read the weight.

    #### Numerics

    In f64, for h = 1, 2, 4, ..., n/2: the numbers k and k + h of each 2 h become
    their sum and their difference (k < h). Their product with 1/sqrt(n) is
    rounded to f32. Native code follows bit for bit, when the artifact is written.

    #### Corner cases

    NaN and infinities reach all of their run. Size 1 changes nothing. Native
    code rotates weights alone; to rotate anything else is an error of the
    compiler.

    #### Inputs

    - I1 `input`: [N, K] or [N].

    #### Attributes

    - A1 `size`: numbers of a run.
    - A2 `axis`: 0 has runs of rows (of a vector, elements), 1 of columns.

    #### Results

    - R1 `output`: as the input.

    #### Constraints

    - C1 type(output) = type(input), f32 elements without an encoding (type
      constraints, trait).
    - C2 The input has a static shape of rank 1 or 2, and the axis is one of its
      dimensions.
    - C3 The size is a power of two, and divides the size of the axis.

    #### Invariants

    - V1 Twice equals the input, up to rounding.
    - V2 A `linear` whose input and weight (along 1) are rotated equals one of
      neither, up to rounding.

    #### Example

    ```mlir
    func.func @hadamard() {
      %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [2.0, 0.0, 0.0, 0.0]]> : tensor<2x4xf32>
      %y = winnow.hadamard %w by 4 along 1 : tensor<2x4xf32>
      %y_is = arith.constant dense<[[5.0, -1.0, -2.0, 0.0], [1.0, 1.0, 1.0, 1.0]]> : tensor<2x4xf32>
      check.expect_eq %y, %y_is : tensor<2x4xf32>
      %t = winnow.hadamard %y by 1 along 0 : tensor<2x4xf32>
      check.expect_eq %t, %y_is : tensor<2x4xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_PlainTensor<[1, 2]>:$input, I64Attr:$size,
    I64Attr:$axis);
  let results = (outs Winnow_PlainTensor<[1, 2]>:$output);
  let assemblyFormat =
    "$input `by` $size `along` $axis attr-dict `:` type($output)";
  let hasVerifier = 1;
}

def Winnow_EmbedOp : Winnow_TokenOp<"embed"> {
  let summary = "Rows of a table, chosen by token ids";
  let description = [{
    #### Semantics

    ```
    output[t] = scale * decode(table)[ids[t]]      table [V, D], ids [T], output [T, D]
    ```

    #### Numerics

    The row is decoded as its format defines and multiplied by scale in f32, one
    rounding. Native code: bit-exact.

    #### Corner cases

    T = 0 gives no rows. Ids may repeat. An id outside [0, V) is an error of the
    run. `invoke` finds it where the ids are an argument of the entry point; of
    ids that it computes, native code takes the nearest row, and zeros where
    V = 0.

    #### Inputs

    - I1 `table`: [V, D], plain or in any encoding.
    - I2 `ids`: [T].

    #### Attributes

    - A1 `scale`, default 1: some models multiply embeddings by sqrt(D).

    #### Results

    - R1 `output`: [T, D], plain.

    #### Constraints

    - C1 Operands have the ranks above, ids are i32, output and ids have no
      encoding (type constraints).
    - C2 size(output, 0) = size(ids, 0).
    - C3 size(output, 1) = size(table, 1).
    - C4 scale is finite.

    #### Invariants

    - V1 Equals a linear layer on one-hot rows with the transposed table.
    - V2 The layout of the table changes nothing.

    #### Example

    ```mlir
    func.func @embed() {
      %table = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
      %ids = arith.constant dense<[2, 0]> : tensor<2xi32>
      %y = winnow.embed %table[%ids] {scale = 2.0 : f32} : tensor<3x2xf32>, tensor<2xi32> -> tensor<2x2xf32>
      %y_is = arith.constant dense<[[10.0, 12.0], [2.0, 4.0]]> : tensor<2x2xf32>
      check.expect_eq %y, %y_is : tensor<2x2xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_F32Matrix:$table, Winnow_Ids:$ids,
    DefaultValuedAttr<F32Attr, "1.0f">:$scale);
  let results = (outs Winnow_Rows:$output);
  let assemblyFormat = [{
    $table `[` $ids `]` attr-dict `:` type($table) `,` type($ids) `->` type($output)
  }];
  let hasVerifier = 1;
}

} // let opDocGroup

#endif // WINNOW_QUANT_OPS
