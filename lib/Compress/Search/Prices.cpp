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

SmallVector<int> Prices::getOptions(const NumberFormat *target) const {
  SmallVector<int> options;
  for (const ChoosableWeight &weight : choices.getWeights()) {
    const NumberFormat *fitting = target;
    if (target)
      fitting = findFittingFormat(
          target, cast<RankedTensorType>(weight.matrix.getOriginal().getType())
                      .getShape()
                      .back());
    int found = -1;
    for (auto [number, option] : llvm::enumerate(weight.options))
      // What the numbers have already is an option of no target.
      if (target ? option.format == fitting : !option.target)
        found = static_cast<int>(number);
    options.push_back(found);
  }
  return options;
}

void Prices::takeTimes(const RunTime &time, ArrayRef<int> optionOf) {
  llvm::StringMap<size_t> numbers;
  for (auto [number, weight] : llvm::enumerate(choices.getWeights()))
    numbers[ParamOp(weight.matrix.getParam()).getSymName()] = number;
  auto elementsOf = [&](size_t number) {
    return static_cast<double>(
        cast<RankedTensorType>(
            choices.getWeights()[number].matrix.getRead().getType())
            .getNumElements());
  };
  bool isBefore = llvm::all_of(
      llvm::zip_equal(choices.getWeights(), optionOf), [](const auto &pair) {
        auto &[weight, option] = pair;
        return option < 0 || !weight.options[option].target;
      });
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
      if (isBefore && elements == 0 && layer >= 0)
        layers[layer].otherSeconds += stage.seconds;
    }
  for (auto [weight, option, sum] : llvm::zip_equal(weights, optionOf, sums))
    if (option >= 0)
      weight.seconds[option] = sum;
}

void Prices::fillTimes() {
  for (auto [weight, choosable] :
       llvm::zip_equal(weights, choices.getWeights())) {
    double present = 0;
    for (auto [seconds, option] :
         llvm::zip_equal(weight.seconds, choosable.options))
      if (!option.target && !std::isnan(seconds))
        present = seconds;
    for (double &seconds : weight.seconds)
      if (std::isnan(seconds))
        seconds = present;
  }
}

} // namespace winnow
