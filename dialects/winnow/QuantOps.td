//===- QuantOps.td - Ops on encoded numbers ----------------*- tablegen -*-===//

#ifndef WINNOW_QUANT_OPS
#define WINNOW_QUANT_OPS

include "winnow/OpBase.td"

def Winnow_LinearOp : Winnow_TokenOp<"linear"> {
  let summary = "A linear layer whose operands may be encoded";
  let arguments = (ins Winnow_F32Matrix:$input, Winnow_F32Matrix:$weight,
    Optional<Winnow_Vector>:$bias);
  let results = (outs Winnow_Rows:$output);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `:` type($bias) `)`)? attr-dict
    `:` type($input) `,` type($weight) `->` type($output)
  }];
  let hasVerifier = 1;
}

def Winnow_RecodeOp : Winnow_TokenOp<"recode", [SameOperandsAndResultShape]> {
  let summary = "Change the encoding of a tensor: the only op that rounds";
  let arguments = (ins Winnow_F32Tensor:$input);
  let results = (outs Winnow_F32Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Winnow_EmbedOp : Winnow_TokenOp<"embed"> {
  let summary = "Rows of a table, chosen by token ids";
  let arguments = (ins Winnow_F32Matrix:$table, Winnow_Ids:$ids,
    DefaultValuedAttr<F32Attr, "1.0f">:$scale);
  let results = (outs Winnow_Rows:$output);
  let assemblyFormat = [{
    $table `[` $ids `]` attr-dict `:` type($table) `,` type($ids) `->` type($output)
  }];
  let hasVerifier = 1;
}

#endif // WINNOW_QUANT_OPS
