//===- ModelOps.td - The structure of a model --------------*- tablegen -*-===//

#ifndef WINNOW_MODEL_OPS
#define WINNOW_MODEL_OPS

include "mlir/IR/SymbolInterfaces.td"
include "winnow/OpBase.td"

def Winnow_ModelGroup : OpDocGroup {
  let summary = "The structure of a model";
  let description = [{
    Weights, and the residual layers that passes drop, share and inline.
  }];
}

/// What taps write to: nothing that a program can read.
def Winnow_Observations : Resource<"::winnow::ObservationsResource">;

let opDocGroup = Winnow_ModelGroup in {

def Winnow_ParamOp : Winnow_Op<"param", [Symbol]> {
  let summary = "A named weight that lives outside the IR";
  let description = [{
    #### Semantics

    Declares a weight: a constant tensor of `type`, whose encoding says how the
    bytes are stored. `source` says where its bytes come from:

    ```
    {file = "NAME"}      the tensor of that name in the checkpoint
    {file = "NAME", rows = array<i64: F, G, S>}
                         of that tensor the row F + r / G * S + r % G for each
                         row r: groups of G neighbours, S apart; the elements of
                         a vector are its rows
    {splat = X : f32}    X everywhere
    {random = S : i64}   numbers made from the seed S and the place alone, of
                         standard deviation 0.02, for tests and measurements
    {values = dense<...>}
                         numbers that a pass has computed
    ```

    `winnow.use` gives its value.

    #### Numerics

    The bytes of a file and values are kept as they are. A splat and random numbers are
    rounded to f32, f16 or bf16, half to even; random numbers of block formats
    are random codes and scales of magnitude below 0.1
    (include/winnow/Analysis/ParamSource.h defines each bit).

    #### Corner cases

    A dimension of size 0 makes a weight of no bytes. A file that lacks the
    tensor, or has it in another shape, is an error when weights are read.

    #### Inputs

    None.

    #### Attributes

    - A1 `sym_name`: the name in the module.
    - A2 `type`: shape and encoding.
    - A3 `source`: where the bytes come from.

    #### Results

    None.

    #### Constraints

    - C1 The type is a tensor of f32 of static shape and rank at least 1.
    - C2 `source` has exactly one key besides rows: file, splat, random or values.
    - C3 file is a string that is not empty, splat an f32, random an i64, values
      are dense elements of f32 in the shape of the type.
    - C4 In the layout `rows`, a splat has no encoding or f32, f16 or bf16, and
      values have none.
    - C5 rows stand beside file, 0 <= F, 1 <= G <= S, and the type has rank 1 or
      2.

    #### Invariants

    - V1 Equal sources and types have equal bytes, on every machine.
    - V2 Any range of rows of a random weight can be made by itself.

    #### Example

    ```mlir
    winnow.param @norm from {splat = 0.5 : f32} : tensor<4xf32>
    winnow.param @head from {file = "output.weight"} : tensor<1000x64xf32, #winnow.encoding<q5_0>>
    winnow.param @key from {file = "qkv.weight", rows = array<i64: 64, 64, 192>} : tensor<64x32xf32>
    winnow.param @noise from {random = 7 : i64} : tensor<16x32xf32, #winnow.encoding<q4_0>>
    func.func @param() {
      %w = winnow.use @norm : tensor<4xf32>
      %w_is = arith.constant dense<0.5> : tensor<4xf32>
      check.expect_eq %w, %w_is : tensor<4xf32>
      return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
    TypeAttrOf<Winnow_F32Tensor>:$type, // C1
    DictionaryAttr:$source);
  let assemblyFormat = "$sym_name `from` $source attr-dict `:` $type";
  let hasVerifier = 1;
}

def Winnow_ParamRefOp : Winnow_Op<"use", [Pure, Winnow_NamesResults,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of a param";
  let description = [{
    #### Semantics

    ```
    output = the tensor that the param of that name declares
    ```

    #### Numerics

    Bit-exact: the result has the param's encoding.

    #### Corner cases

    None: every use of one param is the same value.

    #### Inputs

    None.

    #### Attributes

    - A1 `param`: the name of a `winnow.param` of the module.

    #### Results

    - R1 `output`: its tensor.

    #### Constraints

    - C1 A param of that name exists.
    - C2 type(output) = the param's type.

    #### Invariants

    - V1 Moving a use, or making two of one, changes nothing.

    #### Example

    ```mlir
    winnow.param @ones from {splat = 1.0 : f32} : tensor<2x2xf32, #winnow.encoding<bf16>>
    func.func @use() {
      %w = winnow.use @ones : tensor<2x2xf32, #winnow.encoding<bf16>>
      %y = winnow.recode %w : tensor<2x2xf32, #winnow.encoding<bf16>> -> tensor<2x2xf32>
      %y_is = arith.constant dense<1.0> : tensor<2x2xf32>
      check.expect_eq %y, %y_is : tensor<2x2xf32>
      return
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$param);
  let results = (outs Winnow_F32Tensor:$output);
  let assemblyFormat = "$param attr-dict `:` type($output)";
}

def Winnow_LayerOp : Winnow_Op<"layer", [
    IsolatedFromAbove, SingleBlock, Winnow_NamesResults]> {
  let summary = "One residual sub-layer: y = r + m · f(inputs)";
  let description = [{
    #### Semantics

    Runs the body on the inputs; the body yields the branch f first and extra
    results after it:

    ```
    f, extras = body(inputs)
    output    = residual + multiplier * f
    ```

    A layer is what passes drop (the output becomes the residual), count and
    share. Attention and feed-forward are layers of their own. Pre-norms and
    sandwich norms are in the body; a post-norm model has its norm behind the
    layer; a parallel residual has inputs other than the residual. Params are
    used inside the body, caches go in as inputs and come out as extras.
    `winnow-inline-layers` replaces layers by their bodies.

    #### Numerics

    Reference: the sum in f64, rounded once. Native code: r + f in f32 for
    multiplier 1, else one fused multiply-add: bit-equal to the reference for 1,
    and off by its one rounding else.

    #### Corner cases

    multiplier = 0 still runs the body, for its extras, and NaN in f reaches the
    output. No tokens give no rows.

    #### Inputs

    - I1 `residual`: [T, D].
    - I2 `inputs`: what the body reads, one block argument each.

    #### Attributes

    - A1 `multiplier`, default 1: what the branch is scaled by.

    #### Results

    - R1 `output`: [T, D].
    - R2 `extras`: the further yielded values, such as the new cache.

    #### Constraints

    - C1 The residual has rank 2 and no encoding (type constraint).
    - C2 type(output) = type(residual).
    - C3 The body has one argument per input, of its type.
    - C4 The body ends with `winnow.yield`.
    - C5 It yields one value per result, of its type.
    - C6 multiplier is finite.

    #### Invariants

    - V1 A branch of zeros is the identity on the residual.
    - V2 Inlining changes nothing.

    #### Example

    ```mlir
    func.func @layer() {
      %r = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
      %y = winnow.layer residual(%r) inputs(%u = %r) {multiplier = 0.5 : f32}
          : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32> {
        %f = arith.mulf %u, %u : tensor<1x2xf32>
        winnow.yield %f : tensor<1x2xf32>
      }
      // 1 + 0.5 * 1, 2 + 0.5 * 4
      %y_is = arith.constant dense<[[1.5, 4.0]]> : tensor<1x2xf32>
      check.expect_eq %y, %y_is : tensor<1x2xf32>
      return
    }
    ```
  }];
  // C1
  let arguments = (ins Winnow_Rows:$residual, Variadic<AnyType>:$inputs,
    DefaultValuedAttr<F32Attr, "1.0f">:$multiplier);
  let results = (outs Winnow_Rows:$output, Variadic<AnyType>:$extras);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Winnow_YieldOp : Winnow_Op<"yield", [Pure, Terminator,
    HasParent<"LayerOp"> /* C1 */]> {
  let summary = "Ends a layer: the branch f first, extra results after it";
  let description = [{
    #### Semantics

    ```
    f, extras = values
    ```

    #### Numerics

    None: it passes values on.

    #### Corner cases

    None.

    #### Inputs

    - I1 `values`: the branch, then one value per extra result of the layer.

    #### Attributes

    None.

    #### Results

    None.

    #### Constraints

    - C1 The parent is a `winnow.layer` (trait), which checks the types (its C5).

    #### Invariants

    - V1 It is the last op of the layer's body.

    #### Example

    ```mlir
    func.func @yield() {
      %r = arith.constant dense<1.0> : tensor<1x2xf32>
      %y, %twice = winnow.layer residual(%r) inputs(%u = %r)
          : (tensor<1x2xf32>, tensor<1x2xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
        %extra = arith.addf %u, %u : tensor<1x2xf32>
        winnow.yield %u, %extra : tensor<1x2xf32>, tensor<1x2xf32>
      }
      // Both are 2: the sum of residual and branch, and the extra result.
      check.expect_eq %y, %twice : tensor<1x2xf32>
      return
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def Winnow_ObserveOp : Winnow_Op<"observe",
    [MemoryEffects<[MemWrite<Winnow_Observations>]>]> {
  let summary = "A tap: rows whose statistics a calibration collects";
  let description = [{
    #### Semantics

    Changes nothing. When `winnow-compile --calibrate` runs the program, the
    statistics of this name take in every row x of the value, a token each, in
    the order of the text (docs/Statistics.md has the formulas):

    ```
    channels      of each channel k: max |x_k|, mean |x_k|, mean x_k, root mean
                  x_k², min x_k, max x_k, the share of rows with |x_k| >= 6
    gram          the mean of x xᵀ, a matrix
    similarity    of two values x and y: the mean of cos(x, y), and of its
                  arccos
    ```

    `winnow-observe` puts taps into a model; `winnow-return-observed` makes the
    values results of their entry point, from where the calibration takes them.

    #### Numerics

    The values are those of the program, bit for bit. Products and sums are made
    in f64, row after row, so statistics depend neither on the number of threads
    nor on how a text was cut.

    #### Corner cases

    cos is 1 if both rows are zero and 0 if one is. No rows, no statistics.

    #### Inputs

    - I1 `values`: [T, K] each; one, or two for `similarity`.

    #### Attributes

    - A1 `kind`: which statistics.
    - A2 `name`: what they are called: that of the first weight that reads the
      value, or of the layer between the two values.

    #### Results

    None.

    #### Constraints

    - C1 Values have rank 2 and no encoding (type constraint).
    - C2 There are two values for `similarity`, otherwise one.
    - C3 They have one type.
    - C4 The name is not empty.

    #### Invariants

    - V1 A program without its taps computes the same.
    - V2 Taps are neither erased as dead code nor merged.

    #### Example

    ```mlir
    func.func @observe() {
      %x = arith.constant dense<[[1.0, -2.0], [3.0, 4.0]]> : tensor<2x2xf32>
      %y = arith.addf %x, %x : tensor<2x2xf32>
      winnow.observe channels "blk.0.attn_q.weight"(%x) : tensor<2x2xf32>
      winnow.observe similarity "blk.0.attn"(%x, %y) : tensor<2x2xf32>, tensor<2x2xf32>
      %y_is = arith.constant dense<[[2.0, -4.0], [6.0, 8.0]]> : tensor<2x2xf32>
      check.expect_eq %y, %y_is : tensor<2x2xf32>
      return
    }
    ```
  }];
  let arguments = (ins Winnow_ObserveKindAttr:$kind, StrAttr:$name,
    Variadic<Winnow_Rows>:$values); // C1
  let assemblyFormat =
    "$kind $name `(` $values `)` attr-dict `:` type($values)";
  let hasVerifier = 1;
}

} // let opDocGroup

#endif // WINNOW_MODEL_OPS
