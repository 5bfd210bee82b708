//===- Drafts.cpp - Plans that should keep a budget -----------------------===//

#include "Drafts.h"

#include "../FormatAllocation.h"

#include "llvm/ADT/MapVector.h"

#include <cmath>

using namespace mlir;

namespace winnow {

/// Costs of options are whole numbers: shares of the limits in this unit, but
/// bytes where only they are limited.
static constexpr double kUnits = 1e9;

double Drafts::matrixSeconds(const PricedLayer &layer) const {
  double seconds = 0;
  for (auto [weight, priced] :
       llvm::zip_equal(prices.choices.getWeights(), prices.weights)) {
    ParamOp param = weight.matrix.getParam();
    if (layer.params.contains(param.getSymName()))
      seconds += priced.seconds[weight.getPresentOption()];
  }
  return seconds;
}

double Drafts::savedBy(const PricedLayer &layer,
                       const Weighing &weighing) const {
  double bytes = 0;
  for (const PlannedWeight &weight : prices.choices.getFile())
    if (layer.params.contains(weight.name))
      bytes += static_cast<double>(weight.bytes);
  return bytes * weighing.bytes +
         (layer.otherSeconds + matrixSeconds(layer)) * weighing.seconds;
}

/// By divergence for what they save.
SmallVector<const PricedLayer *>
Drafts::rankLayers(const Weighing &weighing) const {
  SmallVector<std::pair<double, const PricedLayer *>> ranked;
  for (const PricedLayer &layer : prices.layers)
    if (double saved = savedBy(layer, weighing);
        saved > 0 && std::isfinite(layer.divergence))
      ranked.emplace_back(layer.divergence / saved, &layer);
  llvm::sort(ranked);
  return llvm::map_to_vector(ranked,
                             [](const auto &one) { return one.second; });
}

std::vector<SmallVector<const PricedChange *>> Drafts::combineChanges() const {
  llvm::MapVector<StringRef, SmallVector<const PricedChange *>> passes;
  for (const PricedChange &change : prices.changes)
    passes[change.getName()].push_back(&change);
  std::vector<SmallVector<const PricedChange *>> sets(1);
  for (const auto &entry : passes)
    for (size_t number = 0, count = sets.size(); number < count; ++number)
      for (const PricedChange *change : entry.second) {
        SmallVector<const PricedChange *> larger = sets[number];
        larger.push_back(change);
        sets.push_back(std::move(larger));
      }
  return sets;
}

/// A share of a weight. Blocks and what is between tensors make it a little
/// more.
static uint64_t narrow(uint64_t bytes, double share) {
  return static_cast<uint64_t>(std::ceil(static_cast<double>(bytes) * share));
}

Drafts::Rest Drafts::apply(const Outline &outline) const {
  auto leaves = [&](StringRef name) {
    return llvm::any_of(outline.gone, [&](const PricedLayer *layer) {
      return layer->params.contains(name);
    });
  };
  // What changes leave of a weight.
  auto shareOf = [&](StringRef name) {
    double share = 1;
    for (const PricedChange *change : outline.changes)
      share *= change->shareOf(name);
    return share;
  };
  Rest rest;
  rest.outline = outline;
  for (const PlannedWeight &weight : prices.choices.getFile()) {
    rest.places.push_back(rest.file.size());
    if (leaves(weight.name))
      continue;
    rest.file.push_back(weight);
    rest.file.back().bytes = narrow(weight.bytes, shareOf(weight.name));
  }
  rest.seconds = prices.seconds;
  for (const PricedChange *change : outline.changes) {
    rest.seconds -= change->savedSeconds;
    rest.matrixShare *= change->matrixShare;
  }
  for (const PricedLayer *layer : outline.gone)
    rest.seconds -= layer->otherSeconds + matrixSeconds(*layer);
  for (auto [number, weight] : llvm::enumerate(prices.choices.getWeights())) {
    ParamOp param = weight.matrix.getParam();
    if (leaves(param.getSymName()))
      continue;
    rest.seconds -= prices.weights[number].seconds[weight.getPresentOption()];
    rest.staying.push_back(number);
    rest.shares.push_back(shareOf(param.getSymName()));
  }
  return rest;
}

llvm::Error Drafts::measure(Rest &rest, ArrayRef<unsigned> chosen,
                            const Limits &limits, Draft &draft) const {
  draft.seconds = rest.seconds;
  for (auto [place, number, option] : llvm::enumerate(rest.staying, chosen)) {
    const ChoosableWeight &weight = prices.choices.getWeights()[number];
    double share = rest.shares[place];
    PlannedWeight &planned = rest.file[rest.places[weight.place]];
    planned = weight.options[option].planned;
    planned.bytes = narrow(planned.bytes, share);
    draft.seconds +=
        prices.weights[number].seconds[option] * (rest.matrixShare * share);
  }
  if (llvm::Error error = planner.getFileSize(rest.file).moveInto(draft.bytes))
    return error;
  draft.excess = std::max(static_cast<double>(draft.bytes) / limits.bytes,
                          draft.seconds / limits.seconds);
  return llvm::Error::success();
}

void Drafts::write(const Rest &rest, ArrayRef<unsigned> chosen,
                   ArrayRef<double> factors, Draft &draft) const {
  draft.shares.assign(prices.owners.size(), 0);
  for (auto [number, option] : llvm::zip_equal(rest.staying, chosen)) {
    const ChoosableWeight &weight = prices.choices.getWeights()[number];
    const FormatChoice &taken = weight.options[option];
    double loss = lossOf(number, option, factors);
    draft.shares[prices.weights[number].owner] += loss;
    draft.divergence += loss;
    ParamOp param = weight.matrix.getParam();
    if (taken.target)
      draft.plan.matrices.push_back(
          {param.getSymName(), taken.target->name, taken.isFitted()});
  }
  for (const PricedChange *change : rest.outline.changes) {
    draft.divergence += change->divergence + change->caution();
    draft.caution += change->caution();
    draft.plan.changes.push_back(change->pass);
  }
  for (const PricedLayer *layer : rest.outline.gone) {
    draft.divergence += layer->divergence;
    (layer->granularity == Granularity::Attention ? draft.plan.attention
                                                  : draft.plan.mlp)
        .push_back(layer->number);
  }
}

double Drafts::lossOf(size_t weight, unsigned option,
                      ArrayRef<double> factors) const {
  unsigned owner = prices.weights[weight].owner;
  return prices.choices.getWeights()[weight].options[option].leastError() *
         prices.owners[owner].worth * factors[owner];
}

llvm::Expected<Draft> Drafts::allocate(const Limits &limits,
                                       ArrayRef<double> factors,
                                       const Weighing &weighing,
                                       const Outline &outline,
                                       bool spendsAll) const {
  Rest rest = apply(outline);
  SmallVector<SmallVector<FormatOption>> options;
  for (auto [place, number] : llvm::enumerate(rest.staying)) {
    const ChoosableWeight &weight = prices.choices.getWeights()[number];
    SmallVector<FormatOption> &added = options.emplace_back();
    double share = rest.shares[place];
    for (auto [option, choice] : llvm::enumerate(weight.options)) {
      uint64_t bytes = narrow(choice.planned.bytes, share);
      double cost = static_cast<double>(bytes) * weighing.bytes +
                    prices.weights[number].seconds[option] *
                        (rest.matrixShare * share) * weighing.seconds;
      added.push_back({static_cast<uint64_t>(std::max(0.0, cost)),
                       lossOf(number, option, factors)});
    }
  }
  Draft draft;
  std::string failed;
  double unit = std::isfinite(limits.bytes) ? limits.bytes : kUnits;
  auto costOf = [&](ArrayRef<unsigned> chosen) {
    if (llvm::Error error = measure(rest, chosen, limits, draft))
      failed = llvm::toString(std::move(error));
    return static_cast<uint64_t>(std::max(0.0, std::ceil(draft.excess * unit)));
  };
  FormatAllocation allocation =
      allocateFormats(options, static_cast<uint64_t>(unit), costOf, spendsAll);
  costOf(allocation.chosen);
  if (!failed.empty())
    return llvm::createStringError(failed);
  write(rest, allocation.chosen, factors, draft);
  return draft;
}

/// Whether a plan is better: it fits, or is nearer to that, or loses less.
static bool isBetter(const Draft &one, const Draft &other) {
  if (one.fits() != other.fits())
    return one.fits();
  return one.fits() ? one.divergence < other.divergence
                    : one.excess < other.excess;
}

llvm::Expected<Draft> Drafts::makeUniform(const Limits &limits,
                                          ArrayRef<double> factors,
                                          const NumberFormat &target) const {
  SmallVector<unsigned> chosen;
  for (const ChoosableWeight &weight : prices.choices.getWeights())
    chosen.push_back(
        weight.findOption(&target).value_or(weight.getPresentOption()));
  std::optional<Draft> best;
  for (auto &changes : combineChanges()) {
    Rest rest = apply({/*gone=*/{}, std::move(changes)});
    Draft draft;
    if (llvm::Error error = measure(rest, chosen, limits, draft))
      return std::move(error);
    write(rest, chosen, factors, draft);
    if (!best || isBetter(draft, *best))
      best = std::move(draft);
  }
  return std::move(*best);
}

llvm::Expected<Draft> Drafts::make(const Limits &limits,
                                   ArrayRef<double> factors) const {
  // Both limits at once: several weights of one against the other.
  SmallVector<double> mixes = {1, 0.75, 0.5, 0.25, 0};
  if (!std::isfinite(limits.seconds))
    mixes = {1};
  else if (!std::isfinite(limits.bytes))
    mixes = {0};
  double unit = std::isfinite(limits.bytes) ? limits.bytes : kUnits;
  std::optional<Draft> best;
  Weighing weighingOfBest = {};
  Outline outlineOfBest;
  for (double mix : mixes) {
    Weighing weighing = {mix == 0 ? 0 : mix * unit / limits.bytes,
                         mix == 1 ? 0 : (1 - mix) * unit / limits.seconds};
    SmallVector<const PricedLayer *> ranked = rankLayers(weighing);
    for (const auto &changes : combineChanges()) {
      SmallVector<const PricedLayer *> free;
      llvm::copy_if(ranked, std::back_inserter(free),
                    [&](const PricedLayer *layer) {
                      return llvm::all_of(changes, [&](const auto *change) {
                        return change->allows(*layer);
                      });
                    });
      for (size_t count = 0; count <= free.size(); ++count) {
        Outline outline = {
            SmallVector<const PricedLayer *>(ArrayRef(free).take_front(count)),
            changes};
        llvm::Expected<Draft> draft =
            allocate(limits, factors, weighing, outline, /*spendsAll=*/false);
        if (!draft)
          return draft.takeError();
        if (best && !isBetter(*draft, *best))
          continue;
        best = std::move(*draft);
        weighingOfBest = weighing;
        outlineOfBest = std::move(outline);
      }
    }
  }
  return allocate(limits, factors, weighingOfBest, outlineOfBest,
                  /*spendsAll=*/true);
}

} // namespace winnow
