//===- TextEvaluator.h - How good a candidate is on texts -------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_TEXTEVALUATOR_H
#define WINNOW_LIB_DRIVER_TEXTEVALUATOR_H

#include "RunningProgram.h"
#include "SourceTexts.h"
#include "TemporaryFolder.h"
#include "Workload.h"

#include "winnow/Analysis/Evaluator.h"
#include "winnow/Client/Scores.h"
#include "winnow/Emit/TensorCache.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include "mlir/IR/OperationSupport.h"

#include <cmath>

namespace winnow {

/// Compiles candidates as a model is compiled by default, runs them on texts
/// and compares what they give with what the model itself gives. The model is
/// compiled and run once, when the first candidate comes; its results are kept.
class TextEvaluator : public Evaluator {
public:
  /// Reads the texts of `options.evaluate`, or takes what the statistics of
  /// `model` have of the calibration's; null if there is neither. That is
  /// `known`, which may be null, if it measures the same of the same model.
  /// `model` outlives the evaluator.
  static llvm::Expected<std::unique_ptr<TextEvaluator>>
  create(const LoadedModel &model, const CompileOptions &options,
         std::unique_ptr<TextEvaluator> known = nullptr);

  llvm::Expected<Quality> evaluate(mlir::ModuleOp candidate, double share = 1,
                                   RunTime *time = nullptr,
                                   double timedBelow = INFINITY) override;
  llvm::Expected<RunTime> time(mlir::ModuleOp candidate) override;
  llvm::Expected<llvm::StringMap<float>>
  observeSimilarity(mlir::ModuleOp candidate) override;
  bool advance(llvm::StringRef what, double done) override;

  /// Whether the user wanted to stop.
  bool isCancelled() const { return cancelled; }

  /// What weights of candidates became; null before the first one.
  TensorCache *getCache() { return cache.get(); }

private:
  TextEvaluator(const LoadedModel &model, const CompileOptions &options,
                SourceTexts texts);

  /// Whether it would be made of these again.
  bool serves(const CompileOptions &options, const SourceTexts &texts) const;
  llvm::Error loadTokenizer();
  /// Tokens of each text.
  int64_t getLimit() const;
  llvm::Expected<RunningProgram> start(mlir::ModuleOp module,
                                       bool sampled = false);
  llvm::Expected<RunningProgram> startCandidate(mlir::ModuleOp module,
                                                bool sampled);
  llvm::Error runReference();
  llvm::Error cutTexts(const RunningProgram &reference);
  llvm::Expected<Quality> scoreDecoder(const RunningProgram &candidate,
                                       double share);
  llvm::Expected<Quality> scoreEncoder(const RunningProgram &candidate);
  /// Logits of some tokens, what follows them, and how many tokens of all
  /// windows are in front of them.
  struct Prediction {
    const float *logits = nullptr;
    llvm::ArrayRef<int32_t> next;
    size_t first = 0;
  };
  /// Calls `take` with the predictions of a share of the windows: all, or with
  /// `hasPrompts` those behind the first half of each, which is a prompt.
  llvm::Error
  forEachLogits(const RunningProgram &program, double share, bool hasPrompts,
                llvm::function_ref<llvm::Error(const Prediction &)> take) const;
  llvm::Expected<RunTime> timeOnce(const RunningProgram &program,
                                   Workload &other);
  llvm::Expected<RunTime> runWorkload(const RunningProgram &program);
  /// A row for each text, or for each token of a model that does not pool.
  llvm::Error encode(const RunningProgram &program,
                     std::vector<float> &rows) const;

  const LoadedModel &model;
  /// Of the model when it became the reference.
  mlir::OperationFingerPrint fingerPrint;
  CompileOptions options;
  SourceTexts texts;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<TemporaryFolder> folder;
  std::unique_ptr<TensorCache> cache;
  /// What is being done, as `advance` heard last.
  std::string what;
  double done = 0;
  bool cancelled = false;

  /// What it gave follows.
  std::optional<RunningProgram> reference;
  RunTime referenceTime;
  std::vector<std::vector<int32_t>> windows; ///< decoders
  std::vector<std::string> lines;            ///< encoders
  std::vector<float> rows;
  std::vector<client::LogSum> sums; ///< decoders
  int64_t vocabulary = 0, width = 0, context = 0;
  int32_t threads = 1;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_TEXTEVALUATOR_H
