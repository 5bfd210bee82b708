//===- Candidates.cpp - Programs that a search runs -----------------------===//

#include "Candidates.h"

#include "winnow/Analysis/Services.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {

LogicalResult Candidates::prepare(StringRef what) {
  if (!evaluator.advance(("searching: " + what).str(), 0))
    return fail() << "the search was stopped";
  return success();
}

LogicalResult Candidates::advance(StringRef what) {
  planned = std::max(planned, made + 1);
  std::string text =
      formatv("searching: {0}, run {1} of about {2}", what, made + 1, planned)
          .str();
  if (!evaluator.advance(text, double(made++) / double(planned)))
    return fail() << "the search was stopped";
  return success();
}

/// The model as passes make it.
FailureOr<OwningOpRef<ModuleOp>>
Candidates::change(ArrayRef<std::string> passes) {
  // What a pass would measure for its remarks is measured here.
  Services services = getServices(module);
  services.evaluator = nullptr;
  ServicesScope scope(*module.getContext(), services);
  OwningOpRef<ModuleOp> changed = module.clone();
  PassManager manager(module.getContext());
  std::string why;
  llvm::raw_string_ostream os(why);
  for (const std::string &pass : passes)
    if (failed(parsePassPipeline(pass, manager, os)))
      return fail() << "a plan cannot be parsed: " << why;
  if (failed(manager.run(*changed)))
    return failure();
  return changed;
}

FailureOr<std::vector<PlannedWeight>>
Candidates::planWeights(ModuleOp candidate) {
  std::vector<PlannedWeight> file;
  if (llvm::Error error = planner.plan(candidate).moveInto(file))
    return fail() << "the size of a plan cannot be told: "
                  << llvm::toString(std::move(error));
  return std::move(file);
}

FailureOr<std::vector<PlannedWeight>>
Candidates::planWeights(ArrayRef<std::string> passes) {
  FailureOr<OwningOpRef<ModuleOp>> candidate = change(passes);
  if (failed(candidate))
    return failure();
  return planWeights(**candidate);
}

FailureOr<SearchedPlan> Candidates::measure(ArrayRef<std::string> passes,
                                            const Measurement &how) {
  FailureOr<OwningOpRef<ModuleOp>> candidate = change(passes);
  if (failed(candidate))
    return failure();
  SearchedPlan plan;
  plan.passes.assign(passes.begin(), passes.end());
  if (how.isSized) {
    FailureOr<std::vector<PlannedWeight>> file = planWeights(**candidate);
    if (failed(file))
      return failure();
    if (llvm::Error error = planner.getFileSize(*file).moveInto(plan.bytes))
      return fail() << llvm::toString(std::move(error));
  }
  llvm::Expected<Quality> quality =
      evaluator.evaluate(**candidate, how.share, &plan.time, how.timedBelow);
  if (!quality)
    return fail() << "a plan cannot be measured: "
                  << llvm::toString(quality.takeError());
  plan.divergence = quality->divergence;
  return plan;
}

FailureOr<RunTime> Candidates::time(ArrayRef<std::string> passes) {
  FailureOr<OwningOpRef<ModuleOp>> candidate = change(passes);
  if (failed(candidate))
    return failure();
  llvm::Expected<RunTime> time = evaluator.time(**candidate);
  if (!time)
    return fail() << "a plan cannot be timed: "
                  << llvm::toString(time.takeError());
  return std::move(*time);
}

} // namespace winnow
