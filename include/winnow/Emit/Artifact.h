//===- Artifact.h - Writes the files of an artifact -------------*- C++ -*-===//

#ifndef WINNOW_EMIT_ARTIFACT_H
#define WINNOW_EMIT_ARTIFACT_H

#include "winnow/Codegen/Cpu/Target.h"
#include "winnow/Import/Checkpoint.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <functional>

namespace winnow {

class TensorCache;

struct ArtifactOptions {
  /// Path without extension; the artifact's name is its last component.
  std::string output;
  /// A static library NAME.a instead of NAME.so.
  bool staticLibrary = false;
  /// Facts about how the model was compiled, for the manifest.
  llvm::json::Object manifest;
  /// Text of NAME.tokenizer; empty for none.
  std::string tokenizer;
  /// Text of NAME.kernels.mlir, which debug information refers to; empty for
  /// none.
  std::string kernels;
  unsigned threads = 0; ///< 0: one per processor
  /// Takes what is being done and how much of it (0 to 1); false stops with
  /// the error code operation_canceled. Called from any thread, but never from
  /// two at a time.
  std::function<bool(llvm::StringRef what, double done)> progress;
  /// Takes the time of each step; may be null.
  mlir::TimingScope *timing = nullptr;
  /// What weights of other artifacts of this checkpoint became; may be null.
  TensorCache *cache = nullptr;
  /// Weights are some of their rows over and over, which takes no time to
  /// write, for a program that is only timed: it takes as long. (Zeros would be
  /// faster: Gemma 3 270M reads a prompt in 6 % less time.)
  bool sampled = false;
};

/// The exported function of an artifact called `name`: characters outside
/// [A-Za-z0-9_] become '_', a leading digit gets a '_' in front.
std::string apiSymbolOf(llvm::StringRef name);

/// Writes NAME.so (or .a), .weights, .h, .json and .tokenizer from `module`,
/// which convert-winnow-to-cpu lowered and the pipeline brought to the LLVM
/// dialect. Each file appears under its name only when all are complete.
llvm::Error emitArtifact(mlir::ModuleOp module, const Checkpoint *checkpoint,
                         const cpu::Target &target, ArtifactOptions options);

} // namespace winnow

#endif // WINNOW_EMIT_ARTIFACT_H
