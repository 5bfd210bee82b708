//===- ImportDecoder.h - From a configuration to a module -------*- C++ -*-===//

#ifndef WINNOW_LIB_IMPORT_IMPORTDECODER_H
#define WINNOW_LIB_IMPORT_IMPORTDECODER_H

#include "Families.h"

#include "winnow/Import/Import.h"

namespace winnow {

/// The module of a decoder: its facts, its params and its entry point.
/// `context` is the number of tokens that caches hold.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
importDecoder(mlir::MLIRContext *context, const Checkpoint &checkpoint,
              const Family &family, const Naming &naming,
              const ModelConfig &config, int64_t tokens);

/// Runs an import whose errors become diagnostics of `context`, one each.
mlir::FailureOr<ImportedModel>
finishImport(mlir::MLIRContext *context, const ImportOptions &options,
             llvm::function_ref<llvm::Expected<ImportedModel>()> import);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_IMPORTDECODER_H
