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

#include <limits>
#include <optional>
#include <string>
#include <vector>

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

/// What runs between two barriers of a program.
struct StageTime {
  std::string name;
  /// The params that it reads.
  std::vector<std::string> weights;
  double seconds = 0;
};

/// A part of a workload: "prefill" of a prompt of 512 tokens and "decode" of 64
/// behind it, or "encode" of 8 texts of 128 tokens; less where a session holds
/// less.
struct PhaseTime {
  std::string name;
  double seconds = 0;
  std::vector<StageTime> stages;
};
using RunTime = std::vector<PhaseTime>;

/// Of all phases.
double getSeconds(const RunTime &time);

/// What each stage of a phase belongs to, by `ownerOf` of the params that it
/// reads last (-1: nothing). A stage that reads none goes with the one in front
/// of it.
llvm::SmallVector<int>
findOwners(const PhaseTime &phase,
           llvm::function_ref<int(llvm::StringRef param)> ownerOf);

/// The same candidate always gets the same answer. Candidates are programs of
/// whole modules in the state in which recipes find them, and are left alone.
class Evaluator {
public:
  virtual ~Evaluator();

  /// On about `share` of the texts, above 0. Where a program prunes prompts,
  /// half of each window is one, and what follows counts. With `time`, the
  /// candidate also runs its workload, if its divergence is less than
  /// `timedBelow`.
  virtual llvm::Expected<Quality>
  evaluate(mlir::ModuleOp candidate, double share = 1, RunTime *time = nullptr,
           double timedBelow = std::numeric_limits<double>::infinity()) = 0;

  /// What the workload of a candidate takes, whatever its weights hold: the
  /// mean of runs in several places of memory, phase by phase in turn with the
  /// reference, and as if the machine were always as fast as when that was
  /// timed first.
  virtual llvm::Expected<RunTime> time(mlir::ModuleOp candidate) = 0;

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
