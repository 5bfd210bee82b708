//===- Prices.cpp - What the options of a search cost ---------------------===//

#include "Prices.h"

#include "../LayerRemover.h"

#include <cmath>

using namespace mlir;

namespace winnow {

LogicalResult Prices::collect(ModuleOp module,
                              ArrayRef<const NumberFormat *> targets) {
  if (failed(choices.collect(targets, "", "")) || failed(choices.plan()) ||
      failed(choices.measure()))
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

/// The option of a weight in a program whose matrices all have the format
/// `target` (null: are as they were), if it is one of its own.
static std::optional<unsigned> findOption(const ChoosableWeight &weight,
                                          const NumberFormat *target) {
  if (!target)
    return weight.getPresentOption();
  auto type = cast<RankedTensorType>(weight.matrix.getOriginal().getType());
  const NumberFormat *fitting =
      findFittingFormat(target, type.getShape().back());
  for (auto [number, option] : llvm::enumerate(weight.options))
    if (option.format == fitting)
      return number;
  return std::nullopt;
}

void Prices::takeTimes(const RunTime &time, const NumberFormat *target) {
  llvm::StringMap<size_t> numbers;
  for (auto [number, weight] : llvm::enumerate(choices.getWeights()))
    numbers[ParamOp(weight.matrix.getParam()).getSymName()] = number;
  auto elementsOf = [&](size_t number) {
    return static_cast<double>(
        cast<RankedTensorType>(
            choices.getWeights()[number].matrix.getRead().getType())
            .getNumElements());
  };
  SmallVector<double> sums(weights.size(), 0);
  auto layerOf = [&](StringRef param) {
    for (auto [number, layer] : llvm::enumerate(layers))
      if (layer.params.contains(param))
        return static_cast<int>(number);
    return -1;
  };
  for (const PhaseTime &phase : time)
    for (auto [stage, layer] :
         llvm::zip_equal(phase.stages, findOwners(phase, layerOf))) {
      double elements = 0;
      for (const std::string &name : stage.weights)
        if (auto number = numbers.find(name); number != numbers.end())
          elements += elementsOf(number->second);
      for (const std::string &name : stage.weights)
        if (auto number = numbers.find(name); number != numbers.end())
          sums[number->second] +=
              stage.seconds * elementsOf(number->second) / elements;
      if (!target && elements == 0 && layer >= 0)
        layers[layer].otherSeconds += stage.seconds;
    }
  for (auto [priced, weight, sum] :
       llvm::zip_equal(weights, choices.getWeights(), sums))
    if (std::optional<unsigned> option = findOption(weight, target))
      priced.seconds[*option] = sum;
}

void Prices::fillTimes() {
  for (auto [priced, weight] : llvm::zip_equal(weights, choices.getWeights()))
    for (double &seconds : priced.seconds)
      if (std::isnan(seconds))
        seconds = priced.seconds[weight.getPresentOption()];
}

} // namespace winnow
