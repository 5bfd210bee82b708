//===- LayerChooser.cpp - Which layers a model misses least ---------------===//

#include "LayerChooser.h"

#include "LayerRemover.h"

#include "winnow/Analysis/Evaluator.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace winnow;
using llvm::formatv;

const LayerMetric *LayerMetric::lookup(StringRef name) {
  static constexpr LayerMetric metrics[] = {
      {"cosine", "similarity.cosine", 0, 1, -1},
      {"shortgpt", "similarity.cosine", 1, -1, 1},
      {"angle", "similarity.angle", 0, 1, 1},
      {"kl", "", 0, 1, 1},
  };
  const LayerMetric *found = llvm::find_if(
      metrics, [&](const LayerMetric &metric) { return metric.name == name; });
  return found == std::end(metrics) ? nullptr : found;
}

LayerChooser::LayerChooser(func::FuncOp function, ArrayRef<LayerGroup> groups,
                           StringRef granularity, const LayerMetric &metric,
                           bool oneByOne)
    : function(function), groups(groups), granularity(granularity),
      metric(metric), oneByOne(oneByOne),
      evaluator(getServices(function).evaluator),
      statistics(function->getParentOfType<ModuleOp>()) {}

InFlightDiagnostic LayerChooser::fail() {
  return emitError(function->getParentOfType<ModuleOp>().getLoc());
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

FailureOr<OwningOpRef<ModuleOp>> LayerChooser::makeCandidate(int64_t number) {
  auto module = function->getParentOfType<ModuleOp>();
  IRMapping copies;
  OwningOpRef<ModuleOp> candidate(cast<ModuleOp>(module->clone(copies)));
  LayerRemover remover(cast<func::FuncOp>(copies.lookup(function)));
  SmallVector<int64_t> numbers = gone;
  if (number >= 0)
    numbers.push_back(number);
  for (int64_t without : numbers)
    for (LayerOp layer : groups[without])
      if (failed(remover.remove(
              cast<LayerOp>(copies.lookup(layer.getOperation())))))
        return failure();
  remover.finish();
  return candidate;
}

LogicalResult LayerChooser::advance(int64_t number) {
  std::string what =
      number < 0
          ? formatv("measuring what is left without {0}", gone.size()).str()
          : formatv("measuring the model without {0} {1}", granularity, number)
                .str();
  double share = planned ? double(made) / double(planned) : 0;
  ++made;
  if (evaluator->advance(what, share))
    return success();
  return fail() << "cancelled";
}

FailureOr<LayerChooser::Ranked> LayerChooser::measure(int64_t number) {
  if (failed(advance(number)))
    return failure();
  FailureOr<OwningOpRef<ModuleOp>> candidate = makeCandidate(number);
  if (failed(candidate))
    return failure();
  llvm::Expected<Quality> quality = evaluator->evaluate(**candidate);
  if (!quality)
    return fail() << "cannot measure the model without " << granularity << " "
                  << number << ": " << llvm::toString(quality.takeError());
  Ranked ranked = {quality->divergence, number, ""};
  ranked.what = formatv("leads to a {0} of {1:f6}",
                        quality->getDivergenceName(), quality->divergence);
  remark::analysis(
      function.getLoc(),
      remark::RemarkOpts::name(formatv("{0} {1}", granularity, number).str())
          .category("drop-layers")
          .function(function.getName()))
      << formatv(
             "without it and {0} others, {1} {2:f6}{3}", gone.size(),
             quality->getDivergenceName(), quality->divergence,
             quality->perplexity
                 ? formatv(", perplexity {0:f4}", *quality->perplexity).str()
                 : "")
             .str();
  return ranked;
}

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

/// Statistics of what is left, as the evaluator sees it.
LogicalResult LayerChooser::observe() {
  if (failed(advance(-1)))
    return failure();
  FailureOr<OwningOpRef<ModuleOp>> candidate = makeCandidate(-1);
  if (failed(candidate))
    return failure();
  if (llvm::Error error =
          evaluator->observeSimilarity(**candidate).moveInto(observed))
    return fail() << "cannot measure what is left without " << gone.size()
                  << ": " << llvm::toString(std::move(error));
  return success();
}

FailureOr<double> LayerChooser::lookUp(int64_t number) {
  const LayerGroup &group = groups[number];
  std::string name = getGroupName(group);
  std::string key = getStatisticKey(metric.statistic, name);
  std::optional<double> found;
  if (!oneByOne)
    found = statistics.lookupNumber(metric.statistic, name);
  else if (auto it = observed.find(key); it != observed.end())
    found = it->second;
  if (!found)
    return LayerOp(group.front())
               .emitOpError("is not in the statistics: "
                            "they have no '")
           << key << "'";
  return metric.offset + metric.sign * *found;
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<LayerChooser::Ranked>>
LayerChooser::rank(ArrayRef<int64_t> remaining) {
  SmallVector<Ranked> ranking;
  if (!metric.isMeasured() && oneByOne && failed(observe()))
    return failure();
  for (int64_t number : remaining) {
    FailureOr<Ranked> ranked = failure();
    if (metric.isMeasured()) {
      ranked = measure(number);
    } else if (FailureOr<double> value = lookUp(number); succeeded(value)) {
      ranked = Ranked{*value, number,
                      formatv("has {0} {1:f6}", metric.name, *value).str()};
    }
    if (failed(ranked))
      return failure();
    ranking.push_back(std::move(*ranked));
  }
  llvm::sort(ranking, [&](const Ranked &a, const Ranked &b) {
    double x = metric.order * a.value, y = metric.order * b.value;
    return std::tie(x, a.number) < std::tie(y, b.number);
  });
  return ranking;
}

FailureOr<SmallVector<LayerChoice>>
LayerChooser::choose(ArrayRef<int64_t> allowed, int64_t count) {
  SmallVector<int64_t> remaining(allowed);
  SmallVector<LayerChoice> choices;
  int64_t size = allowed.size();
  if (metric.isMeasured())
    planned = oneByOne ? count * size - count * (count - 1) / 2 : size;
  else if (oneByOne)
    planned = count;
  while (static_cast<int64_t>(choices.size()) < count) {
    FailureOr<SmallVector<Ranked>> ranking = rank(remaining);
    if (failed(ranking))
      return failure();
    std::string after =
        oneByOne ? formatv(" after {0} others", gone.size()).str() : "";
    for (const Ranked &next :
         ArrayRef(*ranking).take_front(oneByOne ? 1 : count)) {
      choices.push_back(
          {next.number, formatv("{0} {1} {2}{3}, number {4} of {5}",
                                granularity, next.number, next.what, after,
                                choices.size() + 1, allowed.size())
                            .str()});
      gone.push_back(next.number);
      llvm::erase(remaining, next.number);
    }
  }
  return choices;
}
