//===- Prices.cpp - What the options of a search cost ---------------------===//

#include "Prices.h"

#include "Changes.h"

#include "../LayerRemover.h"

#include "llvm/ADT/MapVector.h"

#include <cmath>

using namespace mlir;

namespace winnow {

LogicalResult Prices::collect(ModuleOp module,
                              ArrayRef<const NumberFormat *> targets) {
  if (failed(choices.collect(targets, "", "")) || failed(choices.plan()) ||
      failed(choices.measure(/*fits=*/true)))
    return failure();
  llvm::StringMap<unsigned> numbers;
  for (const ChoosableWeight &weight : choices.getWeights()) {
    // The name of the weight, then those of layers that read it.
    SmallVector<StringRef> names = weight.matrix.getNames();
    StringRef name = names.size() > 1 ? names[1] : names[0];
    auto [known, fresh] = numbers.try_emplace(name, owners.size());
    if (fresh)
      owners.push_back({name.str()});
    PricedWeight &priced = weights.emplace_back();
    priced.owner = known->second;
    priced.seconds.assign(weight.options.size(), std::nan(""));
  }
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.getOps<LayerOp>().empty())
      functions.push_back(function);
  changes = proposeChanges(module, functions);
  // Numbers of layers are those of each function.
  if (functions.size() != 1)
    return success();
  llvm::StringMap<unsigned> uses;
  module.walk([&](ParamRefOp use) { ++uses[use.getParam()]; });
  for (Granularity granularity : {Granularity::Attention, Granularity::Mlp})
    for (auto [number, group] :
         llvm::enumerate(groupLayers(functions.front(), granularity))) {
      PricedLayer &layer = layers.emplace_back();
      layer.granularity = granularity;
      layer.number = static_cast<int64_t>(number);
      layer.name = getGroupName(group);
      for (LayerOp op : group)
        for (const auto &param : usedParams(op))
          if (uses.lookup(param.getKey()) == 1)
            layer.params.insert(param.getKey());
    }
  return success();
}

PhaseShares Prices::divide(const PhaseTime &phase) {
  llvm::StringMap<double> elements;
  for (ChoosableWeight &weight : choices.getWeights()) {
    auto type = cast<RankedTensorType>(weight.matrix.getRead().getType());
    elements[ParamOp(weight.matrix.getParam()).getSymName()] =
        static_cast<double>(type.getNumElements());
  }
  return PhaseShares::divide(
      phase, [&](StringRef param) { return elements.lookup(param); },
      [&](StringRef param) {
        for (auto [number, layer] : llvm::enumerate(layers))
          if (layer.params.contains(param))
            return static_cast<int>(number);
        return -1;
      });
}

std::pair<double, double> Prices::sumStages(const RunTime &time) {
  double matrices = 0, others = 0;
  for (const PhaseTime &phase : time) {
    PhaseShares shares = divide(phase);
    for (const auto &entry : shares.matrices)
      matrices += entry.second;
    for (auto [layer, seconds] : shares.layers)
      others += seconds;
  }
  return {matrices, others};
}

void Prices::takeTimes(const RunTime &time, const NumberFormat *target) {
  llvm::StringMap<double> sums;
  for (const PhaseTime &phase : time) {
    PhaseShares shares = divide(phase);
    for (const auto &[name, seconds] : shares.matrices)
      sums[name] += seconds;
    for (auto [layer, seconds] : shares.layers)
      if (!target && layer >= 0)
        layers[layer].otherSeconds += seconds;
  }
  // Weights of one kind take the same: their mean, rather than what chance made
  // of each, which the cheapest would be chosen by.
  llvm::MapVector<Type, std::pair<double, int>> kinds;
  auto kindOf = [&](ChoosableWeight &weight) {
    auto type = cast<RankedTensorType>(weight.matrix.getRead().getType());
    return target
               ? RankedTensorType::get(type.getShape(), type.getElementType())
               : type;
  };
  for (ChoosableWeight &weight : choices.getWeights()) {
    auto &[seconds, count] = kinds[kindOf(weight)];
    seconds += sums.lookup(ParamOp(weight.matrix.getParam()).getSymName());
    ++count;
  }
  for (auto [priced, weight] : llvm::zip_equal(weights, choices.getWeights()))
    if (std::optional<unsigned> option = weight.findOption(target)) {
      auto [seconds, count] = kinds.lookup(kindOf(weight));
      priced.seconds[*option] = seconds / count;
    }
}

void Prices::fillTimes() {
  for (auto [priced, weight] : llvm::zip_equal(weights, choices.getWeights()))
    for (double &seconds : priced.seconds)
      if (std::isnan(seconds))
        seconds = priced.seconds[weight.getPresentOption()];
}

} // namespace winnow
