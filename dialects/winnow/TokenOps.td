//===- TokenOps.td - Ops that change the set of tokens -----*- tablegen -*-===//

#ifndef WINNOW_TOKEN_OPS
#define WINNOW_TOKEN_OPS

include "winnow/OpBase.td"

def Winnow_TokenGroup : OpDocGroup {
  let summary = "Tokens";
  let description = [{
    Ops that drop, repeat or reorder tokens.
  }];
}

let opDocGroup = Winnow_TokenGroup in {

def Winnow_TokenGatherOp : Winnow_TokenOp<"token_gather"> {
  let summary = "Keep the rows whose indices are given, in that order";
  let description = [{
    #### Semantics

    ```
    output[r] = input[indices[r]]        input [T, D], indices [R], output [R, D]
    ```

    #### Numerics

    A copy: bit-exact.

    #### Corner cases

    R = 0 gives no rows. Indices may repeat and come in any order. An index
    outside [0, T) is an error of the run.

    #### Inputs

    - I1 `input`: [T, D].
    - I2 `indices`: [R].

    #### Attributes

    None.

    #### Results

    - R1 `output`: [R, D].

    #### Constraints

    - C1 Operands have the ranks above and no encoding; indices are i32 (type
      constraints).
    - C2 size(output, 0) = size(indices, 0).
    - C3 size(output, 1) = size(input, 1).

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
  let arguments = (ins Winnow_Rows:$input, Winnow_Ids:$indices);
  let results = (outs Winnow_Rows:$output);
  let assemblyFormat = [{
    $input `[` $indices `]` attr-dict `:` type($input) `,` type($indices) `->` type($output)
  }];
  let hasVerifier = 1;
}

} // let opDocGroup

#endif // WINNOW_TOKEN_OPS
