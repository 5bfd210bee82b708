//===- WinnowDialect.h - The winnow dialect ---------------------*- C++ -*-===//
//
// Declares the dialect with its types, attributes, interfaces and ops.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOWDIALECT_H
#define WINNOW_DIALECT_WINNOWDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace winnow {

/// What an op does to the set of tokens.
enum class TokenFlow { PerToken, MixesTokens, ChangesTokenSet };

/// Where taps write to: statistics, which no program reads.
struct ObservationsResource
    : public mlir::SideEffects::Resource::Base<ObservationsResource> {
  llvm::StringRef getName() final { return "Observations"; }
};

/// C8 of the dialect: what an op does not define belongs to some dialect.
mlir::LogicalResult verifyKnownAttributes(mlir::Operation *op);

template <typename ConcreteType>
// NOLINTNEXTLINE(bugprone-crtp-constructor-accessibility): Op derives from it.
class KnownAttributes
    : public mlir::OpTrait::TraitBase<ConcreteType, KnownAttributes> {
public:
  static mlir::LogicalResult verifyTrait(mlir::Operation *op) {
    return verifyKnownAttributes(op);
  }
};

} // namespace winnow

#include "winnow/Dialect.h.inc"
#include "winnow/Enums.h.inc"
#include "winnow/OpInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "winnow/Attributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "winnow/Types.h.inc"
#define GET_OP_CLASSES
#include "winnow/Ops.h.inc"

namespace winnow {

/// The encoding of a tensor type, or null for plain f32.
EncodingAttr getEncoding(mlir::Type type);

/// `type` with another encoding (null: none).
mlir::RankedTensorType withEncoding(mlir::RankedTensorType type,
                                    EncodingAttr encoding);

/// Whether rising indices are all those of some blocks of `size`.
bool areWholeBlocks(llvm::ArrayRef<int64_t> indices, int64_t size);

/// Attribute names of entry points (see the dialect's description).
inline constexpr llvm::StringLiteral kEntryAttr = "winnow.entry";
inline constexpr llvm::StringLiteral kNameAttr = "winnow.name";
inline constexpr llvm::StringLiteral kDimsAttr = "winnow.dims";
/// Module attribute: a dictionary of facts about the model that no op needs
/// but users and the runtime do (architecture, context length, checkpoint).
inline constexpr llvm::StringLiteral kModelAttr = "winnow.model";

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOWDIALECT_H
