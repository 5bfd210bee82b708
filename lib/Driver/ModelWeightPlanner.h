//===- ModelWeightPlanner.h - How large weights become ----------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_MODELWEIGHTPLANNER_H
#define WINNOW_LIB_DRIVER_MODELWEIGHTPLANNER_H

#include "winnow/Analysis/WeightPlanner.h"
#include "winnow/Driver/LoadedModel.h"

namespace winnow {

/// Lowers copies of programs until their weights have the types that kernels
/// read.
class ModelWeightPlanner : public WeightPlanner {
public:
  /// `model` outlives the planner.
  explicit ModelWeightPlanner(const LoadedModel &model) : model(model) {}

  llvm::Expected<std::vector<PlannedWeight>>
  plan(mlir::ModuleOp module) override;
  llvm::Expected<uint64_t>
  getFileSize(llvm::ArrayRef<PlannedWeight> weights) override;

private:
  const LoadedModel &model;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_MODELWEIGHTPLANNER_H
