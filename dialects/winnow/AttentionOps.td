//===- AttentionOps.td - Attention, rope and norms ---------*- tablegen -*-===//

#ifndef WINNOW_ATTENTION_OPS
#define WINNOW_ATTENTION_OPS

include "winnow/OpBase.td"

def Winnow_AttentionOp : Winnow_TokenOp<"attention", [AttrSizedOperandSegments,
    AttrSizedResultSegments]> {
  let summary = "Scaled dot-product attention over explicit positions";
  let arguments = (ins
    3DTensorOf<[F32]>:$query, 3DTensorOf<[F32]>:$key, 3DTensorOf<[F32]>:$value,
    Winnow_Ids:$query_positions, Winnow_Ids:$key_positions,
    Optional<Winnow_Ids>:$query_segments, Optional<Winnow_Ids>:$key_segments,
    Optional<2DTensorOf<[I1, I64]>>:$mask_operand,
    Optional<1DTensorOf<[F32]>>:$sinks,
    Optional<Winnow_F32Tensor>:$bias,
    Winnow_MaskAttr:$mask,
    F32Attr:$scale,
    DefaultValuedAttr<F32Attr, "0.0f">:$softcap);
  let results = (outs 3DTensorOf<[F32]>:$output,
    Optional<2DTensorOf<[F32]>>:$lse, Optional<2DTensorOf<[F32]>>:$scores);
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
  let arguments = (ins 3DTensorOf<[F32]>:$input, Winnow_Ids:$positions,
    Optional<1DTensorOf<[F32]>>:$factors,
    F64Attr:$base, I64Attr:$dims,
    DefaultValuedAttr<Winnow_RopeLayoutAttr, "::winnow::RopeLayout::Half">:$layout,
    OptionalAttr<Winnow_RopeScalingAttr>:$scaling);
  let results = (outs 3DTensorOf<[F32]>:$output);
  let assemblyFormat = [{
    $input `at` $positions (`factors` `(` $factors^ `:` type($factors) `)`)?
    attr-dict `:` type($input) `,` type($positions)
  }];
  let hasVerifier = 1;
}

def Winnow_NormOp : Winnow_TokenOp<"norm", [AttrSizedOperandSegments,
    AllTypesMatch<["input", "output"]>]> {
  let summary = "Normalisation over the last dimension";
  let arguments = (ins AnyTypeOf<[2DTensorOf<[F32]>, 3DTensorOf<[F32]>]>:$input,
    Optional<1DTensorOf<[F32]>>:$weight, Optional<1DTensorOf<[F32]>>:$bias,
    Winnow_NormKindAttr:$kind, F32Attr:$epsilon,
    DefaultValuedAttr<F32Attr, "0.0f">:$weight_offset);
  let results = (outs AnyTypeOf<[2DTensorOf<[F32]>, 3DTensorOf<[F32]>]>:$output);
  let assemblyFormat = [{
    $kind $input (`weight` `(` $weight^ `:` type($weight) `)`)?
    (`bias` `(` $bias^ `:` type($bias) `)`)? attr-dict `:` type($input)
  }];
  let hasVerifier = 1;
}

#endif // WINNOW_ATTENTION_OPS
