//===- BudgetSearch.cpp - A recipe under a budget -------------------------===//

#include "winnow/Compress/BudgetSearch.h"

#include "Drafts.h"

#include "winnow/Analysis/Services.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Formats/Encode.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace winnow {

namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// Shares of the layers of a kind, those that change their input least, that
/// are tried to leave out.
constexpr double kTriedLayers = 0.4;

class BudgetSearch {
public:
  BudgetSearch(ModuleOp module, const SearchOptions &options)
      : module(module), options(options), evaluator(nullptr), prices(module) {}

  FailureOr<SearchResult> run();

private:
  InFlightDiagnostic fail() { return emitError(module.getLoc()); }
  LogicalResult verify();
  LogicalResult advance(StringRef what);
  FailureOr<SearchedPlan> measure(ArrayRef<std::string> passes, bool isTimed);
  FailureOr<SearchedPlan> measure(const Draft &draft, bool isTimed = true);

  LogicalResult limitSize();
  LogicalResult price();
  LogicalResult timeFormats();
  LogicalResult weighOwners();
  LogicalResult weighLayers();

  FailureOr<Draft> draft(const Limits &limits);
  LogicalResult failForLimits(const Draft &least);
  bool keepsBudget(const SearchedPlan &plan) const;
  LogicalResult findFirst();
  LogicalResult findSmallest();
  LogicalResult refine();
  LogicalResult fitCodes();
  void writeRecipe();

  ModuleOp module;
  const SearchOptions &options;
  Evaluator *evaluator;
  WeightPlanner *planner = nullptr;
  Prices prices;
  SmallVector<const NumberFormat *> targets;
  /// What is allowed, and what drafts are told: less, where runs took longer
  /// than expected.
  Limits allowed = {kNoLimit, kNoLimit}, limits = allowed;
  SmallVector<double> factors;
  Draft best; ///< the draft of result.found
  SearchResult result;
  /// Runs so far, and about how many there will be.
  int64_t made = 0, planned = 1;
};

} // namespace

LogicalResult BudgetSearch::verify() {
  Services services = getServices(module);
  evaluator = services.evaluator;
  planner = services.planner;
  if (!evaluator || !planner)
    return fail()
           << "a budget needs texts to measure candidates on: statistics "
              "of winnow-compile --calibrate, or --evaluate-on TEXTFILE";
  if (!Statistics(module).exist())
    return fail() << "a budget needs statistics: --statistics=FILE, written by "
                     "winnow-compile --calibrate";
  std::string unknown;
  auto found = parseFormats(options.formats, unknown);
  if (!found)
    return fail() << "expects formats of a budget to be some of keep, "
                  << llvm::join(encodableFormats(), ", ") << "; found '"
                  << unknown << "'";
  bool hasFloats =
      llvm::any_of(MatrixParam::collect(module), [](const MatrixParam &matrix) {
        return matrix.isMatrix() &&
               formatOf(matrix.getRead().getType())->isFloat();
      });
  // Numbers are left as they are where that is best, and integers do not become
  // floats.
  targets.push_back(nullptr);
  for (const NumberFormat *target : *found)
    if (target && (hasFloats || !target->isFloat()))
      targets.push_back(target);
  return success();
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

LogicalResult BudgetSearch::advance(StringRef what) {
  planned = std::max(planned, made + 1);
  std::string text =
      formatv("searching: {0}, run {1} of about {2}", what, made + 1, planned)
          .str();
  if (!evaluator->advance(text, double(made++) / double(planned)))
    return fail() << "the search was stopped";
  return success();
}

FailureOr<SearchedPlan> BudgetSearch::measure(ArrayRef<std::string> passes,
                                              bool isTimed) {
  OwningOpRef<ModuleOp> candidate = module.clone();
  if (!passes.empty()) {
    PassManager manager(module.getContext());
    std::string why;
    llvm::raw_string_ostream os(why);
    if (failed(parsePassPipeline(llvm::join(passes, ","), manager, os)))
      return fail() << "a plan cannot be parsed: " << why;
    if (failed(manager.run(*candidate)))
      return failure();
  }
  SearchedPlan plan;
  plan.passes.assign(passes.begin(), passes.end());
  std::vector<PlannedWeight> file;
  if (llvm::Error error = planner->plan(*candidate).moveInto(file))
    return fail() << "the size of a plan cannot be told: "
                  << llvm::toString(std::move(error));
  if (llvm::Error error = planner->getFileSize(file).moveInto(plan.bytes))
    return fail() << llvm::toString(std::move(error));
  llvm::Expected<Quality> quality =
      evaluator->evaluate(*candidate, isTimed ? &plan.time : nullptr);
  if (!quality)
    return fail() << "a plan cannot be measured: "
                  << llvm::toString(quality.takeError());
  plan.divergence = quality->divergence;
  return plan;
}

FailureOr<SearchedPlan> BudgetSearch::measure(const Draft &draft,
                                              bool isTimed) {
  FailureOr<SearchedPlan> plan = measure(draft.plan.writePasses(), isTimed);
  if (failed(plan))
    return failure();
  plan->expectedDivergence = draft.divergence;
  if (options.budget.time)
    plan->expectedSeconds = draft.seconds;
  result.tried.push_back(*plan);
  return plan;
}

//===----------------------------------------------------------------------===//
// Prices
//===----------------------------------------------------------------------===//

/// Fails early where not even the smallest formats and the fewest layers fit.
LogicalResult BudgetSearch::limitSize() {
  if (!options.budget.size)
    return success();
  std::vector<PlannedWeight> file = prices.choices.getFile();
  auto sizeOf = [&](ArrayRef<PlannedWeight> weights, uint64_t &size) {
    if (llvm::Error error = planner->getFileSize(weights).moveInto(size))
      return LogicalResult(fail() << llvm::toString(std::move(error)));
    return success();
  };
  uint64_t whole = 0, least = 0;
  if (failed(sizeOf(file, whole)))
    return failure();
  allowed.bytes = static_cast<double>(options.budget.size->of(whole));
  for (const ChoosableWeight &weight : prices.choices.getWeights())
    for (const FormatChoice &option : weight.options)
      if (option.planned.bytes < file[weight.place].bytes)
        file[weight.place] = option.planned;
  llvm::erase_if(file, [&](const PlannedWeight &weight) {
    return llvm::any_of(prices.layers, [&](const PricedLayer &layer) {
      return layer.params.contains(weight.name);
    });
  });
  if (failed(sizeOf(file, least)))
    return failure();
  if (static_cast<double>(least) <= allowed.bytes)
    return success();
  return fail() << "cannot keep the budget: formats and layers that may go "
                   "leave at least "
                << least << " bytes, and "
                << static_cast<uint64_t>(allowed.bytes) << " are allowed";
}

LogicalResult BudgetSearch::price() {
  planned =
      2 + (options.budget.time ? targets.size() : 0) + prices.owners.size() +
      int64_t(kTriedLayers * double(prices.layers.size())) + options.rounds;
  if (failed(timeFormats()) || failed(weighOwners()) || failed(weighLayers()))
    return failure();
  factors.assign(prices.owners.size(), 1);
  return success();
}

LogicalResult BudgetSearch::timeFormats() {
  if (failed(advance("the model as it is")))
    return failure();
  FailureOr<SearchedPlan> before = measure(ArrayRef<std::string>(), true);
  if (failed(before))
    return failure();
  result.before = *before;
  prices.seconds = getSeconds(before->time);
  prices.takeTimes(before->time, nullptr);
  // Times of formats matter where time is limited.
  if (options.budget.time)
    for (const NumberFormat *target : targets) {
      if (!target)
        continue;
      if (failed(advance(("all matrices in " + target->name).str())))
        return failure();
      std::string line =
          formatv("winnow-quantize-weights{{format={0}}", target->name).str();
      FailureOr<SearchedPlan> plan = measure(line, true);
      if (failed(plan))
        return failure();
      prices.takeTimes(plan->time, target);
    }
  prices.fillTimes();
  return success();
}

/// What errors of each owner's matrices are worth: they alone get a format of
/// about the third part of their options, by size.
LogicalResult BudgetSearch::weighOwners() {
  SmallVector<double> divergences;
  for (auto [number, owner] : llvm::enumerate(prices.owners)) {
    if (failed(advance(owner.name)))
      return failure();
    Draft draft;
    double error = 0;
    for (auto [weight, priced] :
         llvm::zip_equal(prices.choices.getWeights(), prices.weights)) {
      if (priced.owner != number)
        continue;
      SmallVector<const FormatChoice *> sorted;
      for (const FormatChoice &option : weight.options)
        if (option.target)
          sorted.push_back(&option);
      if (sorted.empty())
        continue;
      llvm::stable_sort(sorted, [](const auto *a, const auto *b) {
        return a->planned.bytes < b->planned.bytes;
      });
      const FormatChoice &taken = *sorted[sorted.size() / 3];
      ParamOp param = weight.matrix.getParam();
      draft.plan.matrices.push_back({param.getSymName(), taken.target->name});
      error += taken.error;
    }
    divergences.push_back(0);
    if (error == 0)
      continue;
    FailureOr<SearchedPlan> plan =
        measure(draft.plan.writePasses(), /*isTimed=*/false);
    if (failed(plan))
      return failure();
    divergences.back() = plan->divergence;
    owner.worth = error;
  }
  // Whatever changes, activations are rounded in other places; that is not the
  // owner's.
  double noise = kNoLimit;
  for (double divergence : divergences)
    if (divergence > 0)
      noise = std::min(noise, divergence);
  for (auto [owner, divergence] : llvm::zip_equal(prices.owners, divergences))
    if (divergence > 0)
      owner.worth = (divergence - 0.9 * noise) / owner.worth;
  return success();
}

/// Layers are left out alone, those of a kind that statistics call most alike
/// before and behind.
LogicalResult BudgetSearch::weighLayers() {
  Statistics statistics(module);
  for (Granularity granularity : {Granularity::Attention, Granularity::Mlp}) {
    SmallVector<PricedLayer *> kind;
    for (PricedLayer &layer : prices.layers)
      if (layer.granularity == granularity)
        kind.push_back(&layer);
    llvm::stable_sort(kind, [&](const PricedLayer *a, const PricedLayer *b) {
      auto cosine = [&](const PricedLayer *layer) {
        return statistics.lookupNumber("similarity.cosine", layer->name)
            .value_or(1);
      };
      return cosine(a) > cosine(b);
    });
    size_t tried =
        static_cast<size_t>(std::ceil(kTriedLayers * double(kind.size())));
    for (auto [place, layer] : llvm::enumerate(kind)) {
      layer->divergence = kNoLimit;
      // A model without any layer of a kind is none.
      if (place >= tried || kind.size() < 2)
        continue;
      if (failed(advance("without " + layer->name)))
        return failure();
      Draft draft;
      (granularity == Granularity::Attention ? draft.plan.attention
                                             : draft.plan.mlp)
          .push_back(layer->number);
      FailureOr<SearchedPlan> plan =
          measure(draft.plan.writePasses(), /*isTimed=*/false);
      if (failed(plan))
        return failure();
      layer->divergence = plan->divergence;
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

FailureOr<Draft> BudgetSearch::draft(const Limits &within) {
  llvm::Expected<Draft> draft = Drafts(prices, *planner).make(within, factors);
  if (draft)
    return std::move(*draft);
  return fail() << llvm::toString(draft.takeError());
}

bool BudgetSearch::keepsBudget(const SearchedPlan &plan) const {
  return static_cast<double>(plan.bytes) <= allowed.bytes &&
         getSeconds(plan.time) <= allowed.seconds;
}

LogicalResult BudgetSearch::failForLimits(const Draft &least) {
  InFlightDiagnostic error = fail();
  error << "cannot keep the budget: the nearest that was found has "
        << least.bytes << " bytes";
  if (std::isfinite(allowed.bytes))
    error << ", of which " << static_cast<uint64_t>(allowed.bytes)
          << " are allowed";
  if (std::isfinite(allowed.seconds))
    error << ", and takes "
          << formatv("{0:f3}", least.seconds / prices.seconds).str()
          << " of the time, of which "
          << formatv("{0:f3}", allowed.seconds / prices.seconds).str()
          << " are allowed";
  return failure();
}

/// The first plan that keeps the limits in earnest.
LogicalResult BudgetSearch::findFirst() {
  Draft last;
  for (int tries = 0; tries < 5; ++tries) {
    FailureOr<Draft> next = draft(limits);
    if (failed(next))
      return failure();
    if (!next->fits())
      return failForLimits(*next);
    if (failed(advance("a plan")))
      return failure();
    FailureOr<SearchedPlan> plan = measure(*next);
    if (failed(plan))
      return failure();
    if (keepsBudget(*plan)) {
      best = std::move(*next);
      result.found = std::move(*plan);
      return success();
    }
    last = std::move(*next);
    last.seconds = getSeconds(plan->time);
    limits.seconds *= 0.99 * allowed.seconds / last.seconds;
  }
  return failForLimits(last);
}

/// The smallest model within a divergence alone. Divergences are as expected
/// but for a factor, which runs tell.
LogicalResult BudgetSearch::findSmallest() {
  double most = *options.budget.divergence, scale = 1;
  double whole = static_cast<double>(result.before.bytes);
  result.found = result.before;
  for (int tries = 0; tries < 6; ++tries) {
    Draft smallest;
    double low = 0, high = whole;
    for (int step = 0; step < 12; ++step) {
      double middle = (low + high) / 2;
      FailureOr<Draft> next = draft({middle, kNoLimit});
      if (failed(next))
        return failure();
      bool fits = next->fits() && next->divergence * scale <= most;
      (fits ? high : low) = middle;
      if (fits)
        smallest = std::move(*next);
    }
    if (!smallest.bytes)
      return success();
    if (failed(advance("a plan")))
      return failure();
    FailureOr<SearchedPlan> plan = measure(smallest);
    if (failed(plan))
      return failure();
    if (plan->divergence <= most && plan->bytes < result.found.bytes) {
      best = smallest;
      result.found = *plan;
      limits.bytes = allowed.bytes = static_cast<double>(plan->bytes);
      if (plan->divergence > 0.9 * most)
        return success();
    }
    if (smallest.divergence <= 0)
      return success();
    scale = plan->divergence / smallest.divergence * 1.01;
  }
  return success();
}

/// Makes what an owner loses count more, or less, and runs the plan that comes
/// of it, as long as one is better.
LogicalResult BudgetSearch::refine() {
  llvm::StringSet<> seen;
  for (const SearchedPlan &plan : result.tried)
    seen.insert(llvm::join(plan.passes, "\n"));
  for (unsigned round = 0; round < options.rounds;) {
    SmallVector<unsigned> order =
        llvm::to_vector(llvm::seq<unsigned>(0, factors.size()));
    llvm::stable_sort(order, [&](unsigned a, unsigned b) {
      return best.shares[a] > best.shares[b];
    });
    bool improved = false;
    for (unsigned owner : order) {
      for (double factor : {2.0, 0.5}) {
        if (round >= options.rounds || improved)
          break;
        double before = std::exchange(factors[owner], factors[owner] * factor);
        FailureOr<Draft> next = draft(limits);
        if (failed(next))
          return failure();
        std::string text = llvm::join(next->plan.writePasses(), "\n");
        if (next->fits() && seen.insert(text).second) {
          ++round;
          if (failed(advance("a better plan")))
            return failure();
          FailureOr<SearchedPlan> plan = measure(*next);
          if (failed(plan))
            return failure();
          improved =
              keepsBudget(*plan) && plan->divergence < result.found.divergence;
          if (improved) {
            best = std::move(*next);
            result.found = std::move(*plan);
            continue;
          }
        }
        factors[owner] = before;
      }
    }
    if (!improved)
      break;
  }
  return success();
}

/// Codes fitted to inputs, of all matrices or of those that are no tables.
LogicalResult BudgetSearch::fitCodes() {
  Statistics statistics(module);
  llvm::StringSet<> tables, fittable;
  for (const ChoosableWeight &weight : prices.choices.getWeights()) {
    ParamOp param = weight.matrix.getParam();
    auto type = cast<RankedTensorType>(weight.matrix.getOriginal().getType());
    if (weight.matrix.isMultiplied() &&
        statistics.lookupGram(param.getSymName(), type.getShape().back()))
      fittable.insert(param.getSymName());
    if (weight.matrix.isTable())
      tables.insert(param.getSymName());
  }
  for (bool withTables : {false, true}) {
    Draft fitted = best;
    unsigned count = 0;
    for (EncodedMatrix &matrix : fitted.plan.matrices) {
      matrix.isFitted = fittable.contains(matrix.name) &&
                        !lookupFormat(matrix.format)->isFloat() &&
                        tables.contains(matrix.name) <= withTables;
      count += matrix.isFitted && (!withTables || tables.contains(matrix.name));
    }
    if (count == 0)
      continue;
    if (failed(advance("codes fitted by GPTQ")))
      return failure();
    FailureOr<SearchedPlan> plan = measure(fitted);
    if (failed(plan))
      return failure();
    if (keepsBudget(*plan) && plan->divergence < result.found.divergence)
      result.found = std::move(*plan);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The result
//===----------------------------------------------------------------------===//

void BudgetSearch::writeRecipe() {
  const SearchedPlan &found = result.found;
  double seconds = getSeconds(result.before.time);
  llvm::raw_string_ostream os(result.recipe);
  os << formatv("# {0} bytes of {1} ({2:f1} %); divergence {3:f4}", found.bytes,
                result.before.bytes,
                100 * double(found.bytes) / double(result.before.bytes),
                found.divergence);
  if (!found.time.empty() && seconds > 0)
    os << formatv(", {0:f3} of the time", getSeconds(found.time) / seconds);
  os << ", as a search measured\n";
  for (const std::string &pass : found.passes)
    os << pass << "\n";
}

FailureOr<SearchResult> BudgetSearch::run() {
  const Budget &budget = options.budget;
  if (failed(verify()) || failed(prices.collect(module, targets)) ||
      failed(limitSize()) || failed(price()))
    return failure();
  if (budget.time)
    allowed.seconds = *budget.time * prices.seconds;
  limits = allowed;
  if (failed(budget.size || budget.time ? findFirst() : findSmallest()))
    return failure();
  if (!result.found.passes.empty() && (failed(refine()) || failed(fitCodes())))
    return failure();
  if (budget.divergence && result.found.divergence > *budget.divergence)
    return fail() << formatv(
                         "cannot keep the budget: the least divergence that "
                         "was found is {0:f6}, and {1:f6} are allowed",
                         result.found.divergence, *budget.divergence)
                         .str();
  writeRecipe();
  return std::move(result);
}

FailureOr<SearchResult> searchUnderBudget(ModuleOp module,
                                          const SearchOptions &options) {
  return BudgetSearch(module, options).run();
}

} // namespace winnow
