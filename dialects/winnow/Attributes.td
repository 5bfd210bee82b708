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
    #### Semantics

    `format` names a row of the number-format table (include/winnow/Formats):
    what the bits mean, block by block along the last dimension:

    ```
    number = a * v(code) + b
    ```

    with a code map v and numbers a and b that a group of elements shares.
    `layout` names where the bits are. Only winnow ops take tensors that have an
    encoding, and a value means the same numbers in every encoding that holds
    them.

    #### Numerics

    The table defines each number bit by bit; products of scales and a * v + b
    are rounded to f32 one by one.

    #### Corner cases

    No rows have no bytes. A last dimension of size 0 has none either.

    #### Inputs

    None: it is part of a tensor type.

    #### Attributes

    - A1 `format`: a name of the table: f32, f16, bf16; q4_0, q4_1, q5_0, q5_1,
      q8_0; q2_k to q6_k; iq4_nl, iq4_xs; tq1_0, tq2_0; q1_0, q2_0; mxfp4, nvfp4;
      int4_g32, int4_g64, int4_g128, int8_g128; int4_g32_2of4, int4_g32_4of8,
      int8_g32_2of4, int8_g32_4of8; a8_b32. Activations can be a8_b32 or bf16.
    - A2 `layout`, default `rows`, which is not printed: `rows`, the layout of
      files, one row after another; `tile16`, rows in groups of 16, as the
      kernels read matrices.

    #### Results

    None.

    #### Constraints

    - C1 The format is in the table.
    - C2 The layout is `rows` or `tile16`.
    - C3 The layout `tile16` exists for the format (for all but a8_b32).
    - C4 The tensor's element type is f32.
    - C5 The tensor's rank is at least 1, and 2 for `tile16`.
    - C6 The last dimension is static and a multiple of the format's block.

    #### Invariants

    - V1 A change of the layout never changes a number.

    #### Example

    ```mlir
    func.func private @encoding(
        tensor<1024x640xf32, #winnow.encoding<q5_0>>,
        tensor<1024x640xf32, #winnow.encoding<q5_0, tile16>>,
        tensor<?x640xf32, #winnow.encoding<a8_b32>>)
    ```
  }];
  let parameters = (ins StringRefParameter<"format">:$format,
                        StringRefParameter<"where the bits are", "\"rows\"">:$layout);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Winnow_CodesAttr : Winnow_Attr<"Codes", "codes"> {
  let summary = "How codes of weights are chosen by what inputs are like";
  let description = [{
    #### Semantics

    `method` names a row of the table of code methods
    (include/winnow/Formats/CodeMethod.h): what becomes of a row w of a weight
    whose layer reads inputs x. `gptq` (Frantar et al., arXiv 2210.17323) lets
    codes make up for one another where inputs go together: with H = mean x xᵀ,
    0.01 of the mean of its diagonal added to that, and H = (Uᵀ U)⁻¹, U upper
    triangular, one k after another

    ```
    w'_k = the nearest number that the format has, under scales of the numbers
           of the block as they are when its first one is encoded
    w_j  = w_j - (w_k - w'_k) / U_kk * U_kj       for all j > k
    ```

    A sparse format keeps the largest (w_k / U_kk)² of each few numbers, as they
    are when the first of those has its turn (Frantar and Alistarh, arXiv
    2301.00774).

    `clip` cuts off each block b of a row at a level before it gets its codes, as
    AWQ does (Lin et al., arXiv 2306.00978): of the codes for

    ```
    min(max(b, -m), m)    m = (1 - i / 20) max |b|, i = 0, 1, ..., 9
    ```

    those for whose numbers b' (b - b') H_b (b - b')ᵀ is least, H_b the part of
    H that belongs to the block; the first of equals.

    `wanda` (Sun et al., arXiv 2306.11695) is for sparse formats: of each few
    numbers the largest |w_k| sqrt(mean x_k²) stay, the first of equals, and are
    rounded to nearest.

    #### Numerics

    U is computed in f64 and used in f32; gptq subtracts in f32, the sums of clip
    are f64. Inputs whose H_kk is 0 have weights of 0.

    #### Corner cases

    Where H has no factor, ten times as much is added to its diagonal, up to five
    times. Statistics that are not finite, or negative on the diagonal, are an
    error where weights are written.

    #### Inputs

    None: it is an attribute of `winnow.recode`.

    #### Attributes

    - A1 `method`: clip, gptq or wanda.
    - A2 `tap`: the tap of the module's `winnow.statistics` that has the inputs'
      statistics: `gram.mean`, or `channels.rms` for wanda (docs/Statistics.md).

    #### Results

    None.

    #### Constraints

    - C1 The method is in the table.
    - C2 The tap has a name.

    #### Invariants

    - V1 With a diagonal H, gptq changes nothing.
    - V2 With clip, (b - b') H_b (b - b')ᵀ of a block is at most what it is
      without.
    - V3 With equal norms, wanda keeps the largest magnitudes, as no method does.

    #### Example

    ```mlir
    func.func @codes(%w: tensor<2x64xf32>) -> tensor<2x64xf32, #winnow.encoding<q4_0>> {
      %e = winnow.recode %w {codes = #winnow.codes<gptq, "blk.0.ffn_up.weight">} : tensor<2x64xf32> -> tensor<2x64xf32, #winnow.encoding<q4_0>>
      return %e : tensor<2x64xf32, #winnow.encoding<q4_0>>
    }
    ```
  }];
  let parameters = (ins StringRefParameter<"method">:$method,
                        StringRefParameter<"whose statistics">:$tap);
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

def Winnow_ObserveKind : I32EnumAttr<"ObserveKind", "What is measured of rows", [
    I32EnumAttrCase<"Channels", 0, "channels">,
    I32EnumAttrCase<"Gram", 1, "gram">,
    I32EnumAttrCase<"Similarity", 2, "similarity">]> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}
def Winnow_ObserveKindAttr : EnumAttr<Winnow_Dialect, Winnow_ObserveKind, "observe_kind">;

def Winnow_ChangeKind : I32EnumAttr<"ChangeKind", "How much rows differ", [
    I32EnumAttrCase<"Cosine", 0, "cosine">, I32EnumAttrCase<"Norm", 1, "norm">]> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}
def Winnow_ChangeKindAttr : EnumAttr<Winnow_Dialect, Winnow_ChangeKind, "change_kind">;

def Winnow_PoolKind : I32EnumAttr<"PoolKind", "How rows become one", [
    I32EnumAttrCase<"Mean", 0, "mean">, I32EnumAttrCase<"Max", 1, "max">,
    I32EnumAttrCase<"First", 2, "first">, I32EnumAttrCase<"Last", 3, "last">]> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}
def Winnow_PoolKindAttr : EnumAttr<Winnow_Dialect, Winnow_PoolKind, "pool_kind">;

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
    #### Semantics

    With qp and kp the positions of query and key:

    | spelling | visible iff |
    |---|---|
    | `#winnow.mask<full>` | always |
    | `#winnow.mask<causal>` | kp <= qp |
    | `#winnow.mask<sliding_window, window = W>` | 0 <= qp - kp < W |
    | `#winnow.mask<sliding_window, window = W, sinks = S>` | kp <= qp and (kp < S or qp - kp < W) |
    | `#winnow.mask<prefix, prefix = P>` | kp < P or kp <= qp |
    | `#winnow.mask<tree>` | key index < base, or bit (key index − base) of the query's ancestor words is set; base = Tk − Tq |
    | `#winnow.mask<grid, width = G, window = W>` | tokens form a grid of width G: ⌊qp/G⌋ and ⌊kp/G⌋, and qp mod G and kp mod G, each differ by at most W |
    | `#winnow.mask<grid, width = G, window = W, sinks = S>` | qp < S or kp < S, or that of qp - S and kp - S |
    | `#winnow.mask<explicit>` | the mask operand is true |

    Segments, when given, must be equal besides.

    #### Numerics

    None: integers alone.

    #### Corner cases

    A query may see nothing; `winnow.attention` says what follows. Positions of
    several tokens may be equal. A sliding window never sees later positions.

    #### Inputs

    None: `winnow.attention` brings positions and the mask operand.

    #### Attributes

    - A1 `kind`: a line of the table.
    - A2 `window`: positions of a sliding window, its own among them; or how far
      a grid looks.
    - A3 `sinks`, default 0: first positions that a sliding window always sees;
      or those in front of a grid, which see all and which all see.
    - A4 `prefix`: how many first positions every query sees.
    - A5 `width`: positions in a row of a grid.

    #### Results

    None.

    #### Constraints

    - C1 window > 0 for `sliding_window` and `grid`, and is absent elsewhere.
    - C2 sinks >= 0 for `sliding_window` and `grid`, and is absent elsewhere.
    - C3 prefix > 0 for `prefix`, and is absent elsewhere.
    - C4 width > 0 for `grid`, and is absent elsewhere.

    #### Invariants

    - V1 A sliding window of more than the largest position is causal.
    - V2 A prefix of more than the largest position is full.

    #### Example

    ```mlir
    func.func private @mask() attributes {masks = [
      #winnow.mask<causal>,
      #winnow.mask<sliding_window, window = 512>,
      #winnow.mask<sliding_window, window = 512, sinks = 4>,
      #winnow.mask<prefix, prefix = 256>,
      #winnow.mask<grid, window = 1, width = 14>,
      #winnow.mask<grid, window = 1, sinks = 1, width = 14>]}
    ```
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

def Winnow_Rounding : I32EnumAttr<"Rounding", "How a number becomes a whole one", [
    I32EnumAttrCase<"Up", 0, "up">, I32EnumAttrCase<"Down", 1, "down">,
    I32EnumAttrCase<"Even", 2, "even">]> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}

def Winnow_TokenPolicyAttr : Winnow_Attr<"TokenPolicy", "token_policy"> {
  let summary = "How many tokens of a segment stay, and which of them always do";
  let description = [{
    #### Semantics

    Of a segment of n tokens, the first `first` and the last `last` always stay,
    and those that `winnow.token_select` must not prune: p tokens. Of the others
    stay, with `keep`, those with the largest scores, as many as

    ```
    round(keep * (n - p))
    ```

    and, with `least`, those whose score is not below it, however many.

    #### Numerics

    The product is rounded to f64, then to a whole number as `rounding` says. A
    NaN is not below `least`; -0 and 0 are equal there.

    #### Corner cases

    A segment no longer than first + last stays whole. Without `first` and
    `last`, rounding down can leave nothing of a short segment, and so can
    `least` of any.

    #### Inputs

    None: `winnow.token_select` brings scores and segments.

    #### Attributes

    - A1 `keep`: the share of the other tokens that stays, of type f64.
    - A2 `least`, in its place: the least score that stays, of type f32.
    - A3 `rounding`, default up: `up`, `down`, or `even`, to the nearest whole
      number and to the even one of two.
    - A4 `first`, default 0: tokens at the beginning that stay.
    - A5 `last`, default 0: tokens at the end that stay.

    #### Results

    None.

    #### Constraints

    - C1 There is either `keep` or `least`.
    - C2 `keep` is an f64 above 0 and not above 1.
    - C3 `least` is an f32 and no NaN; nothing is rounded there, so that
      `rounding` is up.
    - C4 first and last are at least 0 and below 2^30.

    #### Invariants

    - V1 With keep = 1, or least = -infinity, all tokens stay.
    - V2 A larger keep, or a smaller least, never leaves fewer tokens.
    - V3 With `least`, a token's score alone says whether it stays, unless it is
      at an end.

    #### Example

    ```mlir
    // EViT keeps the class token and rounds up; 139 of 197 tokens stay.
    func.func private @token_policy() attributes {policies = [
      #winnow.token_policy<keep = 7.000000e-01 : f64, first = 1>,
      #winnow.token_policy<keep = 5.000000e-01 : f64, rounding = even, first = 4, last = 64>,
      #winnow.token_policy<least = 5.000000e-01 : f32>]}
    ```
  }];
  let parameters = (ins OptionalParameter<"::mlir::FloatAttr">:$keep,
      OptionalParameter<"::mlir::FloatAttr">:$least,
      DefaultValuedParameter<"::winnow::Rounding", "::winnow::Rounding::Up">:$rounding,
      DefaultValuedParameter<"int64_t", "0">:$first,
      DefaultValuedParameter<"int64_t", "0">:$last);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// How many of `count` tokens of a segment stay, of which `always` do in any
    /// case. Of a policy with `keep`.
    int64_t countKept(int64_t count, int64_t always) const;
  }];
}

def Winnow_RopeScalingKind : I32EnumAttr<"RopeScalingKind", "How rotary frequencies are stretched", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"Linear", 1, "linear">,
    I32EnumAttrCase<"Llama3", 2, "llama3">,
    I32EnumAttrCase<"Yarn", 3, "yarn">,
    I32EnumAttrCase<"LongRope", 4, "longrope">]> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}

def Winnow_RopeScalingAttr : Winnow_Attr<"RopeScaling", "rope_scaling"> {
  let summary = "A change of the rotary frequencies, fixed at compile time";
  let description = [{
    #### Semantics

    Stretches the frequencies f[c] of `winnow.rope`, which has dims = d; the
    formulas are those of Hugging Face Transformers. With turns = context * f /
    (2 pi), how often a pair turns within the original context:

    ```
    none:    f
    linear:  f / factor
    llama3:  k = clamp((turns - low) / (high - low), 0, 1)
             (1 - k) * f / factor + k * f
    yarn:    pair(n) = d * ln(context / (2 pi n)) / (2 ln base)
             first = max(0, floor(pair(high)))
             last  = min(d - 1, ceil(pair(low)))       first + 0.001 where equal to first
             k = clamp((c - first) / (last - first), 0, 1)
             k * f / factor + (1 - k) * f
             and cosine and sine times attentionFactor
    longrope: f / factors[c]
             and cosine and sine times attentionFactor
    ```

    #### Numerics

    f64, at compile time.

    #### Corner cases

    A factor of 1 changes no frequency.

    #### Inputs

    None.

    #### Attributes

    - A1 `kind`: none, linear, llama3, yarn or longrope (arXiv 2402.13753).
    - A2 `factor`: how many times longer the context becomes.
    - A3 `low`, default 1: turns below which a frequency is divided by factor
      (beta_slow of YaRN).
    - A4 `high`, default 4 for llama3 and 32 for yarn: turns above which it stays
      (beta_fast).
    - A5 `originalContext`, default 8192 for llama3: the context of training.
    - A6 `attentionFactor`, default 0.1 ln(factor) + 1 for yarn and 1 for
      longrope: the magnitude.
    - A7 `factors`, optional for longrope: one per frequency. Without them the
      operand of `winnow.rope` may bring them.

    #### Results

    None.

    #### Constraints

    - C1 `factor` is present, except for none and longrope, which have none.
    - C2 low, high and originalContext for llama3 and yarn alone.
    - C3 attentionFactor for yarn and longrope alone, factors for longrope alone.
    - C4 factor, low, high, attentionFactor and factors are positive and finite.
    - C5 originalContext is not negative, and positive for yarn.
    - C6 low < high.

    #### Invariants

    - V1 No frequency grows, for a factor of at least 1.
    - V2 The lowest frequency of llama3 and yarn is f / factor where it turns
      less than low times.

    #### Example

    ```mlir
    func.func @rope_scaling() {
      %x = arith.constant dense<[[[1.0, 0.0]]]> : tensor<1x1x2xf32>
      %two = arith.constant dense<2> : tensor<1xi32>
      %one = arith.constant dense<1> : tensor<1xi32>
      // Position 2 at half the frequency is position 1.
      %y = winnow.rope %x at %two {base = 10000.0 : f64, dims = 2 : i64,
          scaling = #winnow.rope_scaling<linear, factor = 2.0 : f64>} : tensor<1x1x2xf32>, tensor<1xi32>
      %y_is = winnow.rope %x at %one {base = 10000.0 : f64, dims = 2 : i64} : tensor<1x1x2xf32>, tensor<1xi32>
      check.expect_eq %y, %y_is : tensor<1x1x2xf32>
      return
    }
    ```
  }];
  let parameters = (ins EnumParameter<Winnow_RopeScalingKind>:$kind,
                        OptionalParameter<"::mlir::FloatAttr">:$factor,
                        OptionalParameter<"::mlir::FloatAttr">:$low,
                        OptionalParameter<"::mlir::FloatAttr">:$high,
                        DefaultValuedParameter<"int64_t", "0">:$originalContext,
                        OptionalParameter<"::mlir::FloatAttr">:$attentionFactor,
                        OptionalParameter<"::mlir::DenseF64ArrayAttr">:$factors);
  let assemblyFormat = [{
    `<` $kind (`,` struct($factor, $low, $high, $originalContext, $attentionFactor, $factors)^)? `>`
  }];
  let genVerifyDecl = 1;
}

#endif // WINNOW_ATTRIBUTES
