//===- DropLayers.cpp - Leave out residual layers -------------------------===//

#include "winnow/Analysis/CacheFlow.h"
#include "winnow/Compress/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWDROPLAYERS
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

namespace {
enum class Granularity { Block, Attention, Mlp, Joint };
} // namespace

static std::optional<Granularity> parseGranularity(StringRef name) {
  return llvm::StringSwitch<std::optional<Granularity>>(name)
      .Case("block", Granularity::Block)
      .Case("attention", Granularity::Attention)
      .Case("mlp", Granularity::Mlp)
      .Case("joint", Granularity::Joint)
      .Default(std::nullopt);
}

//===----------------------------------------------------------------------===//
// What can be dropped
//===----------------------------------------------------------------------===//

static bool mixesTokens(LayerOp layer) {
  return layer
      .walk([](TokenFlowOpInterface op) {
        return op.getTokenFlow() == TokenFlow::PerToken
                   ? WalkResult::advance()
                   : WalkResult::interrupt();
      })
      .wasInterrupted();
}

/// The layers that are dropped together, for each number that `layers` can
/// hold.
static SmallVector<SmallVector<LayerOp>> groupLayers(ArrayRef<LayerOp> layers,
                                                     Granularity granularity) {
  SmallVector<SmallVector<LayerOp>> groups;
  for (LayerOp layer : layers) {
    bool mixes = mixesTokens(layer);
    if (granularity == Granularity::Block && !mixes && !groups.empty())
      groups.back().push_back(layer);
    else if (granularity == Granularity::Block ||
             granularity == Granularity::Joint ||
             mixes == (granularity == Granularity::Attention))
      groups.push_back({layer});
  }
  return groups;
}

/// The norm behind a layer, if it normalises the residual stream.
static NormOp getNormBehind(LayerOp layer) {
  Value output = layer.getOutput();
  if (!output.hasOneUse() || !layer.getResidual().getDefiningOp<NormOp>())
    return nullptr;
  auto norm = dyn_cast<NormOp>(*output.user_begin());
  return norm && norm.getInput() == output ? norm : nullptr;
}

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

/// Erases ops whose results nothing reads, and what only they read.
static void eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
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

namespace {

struct DropLayers : public winnow::impl::WinnowDropLayersBase<DropLayers> {
  using WinnowDropLayersBase::WinnowDropLayersBase;

  void runOnOperation() override;

private:
  LogicalResult verifyList();
  LogicalResult drop(func::FuncOp function, Granularity granularity);
};

} // namespace

/// Each layer is named once.
LogicalResult DropLayers::verifyList() {
  llvm::SmallSet<int64_t, 8> seen;
  for (int64_t layer : layers)
    if (!seen.insert(layer).second)
      return emitError(getOperation().getLoc())
             << "'layers' of winnow-drop-layers names " << layer << " twice";
  return success();
}

/// What a remark calls a layer: its name in the checkpoint, if there is one.
static std::string nameOf(LayerOp layer, StringRef granularity,
                          int64_t number) {
  if (auto name = dyn_cast<NameLoc>(layer.getLoc()))
    return name.getName().str();
  return formatv("{0} {1}", granularity, number).str();
}

LogicalResult DropLayers::drop(func::FuncOp function, Granularity granularity) {
  SmallVector<LayerOp> all(function.getOps<LayerOp>());
  numSeen += all.size();
  SmallVector<SmallVector<LayerOp>> groups = groupLayers(all, granularity);
  // Only where the stream is normalised behind every layer; elsewhere it is
  // the norm in front of the head.
  bool normsFollow = llvm::all_of(all, getNormBehind);
  for (int64_t number : layers)
    if (number < 0 || number >= static_cast<int64_t>(groups.size()))
      return function.emitOpError("has ")
             << groups.size() << " layers of granularity '" << this->granularity
             << "', counted from 0; 'layers' of winnow-drop-layers names "
             << number;
  for (int64_t number : layers)
    for (LayerOp layer : groups[number]) {
      std::string name = nameOf(layer, this->granularity, number);
      remark::passed(layer.getLoc(), remark::RemarkOpts::name(name)
                                         .category("drop-layers")
                                         .function(function.getName()))
          << formatv("dropped with {0} weights: {1} {2} is in the list",
                     usedParams(layer).size(), this->granularity, number)
                 .str();
      if (failed(
              dropLayer(layer, normsFollow ? getNormBehind(layer) : NormOp())))
        return failure();
      ++numDropped;
    }
  eraseDeadOps(function.getBody().front());
  return success();
}

void DropLayers::runOnOperation() {
  ModuleOp module = getOperation();
  std::optional<Granularity> parsed = parseGranularity(granularity);
  if (!parsed) {
    emitError(module.getLoc())
        << "expects 'granularity' of winnow-drop-layers to be block, "
           "attention, mlp or joint; found '"
        << granularity << "'";
    return signalPassFailure();
  }
  if (layers.empty())
    return markAllAnalysesPreserved();
  if (failed(verifyList()))
    return signalPassFailure();
  llvm::StringSet<> before = usedParams(module);
  bool hasLayers = false;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.getOps<LayerOp>().empty())
      continue;
    hasLayers = true;
    if (failed(drop(function, *parsed)))
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
