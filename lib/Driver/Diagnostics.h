//===- Diagnostics.h - What MLIR reports about a model ----------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_DIAGNOSTICS_H
#define WINNOW_LIB_DRIVER_DIAGNOSTICS_H

#include "winnow/Driver/LoadedModel.h"

namespace winnow {

/// Passes diagnostics on and keeps the first error, as one line.
class LoadedModel::Diagnostics {
public:
  Diagnostics(mlir::MLIRContext *context, DiagnosticFunction forward);

  /// The first error since the last call, or `fallback` where there was none.
  llvm::Error take(const llvm::Twine &fallback);

private:
  void handle(mlir::Diagnostic &diagnostic);

  DiagnosticFunction forward;
  std::string firstError;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_DIAGNOSTICS_H
