//===- Prices.h - What the options of a search cost -------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_SEARCH_PRICES_H
#define WINNOW_LIB_COMPRESS_SEARCH_PRICES_H

#include "../FormatChoices.h"
#include "PhaseShares.h"

#include "winnow/Analysis/Evaluator.h"
#include "winnow/Analysis/Layers.h"

#include "llvm/ADT/StringSet.h"

namespace winnow {

/// A weight that may change: its options with the time that they take, and the
/// layer that it belongs to.
struct PricedWeight {
  llvm::SmallVector<double> seconds; ///< of each option
  unsigned owner = 0;                ///< of Prices::owners
};

/// What errors of matrices are taken together as: a layer, or a matrix that
/// stands in none.
struct Owner {
  std::string name;
  /// Divergence for one error of its matrices.
  double worth = 1;
};

/// A layer that may go.
struct PricedLayer {
  Granularity granularity;
  int64_t number;
  std::string name;
  /// What goes with it.
  llvm::StringSet<> params;
  /// Of stages that multiply no matrix.
  double otherSeconds = 0;
  double divergence = 0;
};

/// A pass on the whole model. It costs the same whatever else is done.
struct PricedChange {
  std::string pass;
  /// What it saves: time of stages that multiply no matrix, time of all stages,
  /// which have fewer rows, or matrices, of which it leaves a part.
  enum class Saves { Others, Rows, Matrices } saves = Saves::Others;
  /// Attention layers in front of this one have to stay.
  int64_t firstFreeAttention = 0;
  /// Of stages that multiply no matrix.
  double savedSeconds = 0;
  /// What products with matrices take of what they took.
  double matrixShare = 1;
  /// What is left of weights that become smaller, by name.
  llvm::StringMap<double> shares;
  double divergence = 0;

  /// Of the passes with one name a plan has one at most.
  llvm::StringRef getName() const {
    return llvm::StringRef(pass).take_until([](char c) { return c == '{'; });
  }
  /// What it counts beside its divergence. What tokens that leave cost differs
  /// more from text to text than what rounding costs, and a search sees little
  /// of it, so that it counts three times.
  double caution() const { return saves == Saves::Rows ? 2 * divergence : 0; }
  double shareOf(llvm::StringRef weight) const {
    auto found = shares.find(weight);
    return found == shares.end() ? 1 : found->second;
  }
  bool allows(const PricedLayer &layer) const {
    return layer.granularity != Granularity::Attention ||
           layer.number >= firstFreeAttention;
  }
};

/// All prices. Divergences and times are filled in by the search.
class Prices {
public:
  explicit Prices(mlir::ModuleOp module) : choices(module, "--budget") {}

  mlir::LogicalResult collect(mlir::ModuleOp module,
                              llvm::ArrayRef<const NumberFormat *> targets);

  /// Takes the times of a run in which every weight that can has the format
  /// `target`; null: of the model as it is.
  void takeTimes(const RunTime &time, const NumberFormat *target);
  /// Seconds of the stages that multiply matrices, and of the others.
  std::pair<double, double> sumStages(const RunTime &time);
  /// Options without a time get that of the weight as it is.
  void fillTimes();

  FormatChoices choices;
  std::vector<PricedWeight> weights; ///< like those of `choices`
  std::vector<Owner> owners;
  std::vector<PricedLayer> layers;
  std::vector<PricedChange> changes;
  /// Of the model as it is.
  double seconds = 0;

private:
  PhaseShares divide(const PhaseTime &phase);
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SEARCH_PRICES_H
