//===- TokenOps.td - Ops that change the set of tokens -----*- tablegen -*-===//

#ifndef WINNOW_TOKEN_OPS
#define WINNOW_TOKEN_OPS

include "winnow/OpBase.td"

def Winnow_TokenGatherOp : Winnow_TokenOp<"token_gather"> {
  let summary = "Keep the rows whose indices are given, in that order";
  let arguments = (ins Winnow_Rows:$input, Winnow_Ids:$indices);
  let results = (outs Winnow_Rows:$output);
  let assemblyFormat = [{
    $input `[` $indices `]` attr-dict `:` type($input) `,` type($indices) `->` type($output)
  }];
  let hasVerifier = 1;
}

#endif // WINNOW_TOKEN_OPS
