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

    Axis convention: token-major. Activations are `tensor<?xD>` or, split into
    heads, `tensor<?xHxD>`; weights of a linear layer are `tensor<NxK>` with K,
    the reduction, contiguous. A dynamic dimension agrees with every size; what
    only a run can show is checked by the run.

    Each op, attribute and type is described under the same nine headings. Labels
    (I1, C1, ...) are the same in the description, in a comment at the check and
    in the name of the test that violates it.

    An entry point is a `func.func` with the unit attribute `winnow.entry`.
    Each of its arguments carries `winnow.name = "..."`; a tensor argument with
    dynamic dimensions also carries `winnow.dims = ["T", ...]`, one name per
    dynamic dimension: equal names are equal counts. Each cache argument is
    returned as the result of the same rank among cache results. The module
    attribute `winnow.model` is a dictionary of facts about the model that users
    and the runtime need but no op does.

    - C1 `winnow.entry` is a unit attribute of a func.func of one block.
    - C2 Each argument has a name, and names differ.
    - C3 Arguments and results are caches or ranked tensors without encoding.
    - C4 `winnow.dims` has one name per dynamic dimension; arguments that have
      some need it.
    - C5 Caches are returned in the order and with the types of their arguments.
    - C6 `winnow.name` is a string, `winnow.dims` an array of strings, and none
      of them is empty.
    - C7 `winnow.model` is a dictionary of a module.
    - C8 Attributes that an op of the dialect does not define have a dialect's
      name in front (`test.note`): any other is a slip, which would be ignored.
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
