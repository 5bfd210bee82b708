//===- Observe.cpp - Taps for a calibration -------------------------------===//

#include "DeadOps.h"
#include "NamePattern.h"

#include "winnow/Analysis/Layers.h"
#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Compress/Passes.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace winnow {
#define GEN_PASS_DEF_WINNOWOBSERVE
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

/// The name of the entry point with taps: no decoder any more, whose logits
/// the runtime would look for.
static constexpr llvm::StringLiteral kObserveEntry = "observe";

namespace {

struct Observe : public winnow::impl::WinnowObserveBase<Observe> {
  using WinnowObserveBase::WinnowObserveBase;

  void runOnOperation() override;

private:
  FailureOr<llvm::SmallVector<ObserveKind>> parseKinds();
  void observeInputs(func::FuncOp function, ObserveKind kind,
                     const NamePattern &names);
  LogicalResult observeLayers(func::FuncOp function, const NamePattern &names);
  LogicalResult reduceToTaps(func::FuncOp function);
};

} // namespace

FailureOr<llvm::SmallVector<ObserveKind>> Observe::parseKinds() {
  llvm::SmallVector<ObserveKind> parsed;
  for (const std::string &name : kinds) {
    std::optional<ObserveKind> kind = symbolizeObserveKind(name);
    if (!kind)
      return emitError(getOperation().getLoc())
             << "expects 'kinds' of winnow-observe to be channels, gram or "
                "similarity; found '"
             << name << "'";
    if (!llvm::is_contained(parsed, *kind))
      parsed.push_back(*kind);
  }
  return parsed;
}

/// What a value was before it was recoded.
static Value stripRecodes(Value value) {
  while (auto recode = value.getDefiningOp<RecodeOp>())
    value = recode.getInput();
  return value;
}

/// Taps the inputs of linear layers, once for each weight.
void Observe::observeInputs(func::FuncOp function, ObserveKind kind,
                            const NamePattern &names) {
  function.walk([&](LinearOp linear) {
    std::optional<OfflineWeight> weight =
        matchOfflineWeight(linear.getWeight());
    Value input = stripRecodes(linear.getInput());
    if (!weight || getEncoding(input.getType()) ||
        !names.matches(weight->use.getParam(), true))
      return;
    OpBuilder builder(linear);
    ObserveOp::create(builder, linear.getLoc(), kind, weight->use.getParam(),
                      input);
    ++numTaps;
  });
}

/// Taps what goes into layers and blocks of layers and what comes out.
LogicalResult Observe::observeLayers(func::FuncOp function,
                                     const NamePattern &names) {
  PostNorms norms(function);
  llvm::StringSet<> seen;
  for (Granularity granularity : {Granularity::Joint, Granularity::Block})
    for (const LayerGroup &group : groupLayers(function, granularity)) {
      LayerOp last = group.back();
      std::string name = getGroupName(group);
      if (name.empty())
        return last.emitOpError("expects layers to have names, as locations, "
                                "that statistics can be found by");
      // Blocks of one layer are layers.
      if (!names.matches(StringRef(name), true) || !seen.insert(name).second)
        continue;
      NormOp norm = norms.lookup(last);
      Value output = norm ? norm.getOutput() : last.getOutput();
      OpBuilder builder(&getContext());
      builder.setInsertionPointAfterValue(output);
      ObserveOp::create(
          builder, last.getLoc(), ObserveKind::Similarity, name,
          ValueRange{LayerOp(group.front()).getResidual(), output});
      ++numTaps;
    }
  return success();
}

/// Erases the results of an entry point but caches, what only they need, and
/// arguments that nothing needs.
LogicalResult Observe::reduceToTaps(func::FuncOp function) {
  Block &body = function.getBody().front();
  Operation *terminator = body.getTerminator();
  llvm::BitVector results(function.getNumResults());
  for (OpOperand &operand : terminator->getOpOperands())
    if (!isa<KvCacheType>(operand.get().getType()))
      results.set(operand.getOperandNumber());
  terminator->eraseOperands(results);
  eraseDeadOps(body);
  llvm::BitVector arguments(function.getNumArguments());
  for (BlockArgument argument : function.getArguments())
    if (argument.use_empty())
      arguments.set(argument.getArgNumber());
  return success(succeeded(function.eraseResults(results)) &&
                 succeeded(function.eraseArguments(arguments)));
}

void Observe::runOnOperation() {
  ModuleOp module = getOperation();
  FailureOr<llvm::SmallVector<ObserveKind>> parsed = parseKinds();
  NamePattern names(only);
  if (failed(parsed) || failed(names.verify(module.getLoc(), "only")))
    return signalPassFailure();
  SmallVector<func::FuncOp> entries;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(kEntryAttr))
      entries.push_back(function);
  if (entries.size() != 1) {
    emitError(module.getLoc())
        << "expects one entry point that winnow-observe could tap, found "
        << entries.size();
    return signalPassFailure();
  }
  func::FuncOp function = entries.front();
  for (ObserveKind kind : *parsed)
    if (kind != ObserveKind::Similarity)
      observeInputs(function, kind, names);
    else if (failed(observeLayers(function, names)))
      return signalPassFailure();
  auto found = [](ObserveOp) { return WalkResult::interrupt(); };
  if (!function.walk(found).wasInterrupted()) {
    emitError(module.getLoc()) << "has nothing that winnow-observe could tap"
                               << (only.empty() ? "" : " of that name");
    return signalPassFailure();
  }
  if (failed(reduceToTaps(function)))
    return signalPassFailure();
  function.setSymName(kObserveEntry);
}
