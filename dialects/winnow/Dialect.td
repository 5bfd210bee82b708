//===- Dialect.td - The winnow dialect ---------------------*- tablegen -*-===//

#ifndef WINNOW_DIALECT
#define WINNOW_DIALECT

include "mlir/IR/OpBase.td"

def Winnow_Dialect : Dialect {
  let name = "winnow";
  let cppNamespace = "::winnow";
  let summary = "Transformer models, and what a compiler may take out of them";
  let description = [{
    The dialect describes a whole transformer: one function per entry point,
    token counts as dynamic dimensions, weights as named parameters that live
    in a file. Values mean real numbers; precision is an *encoding* on the
    tensor type, and `winnow.recode` is the only op that rounds.

    An entry point is a `func.func` with the unit attribute `winnow.entry`.
    Each of its arguments carries `winnow.name = "..."`; a tensor argument with
    dynamic dimensions also carries `winnow.dims = ["T", ...]`, one name per
    dynamic dimension: equal names are equal counts. Each cache argument is
    returned as the result of the same rank among cache results.

    Axis convention: token-major. Activations are `tensor<?xD>` or, split into
    heads, `tensor<?xHxD>`; weights of a linear layer are `tensor<NxK>` with K,
    the reduction, contiguous.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
  }];
}

#endif // WINNOW_DIALECT
