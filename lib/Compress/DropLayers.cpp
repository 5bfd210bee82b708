//===- DropLayers.cpp - Leave out residual layers -------------------------===//

#include "LayerChooser.h"
#include "LayerRemover.h"

#include "winnow/Compress/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWDROPLAYERS
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

namespace {

struct DropLayers : public winnow::impl::WinnowDropLayersBase<DropLayers> {
  using WinnowDropLayersBase::WinnowDropLayersBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  LogicalResult verifySources();
  LogicalResult verifyNumbers(func::FuncOp function, ArrayRef<int64_t> numbers,
                              StringRef option, size_t groups);
  FailureOr<SmallVector<LayerChoice>> choose(func::FuncOp function,
                                             ArrayRef<LayerGroup> groups);
  FailureOr<SmallVector<LayerChoice>>
  chooseByMetric(func::FuncOp function, ArrayRef<LayerGroup> groups);
  LogicalResult drop(func::FuncOp function);
  /// Whether the choice is made by running candidates.
  bool isMeasured() const {
    return chooser->isMeasured() || order == "iterative";
  }

  Granularity counted;
  const LayerMetric *chooser = nullptr;
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
  chooser = LayerMetric::lookup(metric);
  if (!chooser)
    return emitError(location)
           << "expects 'metric' of winnow-drop-layers to be cosine, shortgpt, "
              "angle or kl; found '"
           << metric << "'";
  if (order != "oneshot" && order != "iterative")
    return emitError(location)
           << "expects 'order' of winnow-drop-layers to be oneshot or "
              "iterative; found '"
           << order << "'";
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
  if (count && failed(verifySources()))
    return failure();
  llvm::SmallSet<int64_t, 8> seen;
  for (int64_t layer : layers)
    if (!seen.insert(layer).second)
      return emitError(location)
             << "'layers' of winnow-drop-layers names " << layer << " twice";
  return success();
}

/// What a choice is made by has to be there.
LogicalResult DropLayers::verifySources() {
  Location location = getOperation().getLoc();
  if (!isMeasured()) {
    if (Statistics(getOperation()).exist())
      return success();
    return emitError(location)
           << "'count' of winnow-drop-layers needs statistics: "
              "--statistics=FILE, written by winnow-compile --calibrate";
  }
  StringRef option = chooser->isMeasured() ? "metric=kl" : "order=iterative";
  if (!getServices(getOperation()).evaluator)
    return emitError(location)
           << "'" << option
           << "' of winnow-drop-layers needs texts to measure candidates on: "
              "winnow-compile --evaluate-on TEXTFILE";
  auto functions = getOperation().getOps<func::FuncOp>();
  if (llvm::count_if(functions, [](func::FuncOp function) {
        return !function.getOps<LayerOp>().empty();
      }) > 1)
    return emitError(location)
           << "'" << option
           << "' of winnow-drop-layers measures models whose layers are in one "
              "function; this one has several";
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

FailureOr<SmallVector<LayerChoice>>
DropLayers::chooseByMetric(func::FuncOp function, ArrayRef<LayerGroup> groups) {
  SmallVector<int64_t> allowed;
  for (int64_t number = 0; number < static_cast<int64_t>(groups.size());
       ++number)
    if (!llvm::is_contained(protect, number))
      allowed.push_back(number);
  if (count > static_cast<int64_t>(allowed.size()))
    return function.emitOpError("has ")
           << allowed.size() << " layers of granularity '" << granularity
           << "' that may go; 'count' of winnow-drop-layers is "
           << count.getValue();
  return LayerChooser(function, groups, granularity, *chooser,
                      order == "iterative")
      .choose(allowed, count);
}

FailureOr<SmallVector<LayerChoice>>
DropLayers::choose(func::FuncOp function, ArrayRef<LayerGroup> groups) {
  if (failed(verifyNumbers(function, layers, "layers", groups.size())) ||
      failed(verifyNumbers(function, protect, "protect", groups.size())))
    return failure();
  if (count)
    return chooseByMetric(function, groups);
  return llvm::map_to_vector(layers, [&](int64_t number) {
    return LayerChoice{
        number, formatv("{0} {1} is in the list", granularity, number).str()};
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
  LayerRemover remover(function);
  FailureOr<SmallVector<LayerChoice>> choices = choose(function, groups);
  if (failed(choices))
    return failure();
  for (const LayerChoice &choice : *choices)
    for (LayerOp layer : groups[choice.number]) {
      std::string name = nameOf(layer, granularity, choice.number);
      remark::passed(layer.getLoc(), remark::RemarkOpts::name(name)
                                         .category("drop-layers")
                                         .function(function.getName()))
          << formatv("dropped with {0} weights: {1}", usedParams(layer).size(),
                     choice.reason)
                 .str();
      if (failed(remover.remove(layer)))
        return failure();
      ++numDropped;
    }
  numCaches += remover.finish();
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
