//===- Import.h - From checkpoints to modules -------------------*- C++ -*-===//
//
// Importing reads a checkpoint's metadata and writes one module: a `param` per
// tensor and one entry point `forward` over packed tokens. Weights stay in the
// checkpoint's files.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_IMPORT_IMPORT_H
#define WINNOW_IMPORT_IMPORT_H

#include "winnow/Import/Checkpoint.h"
#include "winnow/Tokenizer/TokenizerData.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Support/LLVM.h"

#include <optional>

namespace winnow {

struct ImportOptions {
  /// Tokens that each KV cache holds; rounded up to a multiple of 16, and never
  /// more than the model's own context length (rounded in the same way).
  int64_t context = 8192;
};

struct ImportedModel {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Holds the bytes that the module's params name; null if they name none.
  std::shared_ptr<const Checkpoint> checkpoint;
  /// The checkpoint's vocabulary, if it has one.
  std::optional<TokenizerData> tokenizer;
};

/// Loads the dialects that imported modules use.
void loadImportDialects(mlir::MLIRContext &context);

/// Imports a GGUF file (or the first file of a split set). Errors are reported
/// as diagnostics of `context`, one per failed import, each naming the file.
mlir::FailureOr<ImportedModel> importGguf(mlir::MLIRContext *context,
                                          llvm::StringRef path,
                                          const ImportOptions &options = {});

/// Imports a directory of Hugging Face: config.json, model.safetensors or the
/// files of an index, tokenizer.json. Errors are reported like importGguf's.
mlir::FailureOr<ImportedModel>
importHuggingFace(mlir::MLIRContext *context, llvm::StringRef directory,
                  const ImportOptions &options = {});

/// Parses and verifies a program: IR without a checkpoint, in which brackets
/// nest no deeper than any compiler writes them (the parser calls itself at
/// each). Null after errors, which are diagnostics that name the file `name`.
mlir::OwningOpRef<mlir::ModuleOp> importProgram(mlir::MLIRContext *context,
                                                llvm::StringRef text,
                                                llvm::StringRef name);

/// The architectures that importGguf accepts, as `general.architecture` spells
/// them, separated by commas.
std::string listSupportedArchitectures();

} // namespace winnow

#endif // WINNOW_IMPORT_IMPORT_H
