//===- DropLayers.cpp - Leave out residual layers -------------------------===//

#include "DeadOps.h"

#include "winnow/Analysis/CacheFlow.h"
#include "winnow/Analysis/Layers.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Compress/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWDROPLAYERS
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

//===----------------------------------------------------------------------===//
// Dropping
//===----------------------------------------------------------------------===//

/// Replaces a layer, and `norm` behind it if there is one, by its residual.
static LogicalResult dropLayer(LayerOp layer, NormOp norm) {
  Block &body = layer.getBody().front();
  for (OpResult extra : layer.getExtras()) {
    if (extra.use_empty())
      continue;
    Value yielded = body.getTerminator()->getOperand(extra.getResultNumber());
    BlockArgument origin = isa<KvCacheType>(extra.getType())
                               ? findCacheOrigin(yielded)
                               : BlockArgument();
    if (!origin || origin.getOwner() != &body)
      return layer.emitOpError("cannot be dropped: its result #")
             << extra.getResultNumber()
             << " is used, and is no cache that it was given";
    extra.replaceAllUsesWith(layer.getInputs()[origin.getArgNumber()]);
  }
  if (norm) {
    norm.getOutput().replaceAllUsesWith(layer.getResidual());
    norm.erase();
  } else {
    layer.getOutput().replaceAllUsesWith(layer.getResidual());
  }
  layer.erase();
  return success();
}

/// Takes caches that pass through a function unchanged from its arguments and
/// results. Returns how many there were.
static unsigned eraseIdleCaches(func::FuncOp function) {
  Operation *terminator = function.getBody().front().getTerminator();
  llvm::BitVector arguments(function.getNumArguments());
  llvm::BitVector results(function.getNumResults());
  for (OpOperand &operand : terminator->getOpOperands()) {
    auto argument = dyn_cast<BlockArgument>(operand.get());
    if (!argument || !isa<KvCacheType>(argument.getType()) ||
        !argument.hasOneUse())
      continue;
    arguments.set(argument.getArgNumber());
    results.set(operand.getOperandNumber());
  }
  terminator->eraseOperands(results);
  // Neither can fail: a function with a body may lose both.
  (void)function.eraseArguments(arguments);
  (void)function.eraseResults(results);
  return arguments.count();
}

/// Names of the params that are used in `root`.
static llvm::StringSet<> usedParams(Operation *root) {
  llvm::StringSet<> names;
  root->walk([&](ParamRefOp use) { names.insert(use.getParam()); });
  return names;
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

namespace {

/// How much a layer changes the residual stream, by a statistic: what changes
/// it least goes first.
struct Metric {
  StringLiteral name;
  StringLiteral statistic;
  /// The metric is offset + sign * statistic, and the least of `order` *
  /// metric goes first.
  double offset, sign, order;
};

/// A group of layers that is dropped, and why.
struct Choice {
  int64_t number;
  std::string reason;
};

} // namespace

static constexpr Metric kMetrics[] = {
    {"cosine", "similarity.cosine", 0, 1, -1},
    {"shortgpt", "similarity.cosine", 1, -1, 1},
    {"angle", "similarity.angle", 0, 1, 1},
};

namespace {

struct DropLayers : public winnow::impl::WinnowDropLayersBase<DropLayers> {
  using WinnowDropLayersBase::WinnowDropLayersBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  LogicalResult verifyNumbers(func::FuncOp function, ArrayRef<int64_t> numbers,
                              StringRef option, size_t groups);
  FailureOr<SmallVector<Choice>> choose(func::FuncOp function,
                                        ArrayRef<LayerGroup> groups);
  FailureOr<SmallVector<Choice>> chooseByMetric(func::FuncOp function,
                                                ArrayRef<LayerGroup> groups);
  LogicalResult drop(func::FuncOp function);

  Granularity counted;
  const Metric *chooser = nullptr;
};

} // namespace

LogicalResult DropLayers::verifyOptions() {
  Location location = getOperation().getLoc();
  std::optional<Granularity> parsed = parseGranularity(granularity);
  if (!parsed)
    return emitError(location)
           << "expects 'granularity' of winnow-drop-layers to be block, "
              "attention, mlp or joint; found '"
           << granularity << "'";
  counted = *parsed;
  chooser = llvm::find_if(kMetrics,
                          [&](const Metric &m) { return m.name == metric; });
  if (chooser == std::end(kMetrics))
    return emitError(location)
           << "expects 'metric' of winnow-drop-layers to be cosine, shortgpt "
              "or angle; found '"
           << metric << "'";
  if (metric == "shortgpt" && counted != Granularity::Block)
    return emitError(location) << "'metric=shortgpt' of winnow-drop-layers is "
                                  "of blocks, not of granularity '"
                               << granularity << "'";
  if (count < 0)
    return emitError(location) << "expects 'count' of winnow-drop-layers to be "
                                  "at least 0; found "
                               << count.getValue();
  if (count && !layers.empty())
    return emitError(location) << "expects either 'layers' or 'count' of "
                                  "winnow-drop-layers, found both";
  if (count && !Statistics(getOperation()).exist())
    return emitError(location)
           << "'count' of winnow-drop-layers needs statistics: "
              "--statistics=FILE, written by winnow-compile --calibrate";
  llvm::SmallSet<int64_t, 8> seen;
  for (int64_t layer : layers)
    if (!seen.insert(layer).second)
      return emitError(location)
             << "'layers' of winnow-drop-layers names " << layer << " twice";
  return success();
}

LogicalResult DropLayers::verifyNumbers(func::FuncOp function,
                                        ArrayRef<int64_t> numbers,
                                        StringRef option, size_t groups) {
  for (int64_t number : numbers)
    if (number < 0 || number >= static_cast<int64_t>(groups))
      return function.emitOpError("has ")
             << groups << " layers of granularity '" << granularity
             << "', counted from 0; '" << option
             << "' of winnow-drop-layers names " << number;
  return success();
}

FailureOr<SmallVector<Choice>>
DropLayers::chooseByMetric(func::FuncOp function, ArrayRef<LayerGroup> groups) {
  Statistics statistics(getOperation());
  SmallVector<std::pair<double, int64_t>> ranked;
  for (auto [number, group] : llvm::enumerate(groups)) {
    if (llvm::is_contained(protect, static_cast<int64_t>(number)))
      continue;
    std::string name = getGroupName(group);
    std::optional<double> found =
        statistics.lookupNumber(chooser->statistic, name);
    if (!found)
      return LayerOp(group.front())
                 .emitOpError("is not in the statistics: "
                              "they have no '")
             << getStatisticKey(chooser->statistic, name) << "'";
    ranked.emplace_back(chooser->offset + chooser->sign * *found, number);
  }
  if (count > static_cast<int64_t>(ranked.size()))
    return function.emitOpError("has ")
           << ranked.size() << " layers of granularity '" << granularity
           << "' that may go; 'count' of winnow-drop-layers is "
           << count.getValue();
  llvm::sort(ranked, [&](const auto &a, const auto &b) {
    double x = chooser->order * a.first, y = chooser->order * b.first;
    return std::tie(x, a.second) < std::tie(y, b.second);
  });
  SmallVector<Choice> choices;
  for (auto [value, number] : ArrayRef(ranked).take_front(count))
    choices.push_back(
        {number, formatv("{0} {1} has {2} {3:f6}, number {4} of {5}",
                         granularity, number, chooser->name, value,
                         choices.size() + 1, ranked.size())
                     .str()});
  return choices;
}

FailureOr<SmallVector<Choice>> DropLayers::choose(func::FuncOp function,
                                                  ArrayRef<LayerGroup> groups) {
  if (failed(verifyNumbers(function, layers, "layers", groups.size())) ||
      failed(verifyNumbers(function, protect, "protect", groups.size())))
    return failure();
  if (count)
    return chooseByMetric(function, groups);
  return llvm::map_to_vector(layers, [&](int64_t number) {
    return Choice{number,
                  formatv("{0} {1} is in the list", granularity, number).str()};
  });
}

/// What a remark calls a layer: its name in the checkpoint, if there is one.
static std::string nameOf(LayerOp layer, StringRef granularity,
                          int64_t number) {
  if (StringRef name = getLayerName(layer); !name.empty())
    return name.str();
  return formatv("{0} {1}", granularity, number).str();
}

LogicalResult DropLayers::drop(func::FuncOp function) {
  numSeen += llvm::range_size(function.getOps<LayerOp>());
  SmallVector<LayerGroup> groups = groupLayers(function, counted);
  PostNorms norms(function);
  FailureOr<SmallVector<Choice>> choices = choose(function, groups);
  if (failed(choices))
    return failure();
  for (const Choice &choice : *choices)
    for (LayerOp layer : groups[choice.number]) {
      std::string name = nameOf(layer, granularity, choice.number);
      remark::passed(layer.getLoc(), remark::RemarkOpts::name(name)
                                         .category("drop-layers")
                                         .function(function.getName()))
          << formatv("dropped with {0} weights: {1}", usedParams(layer).size(),
                     choice.reason)
                 .str();
      if (failed(dropLayer(layer, norms.lookup(layer))))
        return failure();
      ++numDropped;
    }
  eraseDeadOps(function.getBody().front());
  return success();
}

void DropLayers::runOnOperation() {
  ModuleOp module = getOperation();
  if (failed(verifyOptions()))
    return signalPassFailure();
  if (layers.empty() && count == 0)
    return markAllAnalysesPreserved();
  llvm::StringSet<> before = usedParams(module);
  bool hasLayers = false;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.getOps<LayerOp>().empty())
      continue;
    hasLayers = true;
    if (failed(drop(function)))
      return signalPassFailure();
    numCaches += eraseIdleCaches(function);
  }
  if (!hasLayers) {
    emitError(module.getLoc())
        << "has no layers that winnow-drop-layers could drop";
    return signalPassFailure();
  }
  llvm::StringSet<> after = usedParams(module);
  for (auto param : llvm::make_early_inc_range(module.getOps<ParamOp>())) {
    if (!before.contains(param.getSymName()) ||
        after.contains(param.getSymName()))
      continue;
    param.erase();
    ++numParams;
  }
}
