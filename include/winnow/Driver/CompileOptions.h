//===- CompileOptions.h - How a model is compiled ---------------*- C++ -*-===//

#ifndef WINNOW_DRIVER_COMPILEOPTIONS_H
#define WINNOW_DRIVER_COMPILEOPTIONS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <string>

namespace winnow {

/// What compiling writes.
enum class EmitKind {
  Artifact,
  Static,
  Mlir,
  Kernels,
  LlvmDialect,
  Llvm,
  Assembly,
  Object
};

/// The kind called `name` on the command line.
llvm::Expected<EmitKind> parseEmitKind(llvm::StringRef name);

/// Whether activations are rounded to 8 bits in front of integer kernels:
/// "auto" or "f32".
llvm::Expected<bool> parseActivations(llvm::StringRef name);

/// Takes what is being done and how much of it (0 to 1); false stops the
/// compilation. Called from any thread, but never from two at a time.
using ProgressFunction = std::function<bool(llvm::StringRef step, double done)>;

struct CompileOptions {
  /// See cpu::Target::get.
  std::string targetCpu = "host";
  bool quantizeActivations = true;
  EmitKind emit = EmitKind::Artifact;
  unsigned threads = 0; ///< 0: one per processor
  /// Debug information that names lines of NAME.kernels.mlir.
  bool debug = false;
  ProgressFunction progress;
};

} // namespace winnow

#endif // WINNOW_DRIVER_COMPILEOPTIONS_H
