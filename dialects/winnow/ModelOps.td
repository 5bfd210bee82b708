//===- ModelOps.td - The structure of a model --------------*- tablegen -*-===//

#ifndef WINNOW_MODEL_OPS
#define WINNOW_MODEL_OPS

include "mlir/IR/SymbolInterfaces.td"
include "winnow/OpBase.td"

def Winnow_ParamOp : Winnow_Op<"param", [Symbol]> {
  let summary = "A named weight that lives outside the IR";
  let description = [{
    Declares a weight. `source` is one of
    `file("NAME", SHARD)` (a tensor of the checkpoint, by its name there and the
    index of the file), `splat(VALUE)`, or `random(SEED)` (a standard normal
    times 0.02, for tests). The type's encoding is how the bytes are stored.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<Winnow_F32Tensor>:$type,
    DictionaryAttr:$source);
  let assemblyFormat = "$sym_name `from` $source attr-dict `:` $type";
  let hasVerifier = 1;
}

def Winnow_ParamRefOp : Winnow_Op<"use", [Pure, Winnow_NamesResults,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of a param";
  let arguments = (ins FlatSymbolRefAttr:$param);
  let results = (outs Winnow_F32Tensor:$output);
  let assemblyFormat = "$param attr-dict `:` type($output)";
}

def Winnow_LayerOp : Winnow_Op<"layer", [
    IsolatedFromAbove, SingleBlock, Winnow_NamesResults]> {
  let summary = "One residual sub-layer: y = r + m · f(inputs)";
  let arguments = (ins Winnow_Rows:$residual, Variadic<AnyType>:$inputs,
    DefaultValuedAttr<F32Attr, "1.0f">:$multiplier);
  let results = (outs Winnow_Rows:$output, Variadic<AnyType>:$extras);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Winnow_YieldOp : Winnow_Op<"yield", [Pure, Terminator,
    HasParent<"LayerOp">]> {
  let summary = "Ends a layer: the branch f first, extra results after it";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

#endif // WINNOW_MODEL_OPS
