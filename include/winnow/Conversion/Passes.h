//===- Passes.h - Passes from winnow to native code -------------*- C++ -*-===//

#ifndef WINNOW_CONVERSION_PASSES_H
#define WINNOW_CONVERSION_PASSES_H

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace winnow {

/// On a param: its type as the checkpoint stores it, once a pass has given it
/// the type that kernels read.
inline constexpr llvm::StringLiteral kStoredTypeAttr = "winnow.stored";
/// On a param: how its codes are chosen, `codes` of winnow.recode.
inline constexpr llvm::StringLiteral kCodesAttr = "winnow.codes";
/// On a param: the steps of Analysis/OfflineWeight.h on its numbers.
inline constexpr llvm::StringLiteral kStepsAttr = "winnow.steps";
/// On a param: the rows and the columns of the stored tensor that are left.
inline constexpr llvm::StringLiteral kRowsAttr = "winnow.rows";
inline constexpr llvm::StringLiteral kColumnsAttr = "winnow.columns";
/// On a param: its numbers get codes anew, even where the format stays.
inline constexpr llvm::StringLiteral kRecodedAttr = "winnow.recoded";
/// The entry point that winnow-add-embeddings-entry adds; lib/Runtime knows it.
inline constexpr llvm::StringLiteral kEmbeddingsEntry = "forward_embeddings";
/// Module attributes that convert-winnow-to-cpu leaves for Emit.
inline constexpr llvm::StringLiteral kEntriesAttr = "winnow.entries";
inline constexpr llvm::StringLiteral kWeightsAttr = "winnow.weights";

/// What `winnow.weights` says of a module whose params have the types that
/// kernels read (winnow-assign-layouts): the weights one after another. Fails
/// at a param that no kernel can read.
mlir::FailureOr<mlir::ArrayAttr> layOutWeights(mlir::ModuleOp module);

/// Module attribute of winnow-return-observed: which outputs are whose taps.
inline constexpr llvm::StringLiteral kObservedAttr = "winnow.observed";

#define GEN_PASS_DECL
#include "winnow/Conversion/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "winnow/Conversion/Passes.h.inc"

} // namespace winnow

#endif // WINNOW_CONVERSION_PASSES_H
