//===- Drafts.h - Plans that should keep a budget ---------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_SEARCH_DRAFTS_H
#define WINNOW_LIB_COMPRESS_SEARCH_DRAFTS_H

#include "Plan.h"
#include "Prices.h"

namespace winnow {

/// What a plan may cost; infinity where there is no limit.
struct Limits {
  double bytes, seconds;
};

/// A plan with what is expected of it.
struct Draft {
  Plan plan;
  uint64_t bytes = 0;
  double seconds = 0, divergence = 0;
  /// Of that, what is not expected but feared (PricedChange).
  double caution = 0;
  /// How often it is as large, or takes as long, as the limits allow.
  double excess = 0;
  /// Divergence by owner (Prices::owners).
  llvm::SmallVector<double> shares;

  bool fits() const { return excess <= 1; }
};

class Drafts {
public:
  /// Both outlive this object.
  Drafts(const Prices &prices, WeightPlanner &planner)
      : prices(prices), planner(planner) {}

  /// The plan with the least divergence under `limits`, where what the matrices
  /// of an owner lose counts `factors` times. If none fits, one that is as
  /// small and fast as can be. Fails where the planner does.
  llvm::Expected<Draft> make(const Limits &limits,
                             llvm::ArrayRef<double> factors) const;

  /// The plan in which all matrices that can have the format `target`.
  llvm::Expected<Draft> makeUniform(const Limits &limits,
                                    llvm::ArrayRef<double> factors,
                                    const NumberFormat &target) const;

private:
  struct Weighing {
    double bytes, seconds; ///< of one unit of cost
  };

  /// What a draft changes beside formats.
  struct Outline {
    llvm::SmallVector<const PricedLayer *> gone;
    llvm::SmallVector<const PricedChange *> changes;
  };

  /// What is there without some layers.
  struct Rest {
    Outline outline;
    std::vector<PlannedWeight> file;
    /// In `file`, of each weight that there was.
    llvm::SmallVector<size_t> places;
    /// The weights that may change.
    llvm::SmallVector<size_t> staying;
    double seconds = 0; ///< of all but those
    /// What is left of each of those, and what products with rows take.
    llvm::SmallVector<double> shares;
    double matrixShare = 1;
  };

  Rest apply(const Outline &outline) const;
  /// The costs of a draft with the option `chosen` of each weight that stays.
  llvm::Error measure(Rest &rest, llvm::ArrayRef<unsigned> chosen,
                      const Limits &limits, Draft &draft) const;
  /// What it is, and what is lost by it.
  void write(const Rest &rest, llvm::ArrayRef<unsigned> chosen,
             llvm::ArrayRef<double> factors, Draft &draft) const;
  double lossOf(size_t weight, unsigned option,
                llvm::ArrayRef<double> factors) const;
  llvm::Expected<Draft> allocate(const Limits &limits,
                                 llvm::ArrayRef<double> factors,
                                 const Weighing &weighing,
                                 const Outline &outline, bool spendsAll) const;
  /// All sets of changes that a plan may have, the empty one first.
  std::vector<llvm::SmallVector<const PricedChange *>> combineChanges() const;
  llvm::SmallVector<const PricedLayer *>
  rankLayers(const Weighing &weighing) const;
  double savedBy(const PricedLayer &layer, const Weighing &weighing) const;
  /// Seconds of the matrices of a layer.
  double matrixSeconds(const PricedLayer &layer) const;

  const Prices &prices;
  WeightPlanner &planner;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SEARCH_DRAFTS_H
