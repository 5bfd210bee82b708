//===- Pricing.h - Runs that tell what options cost -------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_SEARCH_PRICING_H
#define WINNOW_LIB_COMPRESS_SEARCH_PRICING_H

#include "Candidates.h"
#include "Plan.h"
#include "Prices.h"

namespace winnow {

/// Fills in prices by running programs in which little is changed.
class Pricing {
public:
  /// All outlive this object. `targets` are formats; null, which stands for the
  /// present one, is left out.
  Pricing(mlir::ModuleOp module, Candidates &candidates, Prices &prices,
          llvm::ArrayRef<const NumberFormat *> targets)
      : module(module), candidates(candidates), prices(prices),
        targets(targets) {}

  /// About how many runs there will be.
  int64_t countRuns(bool timesFormats) const;

  /// The model as it is, which is timed, and what formats take.
  mlir::FailureOr<SearchedPlan> timeFormats(bool timesFormats);
  mlir::LogicalResult weighOwners();
  mlir::LogicalResult weighFittedCodes();
  mlir::LogicalResult weighLayers();
  /// Of changes, those that save enough of the time or of the file stay.
  mlir::LogicalResult weighChanges(const RunTime &before, bool timesChanges);

private:
  /// Divergence of the model with these matrices in another format, without
  /// what any change costs.
  mlir::FailureOr<double> weigh(llvm::ArrayRef<EncodedMatrix> matrices);
  mlir::LogicalResult weighFittedTable(size_t number);
  mlir::LogicalResult weighChange(PricedChange &change, const RunTime &before,
                                  bool timesChanges);
  /// What is left of weights, and whether that saves enough.
  mlir::FailureOr<bool> takeShares(PricedChange &change);
  void scaleFitted(ChoosableWeight &weight, double factor);

  mlir::ModuleOp module;
  Candidates &candidates;
  Prices &prices;
  llvm::ArrayRef<const NumberFormat *> targets;
  /// What the least change costs: activations are rounded in other places.
  double noise = 0;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SEARCH_PRICING_H
