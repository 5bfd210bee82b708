//===- Evaluator.h - How good a candidate is --------------------*- C++ -*-===//
//
// Passes that choose by a measurement make candidates, programs that a change
// leads to, and ask the evaluator about each. It compiles and runs them.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_ANALYSIS_EVALUATOR_H
#define WINNOW_ANALYSIS_EVALUATOR_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <optional>

namespace winnow {

/// How a candidate does on some texts, beside the reference: the model before
/// anything was changed.
struct Quality {
  /// Decoders: the mean of KL(reference || candidate) over the tokens, in nats.
  /// Encoders: the mean of 1 - cos over the texts.
  double divergence = 0;
  /// Of the candidate, a decoder.
  std::optional<double> perplexity;

  llvm::StringRef getDivergenceName() const {
    return perplexity ? "KL" : "cosine error";
  }
};

/// The same candidate always gets the same answer. Candidates are programs of
/// whole modules in the state in which recipes find them, and are left alone.
class Evaluator {
public:
  virtual ~Evaluator();

  virtual llvm::Expected<Quality> evaluate(mlir::ModuleOp candidate) = 0;

  /// The statistics `similarity` of a candidate on the texts, by their keys
  /// (Statistics.h).
  virtual llvm::Expected<llvm::StringMap<float>>
  observeSimilarity(mlir::ModuleOp candidate) = 0;

  /// Says what is being done, and how much of it (0 to 1). False where the user
  /// wants to stop: the pass then fails.
  virtual bool advance(llvm::StringRef what, double done) = 0;
};

} // namespace winnow

#endif // WINNOW_ANALYSIS_EVALUATOR_H
