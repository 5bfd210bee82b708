//===- Attributes.td - Attributes of the winnow dialect ----*- tablegen -*-===//

#ifndef WINNOW_ATTRIBUTES
#define WINNOW_ATTRIBUTES

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/TensorEncoding.td"
include "mlir/IR/EnumAttr.td"
include "winnow/Dialect.td"

class Winnow_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Winnow_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Winnow_EncodingAttr : Winnow_Attr<"Encoding", "encoding",
    [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "How the numbers of a tensor are stored";
  let description = [{
    `format` names a row of the number-format table (include/winnow/Formats):
    what the bits mean. `layout` names where the bits are: `rows`, the layout of
    the file (rows one after another), is the default and is not printed.
    Blocks always run along the last dimension. Only winnow ops take tensors
    that have an encoding.

    ```mlir
    tensor<1024x640xf32, #winnow.encoding<q5_0>>
    tensor<1024x640xf32, #winnow.encoding<q5_0, tile16>>
    ```
  }];
  let parameters = (ins StringRefParameter<"format">:$format,
                        StringRefParameter<"where the bits are", "\"rows\"">:$layout);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Winnow_NormKind : I32EnumAttr<"NormKind", "What a norm divides by", [
    I32EnumAttrCase<"RMS", 0, "rms">, I32EnumAttrCase<"Layer", 1, "layer">,
    I32EnumAttrCase<"L2", 2, "l2">]> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}
def Winnow_NormKindAttr : EnumAttr<Winnow_Dialect, Winnow_NormKind, "norm_kind">;

def Winnow_RopeLayout : I32EnumAttr<"RopeLayout", "Which channels form a rotary pair", [
    I32EnumAttrCase<"Half", 0, "half">,
    I32EnumAttrCase<"Interleaved", 1, "interleaved">]> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}
def Winnow_RopeLayoutAttr : EnumAttr<Winnow_Dialect, Winnow_RopeLayout, "rope_layout">;

def Winnow_MaskKind : I32EnumAttr<"MaskKind", "Which keys a query may see", [
    I32EnumAttrCase<"Full", 0, "full">,
    I32EnumAttrCase<"Causal", 1, "causal">,
    I32EnumAttrCase<"SlidingWindow", 2, "sliding_window">,
    I32EnumAttrCase<"Prefix", 3, "prefix">,
    I32EnumAttrCase<"Tree", 4, "tree">,
    I32EnumAttrCase<"Grid", 5, "grid">,
    I32EnumAttrCase<"Explicit", 6, "explicit">]> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}

def Winnow_MaskAttr : Winnow_Attr<"Mask", "mask"> {
  let summary = "Visibility as a predicate over positions";
  let description = [{
    With qp and kp the positions of query and key:

    | spelling | visible iff |
    |---|---|
    | `#winnow.mask<full>` | always |
    | `#winnow.mask<causal>` | kp <= qp |
    | `#winnow.mask<sliding_window, window = W>` | 0 <= qp - kp < W |
    | `#winnow.mask<sliding_window, window = W, sinks = S>` | kp <= qp and (kp < S or qp - kp < W) |
    | `#winnow.mask<prefix, prefix = P>` | kp < P or kp <= qp |
    | `#winnow.mask<tree>` | key index < base, or bit (key index − base) of the query's ancestor word is set; base = Tk − Tq |
    | `#winnow.mask<grid, width = G, window = W>` | tokens form a grid of width G: ⌊qp/G⌋ and ⌊kp/G⌋, and qp mod G and kp mod G, each differ by at most W |
    | `#winnow.mask<explicit>` | the mask operand is true |

    Segments, when given, must be equal besides.
  }];
  let parameters = (ins EnumParameter<Winnow_MaskKind>:$kind,
                        DefaultValuedParameter<"int64_t", "0">:$window,
                        DefaultValuedParameter<"int64_t", "0">:$sinks,
                        DefaultValuedParameter<"int64_t", "0">:$prefix,
                        DefaultValuedParameter<"int64_t", "0">:$width);
  let assemblyFormat = [{
    `<` $kind (`,` struct($window, $sinks, $prefix, $width)^)? `>`
  }];
  let genVerifyDecl = 1;
}

def Winnow_RopeScalingKind : I32EnumAttr<"RopeScalingKind", "How rotary frequencies are stretched", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"Linear", 1, "linear">,
    I32EnumAttrCase<"Llama3", 2, "llama3">,
    I32EnumAttrCase<"Yarn", 3, "yarn">]> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}

def Winnow_RopeScalingAttr : Winnow_Attr<"RopeScaling", "rope_scaling"> {
  let summary = "A change of the rotary frequencies, fixed at compile time";
  let description = [{
    Hugging Face formulas (attention_kv.md B4): `linear` f / factor; `llama3`
    keeps wavelengths below original_context / high, divides those above
    original_context / low by factor, and interpolates between; `yarn` uses
    beta_fast = high, beta_slow = low and multiplies cos and sin by
    `attention_factor`.
  }];
  let parameters = (ins EnumParameter<Winnow_RopeScalingKind>:$kind,
                        OptionalParameter<"::mlir::FloatAttr">:$factor,
                        OptionalParameter<"::mlir::FloatAttr">:$low,
                        OptionalParameter<"::mlir::FloatAttr">:$high,
                        DefaultValuedParameter<"int64_t", "0">:$originalContext,
                        OptionalParameter<"::mlir::FloatAttr">:$attentionFactor);
  let assemblyFormat = [{
    `<` $kind (`,` struct($factor, $low, $high, $originalContext, $attentionFactor)^)? `>`
  }];
  let genVerifyDecl = 1;
}

#endif // WINNOW_ATTRIBUTES
