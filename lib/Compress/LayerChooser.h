//===- LayerChooser.h - Which layers a model misses least -------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_LAYERCHOOSER_H
#define WINNOW_LIB_COMPRESS_LAYERCHOOSER_H

#include "winnow/Analysis/Layers.h"
#include "winnow/Analysis/Services.h"
#include "winnow/Analysis/Statistics.h"

namespace winnow {

/// A metric by which layers are chosen.
struct LayerMetric {
  llvm::StringLiteral name;
  /// A statistic, the metric being offset + sign * statistic; the least of
  /// order * metric goes first. Empty: what candidates without the layer cost,
  /// as the evaluator says.
  llvm::StringLiteral statistic;
  double offset, sign, order;

  bool isMeasured() const { return statistic.empty(); }
  /// The metric called `name`, or null.
  static const LayerMetric *lookup(llvm::StringRef name);
};

/// A group of layers that goes, and why.
struct LayerChoice {
  int64_t number;
  std::string reason;
};

/// Chooses `count` of the groups that may go. One by one: after each, what is
/// left is measured again.
class LayerChooser {
public:
  /// `groups` are all of `function` by `granularity`. What is measured needs an
  /// evaluator.
  LayerChooser(mlir::func::FuncOp function, llvm::ArrayRef<LayerGroup> groups,
               llvm::StringRef granularity, const LayerMetric &metric,
               bool oneByOne);

  mlir::FailureOr<llvm::SmallVector<LayerChoice>>
  choose(llvm::ArrayRef<int64_t> allowed, int64_t count);

private:
  /// A group, and the value of the metric.
  struct Ranked {
    double value;
    int64_t number;
    std::string what; ///< the value in words
  };

  mlir::FailureOr<llvm::SmallVector<Ranked>>
  rank(llvm::ArrayRef<int64_t> remaining);
  mlir::FailureOr<double> lookUp(int64_t number);
  mlir::LogicalResult observe();
  mlir::FailureOr<Ranked> measure(int64_t number);
  /// A copy of the module without the groups that went, and without `number`
  /// if it is not negative.
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
  makeCandidate(int64_t number);
  mlir::InFlightDiagnostic fail();
  mlir::LogicalResult advance(int64_t number);

  mlir::func::FuncOp function;
  llvm::ArrayRef<LayerGroup> groups;
  llvm::StringRef granularity;
  const LayerMetric &metric;
  bool oneByOne;
  Evaluator *evaluator;
  Statistics statistics;
  llvm::SmallVector<int64_t> gone;
  /// What the evaluator observed of what is left.
  llvm::StringMap<float> observed;
  /// Candidates so far, and in all.
  int64_t made = 0, planned = 0;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_LAYERCHOOSER_H
