//===- BudgetSearch.h - A recipe under a budget -----------------*- C++ -*-===//
//
// Chooses which layers go and in which format each matrix is stored, so that a
// model keeps its budget and says as much as possible what it said before. The
// choice is a recipe like any other.
//
//   1. Options are priced: sizes exactly (WeightPlanner), times from a run in
//      which all matrices have a format, stage by stage, errors as for
//      winnow-mixed-precision. What an error of the matrices of a layer is
//      worth, and a layer itself, is measured on half of the texts: the
//      divergence of the model in which nothing else is changed. Divergences
//      are taken to be sums. Where there are Gram matrices and that is better,
//      codes are fitted by GPTQ; how much less they lose than their errors say,
//      all of them in one model tell. Channels of MLPs that leave and, where
//      time is limited, smaller caches or tokens of an encoder that leave are
//      changes, each measured alone.
//   2. Layers go in the order of divergence by what they save; for each number
//      of them and each set of changes, formats are chosen greedily
//      (FormatAllocation.h). The best sum is the first plan.
//   3. Plans are run. What is off is corrected: times by other limits,
//      divergences by making layers dearer or cheaper, as long as the
//      divergence that is measured falls. The best plan with one format for all
//      is run too.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_COMPRESS_BUDGETSEARCH_H
#define WINNOW_COMPRESS_BUDGETSEARCH_H

#include "winnow/Analysis/Evaluator.h"
#include "winnow/Compress/Budget.h"

#include "mlir/IR/BuiltinOps.h"

namespace winnow {

struct SearchOptions {
  Budget budget;
  /// Formats to choose from beside what there is.
  std::vector<std::string> formats = {"bf16", "q8_0", "q6_k",   "q5_k",
                                      "q4_k", "q4_0", "iq4_nl", "q3_k"};
  /// Plans that are run at most, after the first that keeps the budget.
  unsigned rounds = 6;
};

/// A recipe, what was expected of it and what was measured.
struct SearchedPlan {
  std::vector<std::string> passes;
  uint64_t bytes = 0; ///< of NAME.weights
  double expectedDivergence = 0, divergence = 0;
  /// Nothing is expected where time is not limited: formats were not timed.
  std::optional<double> expectedSeconds;
  RunTime time;
};

struct SearchResult {
  /// The model as it was, with nothing expected.
  SearchedPlan before;
  SearchedPlan found;
  /// All plans that were run, in order.
  std::vector<SearchedPlan> tried;
  /// The recipe of `found` as a file, with comments that say what it is.
  std::string recipe;
};

/// Needs an evaluator, a planner (Analysis/Services.h) and statistics.
/// Candidates are made by the passes of their recipes, so that those have to be
/// registered.
mlir::FailureOr<SearchResult> searchUnderBudget(mlir::ModuleOp module,
                                                const SearchOptions &options);

} // namespace winnow

#endif // WINNOW_COMPRESS_BUDGETSEARCH_H
