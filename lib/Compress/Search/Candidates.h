//===- Candidates.h - Programs that a search runs ---------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_SEARCH_CANDIDATES_H
#define WINNOW_LIB_COMPRESS_SEARCH_CANDIDATES_H

#include "winnow/Analysis/WeightPlanner.h"
#include "winnow/Compress/BudgetSearch.h"

namespace winnow {

/// How a candidate is measured.
struct Measurement {
  /// It is timed if its divergence is less.
  double timedBelow = std::numeric_limits<double>::infinity();
  /// Of the texts.
  double share = 1;
  bool isSized = true;

  /// Of what is compared with others of its kind: half of the texts, no time
  /// and no size.
  static Measurement ofChange() {
    return {-std::numeric_limits<double>::infinity(), 0.5, /*isSized=*/false};
  }
};

/// Makes programs of a model by passes, runs them, and says how many.
class Candidates {
public:
  /// All outlive this object.
  Candidates(mlir::ModuleOp module, Evaluator &evaluator,
             WeightPlanner &planner)
      : module(module), evaluator(evaluator), planner(planner) {}

  mlir::InFlightDiagnostic fail() { return emitError(module.getLoc()); }

  /// About this many runs will follow.
  void plan(int64_t runs) { planned = made + runs; }
  /// Says what is done before the first run, and what the next run is. Both
  /// fail where the user wants to stop.
  mlir::LogicalResult prepare(llvm::StringRef what);
  mlir::LogicalResult advance(llvm::StringRef what);

  mlir::FailureOr<SearchedPlan> measure(llvm::ArrayRef<std::string> passes,
                                        const Measurement &how);
  mlir::FailureOr<RunTime> time(llvm::ArrayRef<std::string> passes);
  /// The weights of the program, without a run.
  mlir::FailureOr<std::vector<PlannedWeight>>
  planWeights(llvm::ArrayRef<std::string> passes);

private:
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
  change(llvm::ArrayRef<std::string> passes);
  mlir::FailureOr<std::vector<PlannedWeight>>
  planWeights(mlir::ModuleOp candidate);

  mlir::ModuleOp module;
  Evaluator &evaluator;
  WeightPlanner &planner;
  int64_t made = 0, planned = 1;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SEARCH_CANDIDATES_H
