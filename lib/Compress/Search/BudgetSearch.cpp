//===- BudgetSearch.cpp - A recipe under a budget -------------------------===//

#include "winnow/Compress/BudgetSearch.h"

#include "Candidates.h"
#include "Drafts.h"
#include "Pricing.h"

#include "winnow/Analysis/Services.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Formats/Encode.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace winnow {

namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();
/// Of the time that is allowed, what plans are made for, and what they may take
/// when they run: the same program takes a few percent longer another time.
constexpr double kPlannedTime = 0.96, kKeptTime = 0.975;

class BudgetSearch {
public:
  BudgetSearch(ModuleOp module, const SearchOptions &options)
      : module(module), options(options), prices(module) {}

  FailureOr<SearchResult> run();

private:
  InFlightDiagnostic fail() { return emitError(module.getLoc()); }
  LogicalResult verify();
  FailureOr<SearchedPlan> measure(const Draft &draft,
                                  const Measurement &how = {});
  FailureOr<bool> improve(Draft draft);

  LogicalResult limitSize();
  LogicalResult price();

  FailureOr<Draft> draft(const Limits &limits);
  LogicalResult failForLimits(const Draft &least);
  bool keepsBudget(const SearchedPlan &plan) const;
  LogicalResult findFirst();
  LogicalResult findSmallest();
  LogicalResult tryUniform();
  LogicalResult refine();
  void correctTimes();
  void writeRecipe();

  ModuleOp module;
  const SearchOptions &options;
  WeightPlanner *planner = nullptr;
  std::optional<Candidates> candidates;
  Prices prices;
  SmallVector<const NumberFormat *> targets;
  /// What is allowed, and what drafts are told: less, where runs took longer
  /// than expected.
  Limits allowed = {kNoLimit, kNoLimit}, limits = allowed;
  SmallVector<double> factors;
  Draft best; ///< the draft of result.found
  SearchResult result;
};

} // namespace

LogicalResult BudgetSearch::verify() {
  Services services = getServices(module);
  planner = services.planner;
  if (!services.evaluator || !planner)
    return fail()
           << "a budget needs texts to measure candidates on: statistics "
              "of winnow-compile --calibrate, or --evaluate-on TEXTFILE";
  candidates.emplace(module, *services.evaluator, *planner);
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

FailureOr<SearchedPlan> BudgetSearch::measure(const Draft &draft,
                                              const Measurement &how) {
  FailureOr<SearchedPlan> plan =
      candidates->measure(draft.plan.writePasses(), how);
  if (failed(plan))
    return failure();
  plan->expectedDivergence = draft.divergence - draft.caution;
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
  Pricing pricing(module, *candidates, prices, targets);
  // Times of formats matter where time is limited.
  bool timesFormats = options.budget.time.has_value();
  if (!timesFormats)
    llvm::erase_if(prices.changes, [](const PricedChange &change) {
      return change.saves != PricedChange::Saves::Matrices;
    });
  candidates->plan(pricing.countRuns(timesFormats) + 2 + options.rounds);
  FailureOr<SearchedPlan> before = pricing.timeFormats(timesFormats);
  if (failed(before) || failed(pricing.weighOwners()) ||
      failed(pricing.weighFittedCodes()) || failed(pricing.weighLayers()) ||
      failed(pricing.weighChanges(before->time, timesFormats)))
    return failure();
  result.before = std::move(*before);
  factors.assign(prices.owners.size(), 1);
  return success();
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

FailureOr<Draft> BudgetSearch::draft(const Limits &within) {
  llvm::Expected<Draft> draft = Drafts(prices, *planner).make(within, factors);
  if (!draft)
    return fail() << llvm::toString(draft.takeError());
  return std::move(*draft);
}

bool BudgetSearch::keepsBudget(const SearchedPlan &plan) const {
  return static_cast<double>(plan.bytes) <= allowed.bytes &&
         getSeconds(plan.time) <= kKeptTime * allowed.seconds;
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
    if (failed(candidates->advance("a plan")))
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
    double expected = std::exchange(last.seconds, getSeconds(plan->time));
    limits.seconds = kPlannedTime * expected * allowed.seconds / last.seconds;
    // Sizes are exact but where matrices become narrower.
    uint64_t expectedBytes = std::exchange(last.bytes, plan->bytes);
    if (static_cast<double>(plan->bytes) > allowed.bytes)
      limits.bytes *=
          static_cast<double>(expectedBytes) / static_cast<double>(plan->bytes);
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
    if (failed(candidates->advance("a plan")))
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

/// Takes it that plans take as much longer than expected as those so far.
void BudgetSearch::correctTimes() {
  double measured = 0, expected = 0;
  for (const SearchedPlan &plan : result.tried)
    if (!plan.time.empty() && plan.expectedSeconds) {
      measured += getSeconds(plan.time);
      expected += *plan.expectedSeconds;
    }
  if (expected > 0)
    limits.seconds = kPlannedTime * allowed.seconds * expected / measured;
}

/// Runs a draft, and takes it if it is better than what was found.
FailureOr<bool> BudgetSearch::improve(Draft draft) {
  double most = result.found.divergence + best.caution - draft.caution;
  FailureOr<SearchedPlan> plan = measure(draft, {/*timedBelow=*/most});
  if (failed(plan))
    return failure();
  if (plan->divergence >= most || !keepsBudget(*plan))
    return false;
  best = std::move(draft);
  result.found = std::move(*plan);
  return true;
}

/// Makes what an owner loses count more, or less, and runs the plan that comes
/// of it, as long as one is better.
LogicalResult BudgetSearch::refine() {
  llvm::StringSet<> seen;
  for (const SearchedPlan &plan : result.tried)
    seen.insert(llvm::join(plan.passes, "\n"));
  unsigned round = 0;
  // Whether the plan for these factors is a new one, and better.
  auto tryFactors = [&]() -> FailureOr<bool> {
    correctTimes();
    FailureOr<Draft> next = draft(limits);
    if (failed(next))
      return failure();
    std::string text = llvm::join(next->plan.writePasses(), "\n");
    if (!next->fits() || !seen.insert(text).second)
      return false;
    ++round;
    if (failed(candidates->advance("a better plan")))
      return failure();
    return improve(std::move(*next));
  };
  for (bool improved = true; improved && round < options.rounds;) {
    FailureOr<bool> better = tryFactors();
    if (failed(better))
      return failure();
    improved = *better;
    SmallVector<unsigned> order =
        llvm::to_vector(llvm::seq<unsigned>(0, factors.size()));
    llvm::sort(order, [&](unsigned a, unsigned b) {
      return std::pair(-best.shares[a], a) < std::pair(-best.shares[b], b);
    });
    for (unsigned owner : order)
      for (double factor : {2.0, 0.5}) {
        if (round >= options.rounds || improved)
          break;
        double before = std::exchange(factors[owner], factors[owner] * factor);
        better = tryFactors();
        if (failed(better))
          return failure();
        improved = *better;
        if (!improved)
          factors[owner] = before;
      }
  }
  return success();
}

/// The best of the plans in which all matrices have one format: what people
/// would try first.
LogicalResult BudgetSearch::tryUniform() {
  std::optional<Draft> least;
  for (const NumberFormat *target : targets) {
    if (!target)
      continue;
    llvm::Expected<Draft> draft =
        Drafts(prices, *planner).makeUniform(limits, factors, *target);
    if (!draft)
      return fail() << llvm::toString(draft.takeError());
    if (draft->fits() && (!least || draft->divergence < least->divergence))
      least = std::move(*draft);
  }
  if (!least)
    return success();
  if (failed(candidates->advance("one format")))
    return failure();
  return improve(std::move(*least));
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
  if (failed(verify()) || failed(candidates->prepare("errors of formats")) ||
      failed(prices.collect(module, targets)) || failed(limitSize()) ||
      failed(price()))
    return failure();
  if (budget.time)
    allowed.seconds = *budget.time * prices.seconds;
  limits = {allowed.bytes, kPlannedTime * allowed.seconds};
  if (failed(budget.size || budget.time ? findFirst() : findSmallest()))
    return failure();
  if (!result.found.passes.empty() &&
      (failed(tryUniform()) || failed(refine())))
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
