//===- AttentionOps.td - Attention, rope and norms ---------*- tablegen -*-===//

#ifndef WINNOW_ATTENTION_OPS
#define WINNOW_ATTENTION_OPS

include "winnow/OpBase.td"

def Winnow_AttentionOp : Winnow_TokenOp<"attention", [AttrSizedOperandSegments,
    AttrSizedResultSegments]> {
  let summary = "Scaled dot-product attention over explicit positions";
  let description = [{
    query [Tq, Hq, Dk], key [Tk, Hkv, Dk], value [Tk, Hkv, Dv], Hkv divides Hq;
    query head h reads key head h / (Hq / Hkv). For query i, head h, key j:

    ```
    s[i,h,j] = scale * dot(query[i,h], key[j,h'])
    s        = softcap * tanh(s / softcap)              unless softcap is 0
    s       += bias[i,j] or bias[h,i,j]                 by the rank of bias
    s        = -inf                                     where j is not visible to i
    lse[i,h] = ln sum over j of exp(s[i,h,j])
    p[i,h,j] = exp(s[i,h,j]) / (exp(lse[i,h]) + exp(sinks[h]))    no sinks: + 0
    output[i,h] = sum over j of p[i,h,j] * value[j,h']            [Tq, Hq, Dv]
    scores[j,h'] = sum of p[i,h,j] over all i and the heads h of key head h'
    ```

    `lse` is [Tq, Hq] and leaves out the sinks; `scores` is [Tk, Hkv] and takes
    them into account. A query that sees nothing has output 0 and lse -inf and
    adds nothing to scores, with or without sinks. The key and value of an
    invisible key are not read, whatever they hold.
  }];
  let arguments = (ins
    Winnow_Heads:$query, Winnow_Heads:$key, Winnow_Heads:$value,
    Winnow_Ids:$query_positions, Winnow_Ids:$key_positions,
    Optional<Winnow_Ids>:$query_segments, Optional<Winnow_Ids>:$key_segments,
    Optional<Winnow_PlainTensor<[2], [I1, I64]>>:$mask_operand,
    Optional<Winnow_Vector>:$sinks,
    Optional<Winnow_PlainTensor<[2, 3]>>:$bias,
    Winnow_MaskAttr:$mask,
    F32Attr:$scale,
    DefaultValuedAttr<F32Attr, "0.0f">:$softcap);
  let results = (outs Winnow_Heads:$output,
    Optional<Winnow_Rows>:$lse, Optional<Winnow_Rows>:$scores);
  let assemblyFormat = [{
    `query` `(` $query `,` $query_positions (`,` $query_segments^)? `)`
    `key` `(` $key `,` $key_positions (`,` $key_segments^)? `)`
    `value` `(` $value `)`
    (`sinks` `(` $sinks^ `:` type($sinks) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)?
    (`visible` `(` $mask_operand^ `:` type($mask_operand) `)`)?
    attr-dict `:` type($query) `,` type($key) `,` type($value) `,`
    type($query_positions) `,` type($key_positions)
    (`,` type($query_segments)^ `,` type($key_segments))?
    `->` type($output) (`lse` type($lse)^)? (`scores` type($scores)^)?
  }];
  let hasVerifier = 1;
}

def Winnow_RopeOp : Winnow_TokenOp<"rope", [AllTypesMatch<["input", "output"]>]> {
  let summary = "Rotary position embedding";
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
    AllTypesMatch<["input", "output"]>]> {
  let summary = "Normalisation over the last dimension";
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

#endif // WINNOW_ATTENTION_OPS
