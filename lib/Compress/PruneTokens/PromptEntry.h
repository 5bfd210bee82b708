//===- PromptEntry.h - The entry point that prunes prompts ------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_PRUNETOKENS_PROMPTENTRY_H
#define WINNOW_LIB_COMPRESS_PRUNETOKENS_PROMPTENTRY_H

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace winnow {

/// The entry point of a decoder that reads prompts and leaves tokens out.
inline constexpr llvm::StringLiteral kPromptEntry = "prompt";

/// Whether a function continues a sequence: it has caches.
bool isDecoder(mlir::func::FuncOp function);

/// The entry point that reads prompts, `kPromptEntry`: that of the module, or a
/// copy of `decoder` with one argument more, `prunable` [T], which is 0 for
/// tokens that have to stay.
mlir::func::FuncOp getPromptEntry(mlir::func::FuncOp decoder);

/// The tokens of a prompt before any left.
struct WholePrompt {
  /// Their marks, [T]; null in an encoder, which has none.
  mlir::Value prunable;
  /// [T], or null.
  mlir::Value segments;
  /// Which of them rows are, [R]; null where none has left.
  mlir::Value indices;
};

/// The prompt that `rows` are of; `segments` are those of the rows.
WholePrompt findWholePrompt(mlir::func::FuncOp entry, mlir::Value rows,
                            mlir::Value segments);

/// The marks of the tokens that `rows` are; null without marks.
mlir::Value getPrunable(mlir::func::FuncOp entry, mlir::Value rows);

/// Says in all decoders of the module that the caches of the layers behind
/// `point` lack tokens.
void markShorterCaches(mlir::func::FuncOp entry, mlir::Operation *point);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_PRUNETOKENS_PROMPTENTRY_H
