//===- FormatAllocation.cpp - Formats under a budget ----------------------===//

#include "FormatAllocation.h"

#include "llvm/ADT/STLExtras.h"

#include <optional>
#include <tuple>

using namespace llvm;
using namespace winnow;

namespace {

/// From one option of a weight to a smaller one.
struct HullStep {
  double price; ///< error per byte saved
  size_t weight;
  unsigned to;
  double error; ///< how much it rises
};

/// Options that some weights would change to, and what comes of it.
struct Change {
  double error = 0;
  SmallVector<std::pair<size_t, unsigned>, 2> to;
};

/// Spends what is left of a budget.
class Refinement {
public:
  Refinement(ArrayRef<SmallVector<FormatOption>> weights, uint64_t budget,
             function_ref<uint64_t(ArrayRef<unsigned>)> sizeOf,
             FormatAllocation &allocation)
      : weights(weights), budget(budget), sizeOf(sizeOf),
        allocation(allocation) {}

  void run() {
    while (improveOne() || improvePair())
      ;
  }

private:
  const FormatOption &now(size_t weight) const {
    return weights[weight][allocation.chosen[weight]];
  }
  int64_t growthOf(size_t weight, unsigned to) const {
    return int64_t(weights[weight][to].bytes) - int64_t(now(weight).bytes);
  }
  double gainOf(size_t weight, unsigned to) const {
    return now(weight).error - weights[weight][to].error;
  }
  /// Takes the change if the file fits then.
  bool tryChange(ArrayRef<std::pair<size_t, unsigned>> to);
  bool improveOne();
  bool improvePair();

  ArrayRef<SmallVector<FormatOption>> weights;
  uint64_t budget;
  function_ref<uint64_t(ArrayRef<unsigned>)> sizeOf;
  FormatAllocation &allocation;
};

} // namespace

bool Refinement::tryChange(ArrayRef<std::pair<size_t, unsigned>> to) {
  SmallVector<unsigned> changed = allocation.chosen;
  for (auto [weight, option] : to)
    changed[weight] = option;
  uint64_t size = sizeOf(changed);
  if (size > budget)
    return false;
  allocation.chosen = std::move(changed);
  allocation.size = size;
  return true;
}

/// What lies around the bytes of options may shrink by as much.
static constexpr int64_t kSlack = 4096;

bool Refinement::improveOne() {
  SmallVector<std::tuple<double, size_t, unsigned>> changes;
  int64_t room = int64_t(budget - allocation.size) + kSlack;
  for (size_t weight = 0; weight < weights.size(); ++weight)
    for (unsigned to = 0; to < weights[weight].size(); ++to)
      if (gainOf(weight, to) > 0 && growthOf(weight, to) <= room)
        changes.emplace_back(-gainOf(weight, to), weight, to);
  sort(changes);
  return any_of(changes, [&](const auto &change) {
    return tryChange({{std::get<1>(change), std::get<2>(change)}});
  });
}

bool Refinement::improvePair() {
  // One gains more than the other loses.
  SmallVector<std::tuple<double, size_t, unsigned, size_t, unsigned>> changes;
  int64_t room = int64_t(budget - allocation.size) + kSlack;
  for (size_t first = 0; first < weights.size(); ++first)
    for (unsigned to = 0; to < weights[first].size(); ++to) {
      double gain = gainOf(first, to);
      if (gain <= 0)
        continue;
      for (size_t second = 0; second < weights.size(); ++second)
        for (unsigned other = 0; other < weights[second].size(); ++other) {
          double loss = -gainOf(second, other);
          // Sums of errors fall in earnest, so that this comes to an end.
          if (second != first && loss < gain * (1 - 1e-9) &&
              growthOf(first, to) + growthOf(second, other) <= room)
            changes.emplace_back(loss - gain, first, to, second, other);
        }
    }
  sort(changes);
  return any_of(changes, [&](const auto &change) {
    auto [error, first, to, second, other] = change;
    return tryChange({{first, to}, {second, other}});
  });
}

/// The steps of a weight from its least error on; `start` becomes that option.
static void addHullSteps(size_t weight, ArrayRef<FormatOption> options,
                         unsigned &start, SmallVectorImpl<HullStep> &steps) {
  start = 0;
  for (unsigned i = 1; i < options.size(); ++i)
    if (std::tie(options[i].error, options[i].bytes) <
        std::tie(options[start].error, options[start].bytes))
      start = i;
  for (unsigned at = start;;) {
    std::optional<HullStep> next;
    for (unsigned to = 0; to < options.size(); ++to) {
      if (options[to].bytes >= options[at].bytes)
        continue;
      double error = options[to].error - options[at].error;
      double price = error / double(options[at].bytes - options[to].bytes);
      if (!next || price < next->price ||
          (price == next->price && options[to].bytes < options[next->to].bytes))
        next = HullStep{price, weight, to, error};
    }
    if (!next)
      return;
    steps.push_back(*next);
    at = next->to;
  }
}

FormatAllocation winnow::allocateFormats(
    ArrayRef<SmallVector<FormatOption>> weights, uint64_t budget,
    function_ref<uint64_t(ArrayRef<unsigned>)> sizeOf, bool spendsAll) {
  FormatAllocation allocation;
  allocation.chosen.resize(weights.size());
  SmallVector<HullStep> steps;
  for (auto [weight, options] : enumerate(weights))
    addHullSteps(weight, options, allocation.chosen[weight], steps);
  // Prices rise along a hull, so the steps of a weight stay in order.
  stable_sort(steps, [](const HullStep &a, const HullStep &b) {
    return a.price < b.price;
  });
  allocation.size = sizeOf(allocation.chosen);
  for (const HullStep &step : steps) {
    if (allocation.size <= budget)
      break;
    allocation.chosen[step.weight] = step.to;
    allocation.size = sizeOf(allocation.chosen);
    allocation.bound = step.error;
    allocation.price = step.price;
  }
  if (spendsAll && allocation.size <= budget)
    Refinement(weights, budget, sizeOf, allocation).run();
  return allocation;
}
