//===- OpBase.td - Base classes of the winnow ops ----------*- tablegen -*-===//

#ifndef WINNOW_OPBASE
#define WINNOW_OPBASE

include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "winnow/Attributes.td"
include "winnow/Interfaces.td"
include "winnow/Types.td"

def Winnow_KnownAttributes : NativeOpTrait<"KnownAttributes"> {
  let cppNamespace = "::winnow";
}

class Winnow_Op<string mnemonic, list<Trait> traits = []>
    : Op<Winnow_Dialect, mnemonic,
         !listconcat([Winnow_KnownAttributes], traits)>;

/// An op that names its results in printed IR: %attn, %kv, %q.
defvar Winnow_NamesResults =
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>;

/// An op on token rows without effects.
class Winnow_TokenOp<string mnemonic, list<Trait> traits = []>
    : Winnow_Op<mnemonic, !listconcat([Pure, Winnow_NamesResults,
        DeclareOpInterfaceMethods<Winnow_CostOpInterface>,
        DeclareOpInterfaceMethods<Winnow_TokenFlowOpInterface>], traits)>;

/// An op on a cache. Caches are states passed by value, so these are pure too;
/// winnow-verify-model checks that each state is consumed once.
class Winnow_KvOp<string mnemonic, list<Trait> traits = []>
    : Winnow_Op<mnemonic, !listconcat([Pure, Winnow_NamesResults], traits)>;

def Winnow_HasNoEncoding : CPred<
    "!::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding()">;
def Winnow_HasKnownEncoding : CPred<
    "::llvm::isa_and_present<::winnow::EncodingAttr>(::llvm::cast<"
    "::mlir::RankedTensorType>($_self).getEncoding()) || "
    "!::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding()">;

/// A tensor of one of `ranks` whose elements are stored as their type says.
class Winnow_PlainTensor<list<int> ranks, list<Type> elements = [F32]>
    : RankedTensorOf<elements, [HasAnyRankOfPred<ranks>, Winnow_HasNoEncoding],
        !interleave(!foreach(rank, ranks, rank # "D"), "/") #
        " tensor without encoding">;

/// A tensor of f32 that may have a `#winnow.encoding`.
def Winnow_F32Tensor : RankedTensorOf<[F32], [Winnow_HasKnownEncoding],
    "ranked tensor, perhaps encoded,">;
def Winnow_F32Matrix : RankedTensorOf<[F32],
    [HasAnyRankOfPred<[2]>, Winnow_HasKnownEncoding],
    "2D tensor, perhaps encoded,">;

def Winnow_Vector : Winnow_PlainTensor<[1]>;
def Winnow_Rows : Winnow_PlainTensor<[2]>;
def Winnow_Heads : Winnow_PlainTensor<[3]>;
/// Positions, segments, token ids, row indices.
def Winnow_Ids : Winnow_PlainTensor<[1], [I32]>;
/// Whatever there is a row, a number or an id of for each token.
def Winnow_RowsOrIds : Winnow_PlainTensor<[1, 2], [F32, I32]>;

#endif // WINNOW_OPBASE
