//===- Prices.cpp - What the options of a search cost ---------------------===//

#include "Prices.h"

#include "../LayerRemover.h"
#include "PhaseShares.h"

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

void Prices::takeTimes(const RunTime &time, const NumberFormat *target) {
  llvm::StringMap<size_t> numbers;
  for (auto [number, weight] : llvm::enumerate(choices.getWeights()))
    numbers[ParamOp(weight.matrix.getParam()).getSymName()] = number;
  auto elementsOf = [&](StringRef param) {
    auto number = numbers.find(param);
    if (number == numbers.end())
      return 0.0;
    MatrixParam &matrix = choices.getWeights()[number->second].matrix;
    return static_cast<double>(
        cast<RankedTensorType>(matrix.getRead().getType()).getNumElements());
  };
  auto layerOf = [&](StringRef param) {
    for (auto [number, layer] : llvm::enumerate(layers))
      if (layer.params.contains(param))
        return static_cast<int>(number);
    return -1;
  };
  SmallVector<double> sums(weights.size(), 0);
  for (const PhaseTime &phase : time) {
    PhaseShares shares = PhaseShares::divide(phase, elementsOf, layerOf);
    for (const auto &[name, seconds] : shares.matrices)
      sums[numbers.lookup(name)] += seconds;
    for (auto [layer, seconds] : shares.layers)
      if (!target && layer >= 0)
        layers[layer].otherSeconds += seconds;
  }
  for (auto [priced, weight, sum] :
       llvm::zip_equal(weights, choices.getWeights(), sums))
    if (std::optional<unsigned> option = weight.findOption(target))
      priced.seconds[*option] = sum;
}

void Prices::fillTimes() {
  for (auto [priced, weight] : llvm::zip_equal(weights, choices.getWeights()))
    for (double &seconds : priced.seconds)
      if (std::isnan(seconds))
        seconds = priced.seconds[weight.getPresentOption()];
}

} // namespace winnow
