//===- CompileOptions.h - How a model is compiled ---------------*- C++ -*-===//

#ifndef WINNOW_DRIVER_COMPILEOPTIONS_H
#define WINNOW_DRIVER_COMPILEOPTIONS_H

#include "winnow/Driver/Recipe.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <string>
#include <vector>

namespace mlir {
class TimingScope;
} // namespace mlir

namespace winnow {

struct SearchResult;
class TensorCache;

/// What compiling writes, in the order in which it comes to be.
enum class EmitKind {
  Mlir,       ///< the imported model
  Compressed, ///< after lossy passes
  Inlined,    ///< bodies of layers in their entry points
  Layouts,    ///< weights in the layouts of kernels
  Kernels,
  LlvmDialect,
  Llvm,
  Assembly,
  Object,
  Static,
  Artifact
};

/// The kind called `name` on the command line.
llvm::Expected<EmitKind> parseEmitKind(llvm::StringRef name);

/// Whether activations are rounded in front of integer and bf16 kernels: "auto"
/// or "f32".
llvm::Expected<bool> parseActivations(llvm::StringRef name);

/// A number format that weights can be encoded in, or "keep".
llvm::Expected<std::string> parseWeights(llvm::StringRef name);

/// Several of these, separated by commas.
llvm::Expected<std::vector<std::string>>
parseFormatNames(llvm::StringRef names);

/// The name of a report's file.
llvm::Expected<std::string> parseReport(llvm::StringRef path);

/// A regular expression.
llvm::Expected<std::string> parseRegex(llvm::StringRef text);

/// Takes what is being done and how much of it (0 to 1); false stops the
/// compilation. Called from any thread, but never from two at a time.
using ProgressFunction = std::function<bool(llvm::StringRef step, double done)>;

/// The texts that candidates are measured on.
struct EvaluateOptions {
  /// Files of text; without any nothing can be measured. A decoder reads each
  /// as a whole, an encoder its lines, a text each.
  std::vector<std::string> texts;
  /// Tokens that a decoder sees together: it starts afresh after as many.
  int64_t window = 512;
  /// Tokens of all texts together, as many of the beginning of each. The
  /// logits of the reference are in memory for all of them.
  int64_t tokens = 1024;
};

struct CompileOptions {
  /// See cpu::Target::get.
  std::string targetCpu = "host";
  bool quantizeActivations = true;
  /// Passes that change the model before anything else, as readRecipe returns
  /// them. What they changed is told in the manifest.
  std::vector<RecipePass> recipe;
  /// What passes of the recipe that measure candidates do it on.
  EvaluateOptions evaluate;
  /// How weights are stored; see winnow-quantize-weights.
  std::string weights = "keep", weightsOnly, weightsSkip;
  EmitKind emit = EmitKind::Artifact;
  unsigned threads = 0; ///< 0: one per processor
  /// Debug information that names lines of NAME.kernels.mlir.
  bool debug = false;
  ProgressFunction progress;
  /// Passes (by the names of winnow-opt) after which the program is printed to
  /// standard error, or "all".
  std::vector<std::string> dumpAfter;
  /// A folder for what `dumpAfter` prints: a file per pass, numbered in the
  /// order in which they run.
  std::string dumpDirectory;
  /// Files for what became of the model, .html or .json, of an artifact (see
  /// docs/Reports.md). What is measured for them is measured on `evaluate`.
  std::vector<std::string> reports;
  /// The search that found the recipe, for the reports; may be null.
  const SearchResult *search = nullptr;
  /// A file for what passes say about their decisions, as LLVM's YAML remarks;
  /// empty for none.
  std::string remarks;
  /// Takes the time of each step; may be null.
  mlir::TimingScope *timing = nullptr;
  /// Of ArtifactOptions; the first may be null.
  TensorCache *cache = nullptr;
  bool sampled = false;
};

/// The passes that compiling with `options` runs, as winnow-opt's
/// --pass-pipeline takes them.
llvm::Expected<std::string> pipelineText(const CompileOptions &options,
                                         llvm::StringRef output);

} // namespace winnow

#endif // WINNOW_DRIVER_COMPILEOPTIONS_H
