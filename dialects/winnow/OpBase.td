//===- OpBase.td - Base classes of the winnow ops ----------*- tablegen -*-===//

#ifndef WINNOW_OPBASE
#define WINNOW_OPBASE

include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "winnow/Attributes.td"
include "winnow/Interfaces.td"
include "winnow/Types.td"

class Winnow_Op<string mnemonic, list<Trait> traits = []>
    : Op<Winnow_Dialect, mnemonic, traits>;

/// An op on token rows without effects.
class Winnow_TokenOp<string mnemonic, list<Trait> traits = []>
    : Winnow_Op<mnemonic, !listconcat([Pure,
        DeclareOpInterfaceMethods<Winnow_CostOpInterface>,
        DeclareOpInterfaceMethods<Winnow_TokenFlowOpInterface>], traits)>;

/// An op on a cache. Caches are states passed by value, so these are pure too;
/// winnow-verify-model checks that each state is consumed once.
class Winnow_KvOp<string mnemonic, list<Trait> traits = []>
    : Winnow_Op<mnemonic, !listconcat([Pure], traits)>;

def Winnow_Ids : 1DTensorOf<[I32]>;
def Winnow_F32Tensor : RankedTensorOf<[F32]>;

#endif // WINNOW_OPBASE
