//===- Pricing.cpp - Runs that tell what options cost ---------------------===//

#include "Pricing.h"

#include "winnow/Analysis/Statistics.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace winnow {

/// Shares of the layers of a kind, those that change their input least, that
/// are tried to leave out.
static constexpr double kTriedLayers = 0.3;
/// The share of the time, or of the file, that a change has to save to be worth
/// its loss.
static constexpr double kLeastSaved = 0.01;

int64_t Pricing::countRuns(bool timesFormats) const {
  return 3 + (timesFormats ? targets.size() : 0) + prices.changes.size() +
         prices.owners.size() +
         int64_t(kTriedLayers * double(prices.layers.size()));
}

FailureOr<SearchedPlan> Pricing::timeFormats(bool timesFormats) {
  if (failed(candidates.advance("the model as it is")))
    return failure();
  FailureOr<SearchedPlan> before = candidates.measure({}, {});
  if (failed(before))
    return failure();
  prices.seconds = getSeconds(before->time);
  prices.takeTimes(before->time, nullptr);
  for (const NumberFormat *target : targets) {
    if (!target || !timesFormats)
      continue;
    if (failed(candidates.advance(("all matrices in " + target->name).str())))
      return failure();
    FailureOr<RunTime> time = candidates.time(
        formatv("winnow-quantize-weights{{format={0}}", target->name).str());
    if (failed(time))
      return failure();
    prices.takeTimes(*time, target);
  }
  prices.fillTimes();
  return before;
}

/// The option that a weight is weighed in, or null: about the third part of
/// them by size.
static const FormatChoice *findSample(const ChoosableWeight &weight) {
  SmallVector<const FormatChoice *> sorted;
  for (const FormatChoice &option : weight.options)
    if (option.target)
      sorted.push_back(&option);
  if (sorted.empty())
    return nullptr;
  llvm::sort(sorted, [](const auto *a, const auto *b) {
    return std::tie(a->planned.bytes, a) < std::tie(b->planned.bytes, b);
  });
  return sorted[sorted.size() / 3];
}

static EncodedMatrix encoded(const ChoosableWeight &weight,
                             const FormatChoice &option, bool isFitted) {
  ParamOp param = weight.matrix.getParam();
  return {param.getSymName(), option.target->name, isFitted};
}

FailureOr<double> Pricing::weigh(ArrayRef<EncodedMatrix> matrices) {
  Plan plan;
  plan.matrices.assign(matrices.begin(), matrices.end());
  FailureOr<SearchedPlan> measured =
      candidates.measure(plan.writePasses(), Measurement::ofChange());
  if (failed(measured))
    return failure();
  return std::max(measured->divergence - noise, 0.0);
}

/// What errors of each owner's matrices are worth: they alone get their sample.
LogicalResult Pricing::weighOwners() {
  SmallVector<double> errors(prices.owners.size(), 0);
  SmallVector<double> divergences(prices.owners.size(), 0);
  for (auto [number, owner] : llvm::enumerate(prices.owners)) {
    if (failed(candidates.advance(owner.name)))
      return failure();
    SmallVector<EncodedMatrix> matrices;
    for (auto [weight, priced] :
         llvm::zip_equal(prices.choices.getWeights(), prices.weights)) {
      const FormatChoice *sample = findSample(weight);
      if (priced.owner != number || !sample)
        continue;
      matrices.push_back(encoded(weight, *sample, /*isFitted=*/false));
      errors[number] += sample->error.rounded;
    }
    if (errors[number] == 0)
      continue;
    FailureOr<double> divergence = weigh(matrices);
    if (failed(divergence))
      return failure();
    divergences[number] = *divergence;
  }
  double least = std::numeric_limits<double>::infinity();
  for (double divergence : divergences)
    if (divergence > 0)
      least = std::min(least, divergence);
  if (!std::isfinite(least))
    return success();
  noise = 0.9 * least;
  for (auto [owner, divergence, error] :
       llvm::zip_equal(prices.owners, divergences, errors))
    if (divergence > 0)
      owner.worth = (divergence - noise) / error;
  return success();
}

void Pricing::scaleFitted(ChoosableWeight &weight, double factor) {
  for (FormatChoice &option : weight.options)
    if (option.error.fitted)
      *option.error.fitted *= factor;
}

/// Fitted codes are better for products with a table and worse for its rows.
/// What counts more is measured.
LogicalResult Pricing::weighFittedTable(size_t number) {
  ChoosableWeight &weight = prices.choices.getWeights()[number];
  const FormatChoice &sample = *findSample(weight);
  double worth = prices.owners[prices.weights[number].owner].worth;
  if (failed(candidates.advance("fitted codes of a table")))
    return failure();
  FailureOr<double> divergence =
      weigh(encoded(weight, sample, /*isFitted=*/true));
  if (failed(divergence))
    return failure();
  if (*divergence < worth * sample.error.rounded) {
    scaleFitted(weight, *divergence / (worth * *sample.error.fitted));
    return success();
  }
  for (FormatChoice &option : weight.options)
    option.error.fitted.reset();
  return success();
}

/// Fitted codes lose less, or more, than errors of single products say; all
/// matrices together tell how much.
LogicalResult Pricing::weighFittedCodes() {
  SmallVector<EncodedMatrix> matrices;
  SmallVector<ChoosableWeight *> weights;
  double expected = 0;
  for (auto [number, weight] : llvm::enumerate(prices.choices.getWeights())) {
    const FormatChoice *sample = findSample(weight);
    if (!sample || !sample->error.fitted || *sample->error.fitted == 0)
      continue;
    if (weight.matrix.isTable()) {
      if (failed(weighFittedTable(number)))
        return failure();
    } else if (sample->isFitted()) {
      weights.push_back(&weight);
      matrices.push_back(encoded(weight, *sample, /*isFitted=*/true));
      expected += *sample->error.fitted *
                  prices.owners[prices.weights[number].owner].worth;
    }
  }
  if (expected <= 0)
    return success();
  if (failed(candidates.advance("fitted codes")))
    return failure();
  FailureOr<double> divergence = weigh(matrices);
  if (failed(divergence))
    return failure();
  for (ChoosableWeight *weight : weights)
    scaleFitted(*weight, *divergence / expected);
  return success();
}

/// Layers are left out alone, those of a kind that statistics call most alike
/// before and behind.
LogicalResult Pricing::weighLayers() {
  Statistics statistics(module);
  for (Granularity granularity : {Granularity::Attention, Granularity::Mlp}) {
    SmallVector<PricedLayer *> kind;
    for (PricedLayer &layer : prices.layers)
      if (layer.granularity == granularity)
        kind.push_back(&layer);
    llvm::sort(kind, [&](const PricedLayer *a, const PricedLayer *b) {
      auto difference = [&](const PricedLayer *layer) {
        return -statistics.lookupNumber("similarity.cosine", layer->name)
                    .value_or(1);
      };
      return std::pair(difference(a), a) < std::pair(difference(b), b);
    });
    size_t tried =
        static_cast<size_t>(std::ceil(kTriedLayers * double(kind.size())));
    for (auto [place, layer] : llvm::enumerate(kind)) {
      layer->divergence = std::numeric_limits<double>::infinity();
      // A model without any layer of a kind is none.
      if (place >= tried || kind.size() < 2)
        continue;
      if (failed(candidates.advance("without " + layer->name)))
        return failure();
      Plan plan;
      (granularity == Granularity::Attention ? plan.attention : plan.mlp)
          .push_back(layer->number);
      FailureOr<SearchedPlan> measured =
          candidates.measure(plan.writePasses(), Measurement::ofChange());
      if (failed(measured))
        return failure();
      layer->divergence = measured->divergence;
    }
  }
  return success();
}

FailureOr<bool> Pricing::takeShares(PricedChange &change) {
  FailureOr<std::vector<PlannedWeight>> after =
      candidates.planWeights(change.pass);
  if (failed(after))
    return failure();
  llvm::StringMap<uint64_t> left;
  for (const PlannedWeight &weight : *after)
    left[weight.name] = weight.bytes;
  uint64_t all = 0, saved = 0;
  for (const PlannedWeight &weight : prices.choices.getFile()) {
    all += weight.bytes;
    auto found = left.find(weight.name);
    if (found == left.end() || found->second >= weight.bytes)
      continue;
    saved += weight.bytes - found->second;
    change.shares[weight.name] = double(found->second) / double(weight.bytes);
  }
  return double(saved) >= kLeastSaved * double(all);
}

LogicalResult Pricing::weighChange(PricedChange &change, const RunTime &before,
                                   bool timesChanges) {
  if (failed(candidates.advance(change.pass)))
    return failure();
  Measurement how;
  how.isSized = false;
  if (!timesChanges)
    how.timedBelow = -std::numeric_limits<double>::infinity();
  FailureOr<SearchedPlan> measured = candidates.measure(change.pass, how);
  if (failed(measured))
    return failure();
  change.divergence = measured->divergence;
  if (!timesChanges)
    return success();
  auto [matricesBefore, othersBefore] = prices.sumStages(before);
  auto [matrices, others] = prices.sumStages(measured->time);
  change.savedSeconds = othersBefore - others;
  if (change.saves == PricedChange::Saves::Rows && matricesBefore > 0)
    change.matrixShare = matrices / matricesBefore;
  return success();
}

LogicalResult Pricing::weighChanges(const RunTime &before, bool timesChanges) {
  double matrices = prices.sumStages(before).first;
  std::vector<PricedChange> worthwhile;
  for (PricedChange &change : prices.changes) {
    FailureOr<bool> savesBytes = false;
    if (change.saves == PricedChange::Saves::Matrices)
      savesBytes = takeShares(change);
    if (failed(savesBytes) || failed(weighChange(change, before, timesChanges)))
      return failure();
    double saved = change.savedSeconds + (1 - change.matrixShare) * matrices;
    if (*savesBytes || saved >= kLeastSaved * prices.seconds)
      worthwhile.push_back(std::move(change));
  }
  prices.changes = std::move(worthwhile);
  return success();
}

} // namespace winnow
