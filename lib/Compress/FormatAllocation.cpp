//===- FormatAllocation.cpp - Formats under a budget ----------------------===//

#include "FormatAllocation.h"

#include "llvm/ADT/STLExtras.h"

#include <array>
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
  size_t place; ///< among all steps, as they were found
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
  // One gains more than the other loses. Of the losses that make enough room
  // for a gain, the least is the best: losses are sorted by how much they grow,
  // and of those so far the least two of different weights are kept.
  struct Move {
    int64_t growth;
    double loss;
    size_t weight;
    unsigned to;
  };
  SmallVector<Move> gains, losses;
  for (size_t weight = 0; weight < weights.size(); ++weight)
    for (unsigned to = 0; to < weights[weight].size(); ++to)
      if (to != allocation.chosen[weight]) {
        Move move = {growthOf(weight, to), -gainOf(weight, to), weight, to};
        (move.loss < 0 ? gains : losses).push_back(move);
      }
  sort(losses, [](const Move &a, const Move &b) {
    return std::tie(a.growth, a.loss, a.weight, a.to) <
           std::tie(b.growth, b.loss, b.weight, b.to);
  });
  SmallVector<std::array<const Move *, 2>> least;
  std::array<const Move *, 2> best = {};
  for (const Move &loss : losses) {
    if (!best[0] || loss.loss < best[0]->loss) {
      if (best[0] && best[0]->weight != loss.weight)
        best[1] = best[0];
      best[0] = &loss;
    } else if (loss.weight != best[0]->weight &&
               (!best[1] || loss.loss < best[1]->loss)) {
      best[1] = &loss;
    }
    least.push_back(best);
  }
  int64_t room = int64_t(budget - allocation.size) + kSlack;
  SmallVector<std::tuple<double, const Move *, const Move *>> changes;
  for (const Move &gain : gains) {
    auto *end = llvm::upper_bound(
        losses, room - gain.growth,
        [](int64_t most, const Move &loss) { return most < loss.growth; });
    if (end == losses.begin())
      continue;
    for (const Move *loss : least[end - losses.begin() - 1])
      // Sums of errors fall in earnest, so that this comes to an end.
      if (loss && loss->weight != gain.weight &&
          loss->loss < -gain.loss * (1 - 1e-9)) {
        changes.emplace_back(loss->loss + gain.loss, &gain, loss);
        break;
      }
  }
  sort(changes, [](const auto &a, const auto &b) {
    return std::get<0>(a) < std::get<0>(b);
  });
  return any_of(changes, [&](const auto &change) {
    auto [error, gain, loss] = change;
    return tryChange({{gain->weight, gain->to}, {loss->weight, loss->to}});
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
        next = HullStep{price, weight, to, error, steps.size()};
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
  sort(steps, [](const HullStep &a, const HullStep &b) {
    return std::tie(a.price, a.place) < std::tie(b.price, b.place);
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
