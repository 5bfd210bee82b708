//===- ModelWeightPlanner.cpp - How large weights become ------------------===//

#include "ModelWeightPlanner.h"

#include "winnow/Emit/Weights.h"

#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace winnow {

Expected<std::vector<PlannedWeight>>
ModelWeightPlanner::plan(mlir::ModuleOp module) {
  Expected<std::unique_ptr<LoadedModel>> copy = model.copyWith(module);
  if (!copy)
    return copy.takeError();
  if (Error error = (*copy)->layOutWeights())
    return std::move(error);
  std::vector<PlannedWeight> planned;
  for (const LoweredWeight &weight : getLoweredWeights((*copy)->getModule())) {
    WeightTensor tensor = describeTensor(weight);
    PlannedWeight &added = planned.emplace_back();
    added.name = tensor.name;
    added.isFloat = tensor.type == WeightTensor::Type::F32;
    added.shape = tensor.shape;
    added.bytes = alignTo(weight.size, kWeightAlignment);
  }
  return planned;
}

Expected<uint64_t>
ModelWeightPlanner::getFileSize(ArrayRef<PlannedWeight> weights) {
  std::vector<WeightTensor> tensors;
  for (const PlannedWeight &weight : weights) {
    WeightTensor &tensor = tensors.emplace_back();
    tensor.name = weight.name;
    tensor.type =
        weight.isFloat ? WeightTensor::Type::F32 : WeightTensor::Type::U8;
    tensor.shape = weight.shape;
  }
  return WeightsArchive::getFileSize(std::move(tensors));
}

} // namespace winnow
