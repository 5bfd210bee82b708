//===- Interfaces.td - Op interfaces of the winnow dialect -*- tablegen -*-===//

#ifndef WINNOW_INTERFACES
#define WINNOW_INTERFACES

include "mlir/IR/OpBase.td"

def Winnow_CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::winnow";
  let description = [{
    The work of an op as a function of its dynamic dimensions. `dims` resolves
    a dynamic dimension of an operand or result; passes ask this interface and
    never an op's name. Attention counts the pairs that its mask can show at
    most, since positions are not known; transcendental functions are not
    counted.
  }];
  let methods = [
    InterfaceMethod<"Multiplications and additions of real numbers.",
      "double", "getFlops",
      (ins "::llvm::function_ref<int64_t(::mlir::Value, unsigned)>":$dims)>,
    InterfaceMethod<"Bytes of weights and caches, as they are stored, that the op "
                    "has to read or write once.",
      "double", "getStoredBytes",
      (ins "::llvm::function_ref<int64_t(::mlir::Value, unsigned)>":$dims)>,
  ];
}

def Winnow_TokenFlowOpInterface : OpInterface<"TokenFlowOpInterface"> {
  let cppNamespace = "::winnow";
  let description = [{
    What an op does to the set of tokens: `PerToken` maps each row to a row;
    `MixesTokens` reads other rows but keeps the set; `ChangesTokenSet` drops,
    adds or reorders rows.
  }];
  let methods = [
    InterfaceMethod<"", "::winnow::TokenFlow", "getTokenFlow", (ins)>,
  ];
}

#endif // WINNOW_INTERFACES
