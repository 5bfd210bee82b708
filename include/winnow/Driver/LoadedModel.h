//===- LoadedModel.h - A model in the compiler ------------------*- C++ -*-===//
//
// What a user does with the compiler, without a command line: load a model,
// change it with passes, print it, compile it. winnow-compile and the C API
// (winnow/Compiler.h) are thin layers over this.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DRIVER_LOADEDMODEL_H
#define WINNOW_DRIVER_LOADEDMODEL_H

#include "winnow/Compress/BudgetSearch.h"
#include "winnow/Driver/CompileOptions.h"
#include "winnow/Import/Import.h"
#include "winnow/Import/StatisticsFile.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace winnow {

class TextEvaluator;

/// Takes a diagnostic of MLIR, its location in front. Never called from two
/// threads at a time.
using DiagnosticFunction =
    std::function<void(mlir::DiagnosticSeverity severity, llvm::StringRef)>;

struct LoadOptions {
  /// Tokens that a session can hold; 0: the default of the importer.
  int64_t context = 0;
  DiagnosticFunction diagnostic;
};

/// A module with the checkpoint that its params name. It belongs to one thread
/// at a time.
///
/// Errors are one line. Their codes tell what kind of failure it is:
/// std::errc::invalid_argument for an argument that makes no sense, another
/// one of the system for files, operation_canceled where `progress` said so,
/// and llvm::inconvertibleErrorCode() for a model that is malformed or not
/// supported.
class LoadedModel {
public:
  /// Reads a .gguf checkpoint (or the first file of a split set), a directory
  /// of Hugging Face or a .mlir program.
  static llvm::Expected<std::unique_ptr<LoadedModel>>
  load(llvm::StringRef path, const LoadOptions &options = {});
  ~LoadedModel();

  /// A model with a context of its own: a copy of `module`, which some passes
  /// have made of this one's, and the same checkpoint. It has no vocabulary,
  /// and no statistics but those that codes of weights are fitted to.
  llvm::Expected<std::unique_ptr<LoadedModel>>
  copyWith(mlir::ModuleOp module) const;

  mlir::ModuleOp getModule() const { return *model.module; }
  /// The checkpoint's vocabulary, if it has one.
  const std::optional<TokenizerData> &getTokenizer() const {
    return model.tokenizer;
  }

  /// Hexadecimal hash over the checkpoint, which statistics are bound to. A
  /// program without one has the hash of nothing.
  std::string computeContentHash() const;

  /// Reads a file of `calibrate` and gives it to passes, as an attribute of the
  /// module. Fails for statistics of another checkpoint.
  llvm::Error loadStatistics(llvm::StringRef path);

  /// What the statistics have of the texts that they are of.
  llvm::ArrayRef<std::string> getTextSample() const {
    return statistics ? statistics->getTextSample()
                      : llvm::ArrayRef<std::string>();
  }

  /// Runs passes, in the syntax of mlir-opt: "builtin.module(...)", or only
  /// what stands between the parentheses. On failure the module is as before.
  llvm::Error runPipeline(llvm::StringRef passes);

  /// Gives the weights the types that kernels read, as compiling would, and the
  /// module the attribute `winnow.weights`.
  llvm::Error layOutWeights();

  /// A recipe that keeps a budget (Compress/BudgetSearch.h). Needs statistics;
  /// candidates are measured on `options.evaluate`, or on the sample of texts
  /// that statistics have. Of `options`, the target, activations and threads
  /// are those that the recipe is for. What was measured stays in memory for
  /// the next search or compilation.
  llvm::Expected<SearchResult> search(const SearchOptions &search,
                                      const CompileOptions &options) const;

  /// Compiles a copy of the module to files that begin with `output`, or to the
  /// one file `output` ("-" is standard output), as `options.emit` says.
  llvm::Error compile(llvm::StringRef output,
                      const CompileOptions &options) const;

private:
  class Diagnostics;

  explicit LoadedModel(const LoadOptions &options);
  llvm::Error import(llvm::StringRef path, int64_t tokens);
  llvm::Error parse(llvm::StringRef path);
  /// Lets passes read the checkpoint.
  void giveCheckpoint();

  std::unique_ptr<mlir::MLIRContext> context;
  std::unique_ptr<Diagnostics> diagnostics;
  ImportedModel model;
  std::unique_ptr<StatisticsFile> statistics;
  std::string source; ///< name of the file, without folders
  /// Of the last search.
  mutable std::unique_ptr<TextEvaluator> evaluator;
};

/// Registers all passes and pipelines that change modules, and upstream's
/// general ones, once.
void registerModelPasses();

} // namespace winnow

#endif // WINNOW_DRIVER_LOADEDMODEL_H
