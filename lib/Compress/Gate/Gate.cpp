//===- Gate.cpp - Tokens that layers pass over ----------------------------===//

#include "GateCriterion.h"
#include "GatedLayers.h"

#include "../DeadOps.h"

#include "winnow/Analysis/Layers.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Compress/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWGATE
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

/// All criteria. Another one is a file and a line here.
static const GateCriterion *const kGateCriteria[] = {
    &kGateCosine, &kGateNorm, &kGateRandom, &kGateRouter};

namespace {

struct Gate : public winnow::impl::WinnowGateBase<Gate> {
  using WinnowGateBase::WinnowGateBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  LogicalResult verifyBudgets();
  LogicalResult gateAt(func::FuncOp function, int64_t number, double budget);
  FailureOr<double> findThreshold(LayerOp first, const LayerGroup &before,
                                  double share);
  LogicalResult gate(func::FuncOp function);
  /// A threshold, or a share of tokens.
  double budgetOf(size_t index) {
    const auto &budgets = skip.empty() ? threshold : skip;
    return budgets.size() == 1 ? budgets[0] : budgets[index];
  }

  Granularity counted;
  const GateCriterion *judge = nullptr;
};

} // namespace

LogicalResult Gate::verifyBudgets() {
  Location location = getOperation().getLoc();
  if (!skip.empty() && !threshold.empty())
    return emitError(location) << "expects either 'threshold' or 'skip' of "
                                  "winnow-gate, found both";
  StringRef name = skip.empty() ? "threshold" : "skip";
  size_t count = skip.empty() ? threshold.size() : skip.size();
  if (count != 1 && count != layers.size())
    return emitError(location)
           << "expects '" << name
           << "' of winnow-gate to be one number or one for each of 'layers'; "
              "found "
           << count << " for " << layers.size();
  for (double number : threshold)
    if (!(number >= 0))
      return emitError(location) << "expects 'threshold' of winnow-gate to be "
                                    "at least 0; found "
                                 << number;
  for (double share : skip)
    if (!(share >= 0 && share < 1))
      return emitError(location) << "expects 'skip' of winnow-gate to be at "
                                    "least 0 and below 1; found "
                                 << share;
  if (!skip.empty() && judge->quantiles.empty())
    return emitError(location) << "'skip' of winnow-gate needs statistics of "
                                  "scores, which 'criterion="
                               << criterion << "' has none of";
  return success();
}

LogicalResult Gate::verifyOptions() {
  Location location = getOperation().getLoc();
  std::optional<Granularity> parsed = parseGranularity(granularity);
  if (!parsed || *parsed == Granularity::Joint)
    return emitError(location)
           << "expects 'granularity' of winnow-gate to be block, attention or "
              "mlp; found '"
           << granularity << "'";
  counted = *parsed;
  const auto *found =
      llvm::find_if(kGateCriteria, [&](const GateCriterion *candidate) {
        return candidate->name == criterion;
      });
  if (found == std::end(kGateCriteria)) {
    InFlightDiagnostic error = emitError(location);
    error << "expects 'criterion' of winnow-gate to be one of ";
    llvm::interleave(
        kGateCriteria, [&](const GateCriterion *c) { error << c->name; },
        [&] { error << ", "; });
    return error << "; found '" << criterion << "'";
  }
  judge = *found;
  if (exit && counted != Granularity::Block)
    return emitError(location)
           << "'exit' of winnow-gate is of blocks, not of granularity '"
           << granularity << "'";
  if (failed(verifyBudgets()))
    return failure();
  for (size_t index = 1; index < layers.size(); ++index)
    if (layers[index] <= layers[index - 1])
      return emitError(location)
             << "expects 'layers' of winnow-gate to rise; found "
             << layers[index - 1] << " before " << layers[index];
  return success();
}

/// What the tokens in front of `layer` were in front of the one before.
static Value findBefore(Value tokens, LayerOp before) {
  Value rows = before.getResidual();
  // Those that passed the one before over are among them again.
  auto restore = tokens.getDefiningOp<TokenRestoreOp>();
  auto gather = rows.getDefiningOp<TokenGatherOp>();
  if (restore && gather && restore.getKept() == gather.getIndices())
    return gather.getInput();
  return rows;
}

/// The score below which a share of the tokens of the calibration were.
FailureOr<double> Gate::findThreshold(LayerOp first, const LayerGroup &before,
                                      double share) {
  std::string name = before.empty() ? "" : getGroupName(before);
  Statistics statistics(getOperation());
  std::optional<ArrayRef<float>> quantiles =
      statistics.lookup(judge->quantiles, name);
  if (!quantiles || quantiles->size() != 101)
    return first.emitOpError("needs the statistics '")
           << getStatisticKey(judge->quantiles, name)
           << "' for 'skip' of winnow-gate: --statistics=FILE, written by "
              "winnow-compile --calibrate";
  double place = 100 * share;
  auto below = static_cast<size_t>(place);
  double least = (*quantiles)[below], most = (*quantiles)[below + 1];
  return least + (place - double(below)) * (most - least);
}

LogicalResult Gate::gateAt(func::FuncOp function, int64_t number,
                           double budget) {
  SmallVector<LayerGroup> groups = groupLayers(function, counted);
  if (number < 0 || number >= static_cast<int64_t>(groups.size()))
    return function.emitOpError("has ")
           << groups.size() << " layers of granularity '" << granularity
           << "', counted from 0; 'layers' of winnow-gate names " << number;
  LayerOp first = groups[number].front(), last = groups[number].back();
  PostNorms norms(function);
  // What is in front: of blocks the block, else the layer.
  LayerGroup before;
  if (counted == Granularity::Block && number)
    before = groups[number - 1];
  else
    for (auto layer : function.getOps<LayerOp>()) {
      if (layer == first)
        break;
      before = {layer};
    }
  if (exit)
    for (auto layer : function.getOps<LayerOp>())
      last = layer;

  double least = budget;
  if (!skip.empty()) {
    FailureOr<double> found = findThreshold(first, before, budget);
    if (failed(found))
      return failure();
    least = *found;
  }
  OpBuilder builder(first);
  Value tokens = first.getResidual();
  GateSite site{function,
                first.getLoc(),
                number,
                tokens,
                before.empty() ? Value() : findBefore(tokens, before.front()),
                {seed, router}};
  FailureOr<Value> scores = judge->score(builder, site);
  if (failed(scores))
    return failure();
  auto policy = TokenPolicyAttr::get(&getContext(), /*keep=*/FloatAttr(),
                                     builder.getF32FloatAttr(least),
                                     Rounding::Up, /*first=*/0, /*last=*/0);
  auto ids =
      RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  Value kept = TokenSelectOp::create(builder, site.location, ids,
                                     /*into=*/Type(), /*weights=*/Type(),
                                     *scores, Value(), Value(), policy)
                   .getKept();
  std::string name = getGroupName(groups[number]);
  if (name.empty())
    name = formatv("{0} {1}", granularity, number).str();
  // A remark before anything can fail.
  remark::passed(site.location,
                 remark::RemarkOpts::name(name).category("gate").function(
                     function.getName()))
      << formatv("{0} of less than {1} passes {2}", judge->name, least,
                 exit ? "it and all later layers over" : "it over")
             .str();
  NormOp norm = norms.lookup(last);
  return GatedLayers(site.tokens, kept)
      .run(first, norm ? norm.getOperation() : last.getOperation());
}

LogicalResult Gate::gate(func::FuncOp function) {
  for (auto [index, number] : llvm::enumerate(layers)) {
    if (budgetOf(index) == 0)
      continue;
    if (failed(gateAt(function, number, budgetOf(index))))
      return failure();
    ++numGates;
  }
  for (auto changed : function.getOps<LayerOp>())
    eraseDeadOps(changed.getBody().front());
  eraseDeadOps(function.getBody().front());
  return success();
}

void Gate::runOnOperation() {
  if (failed(verifyOptions()))
    return signalPassFailure();
  bool changes = false;
  for (size_t index = 0; index < layers.size(); ++index)
    changes |= budgetOf(index) != 0;
  if (!changes)
    return markAllAnalysesPreserved();
  SmallVector<func::FuncOp> functions;
  for (auto function : getOperation().getOps<func::FuncOp>())
    if (!function.getOps<LayerOp>().empty())
      functions.push_back(function);
  if (functions.empty()) {
    emitError(getOperation().getLoc())
        << "has no layers that winnow-gate could gate";
    return signalPassFailure();
  }
  for (func::FuncOp function : functions)
    if (failed(gate(function)))
      return signalPassFailure();
}
