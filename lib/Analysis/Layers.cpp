//===- Layers.cpp - The layers of a model, as passes count them -----------===//

#include "winnow/Analysis/Layers.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace winnow {

std::optional<Granularity> parseGranularity(StringRef name) {
  return llvm::StringSwitch<std::optional<Granularity>>(name)
      .Case("block", Granularity::Block)
      .Case("attention", Granularity::Attention)
      .Case("mlp", Granularity::Mlp)
      .Case("joint", Granularity::Joint)
      .Default(std::nullopt);
}

static bool mixesTokens(LayerOp layer) {
  return layer
      .walk([](TokenFlowOpInterface op) {
        return op.getTokenFlow() == TokenFlow::PerToken
                   ? WalkResult::advance()
                   : WalkResult::interrupt();
      })
      .wasInterrupted();
}

SmallVector<LayerGroup> groupLayers(func::FuncOp function,
                                    Granularity granularity) {
  SmallVector<LayerGroup> groups;
  for (auto layer : function.getOps<LayerOp>()) {
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

StringRef getLayerName(LayerOp layer) {
  auto name = dyn_cast<NameLoc>(layer.getLoc());
  return name ? name.getName().getValue() : StringRef();
}

Value outside(LayerOp layer, Value inside) {
  auto argument = dyn_cast_or_null<BlockArgument>(inside);
  return argument ? layer.getInputs()[argument.getArgNumber()] : Value();
}

std::string getGroupName(const LayerGroup &group) {
  StringRef first = getLayerName(group.front());
  StringRef last = getLayerName(group.back());
  if (first.empty() || last.empty())
    return "";
  return group.size() == 1 ? first.str() : (first + ".." + last).str();
}

/// Whether rows come from a norm, perhaps fewer of them, or some from a later
/// one.
static bool comeFromNorm(Value rows) {
  Operation *op = rows.getDefiningOp();
  if (auto restore = dyn_cast_or_null<TokenRestoreOp>(op))
    return comeFromNorm(restore.getInput());
  if (auto gather = dyn_cast_or_null<TokenGatherOp>(op))
    return comeFromNorm(gather.getInput());
  if (auto merge = dyn_cast_or_null<TokenMergeOp>(op))
    return comeFromNorm(merge.getInput());
  return isa_and_present<NormOp>(op);
}

/// The norm that alone reads what a layer behind a norm gives.
static NormOp getNormBehind(LayerOp layer) {
  Value output = layer.getOutput();
  if (!output.hasOneUse() || !comeFromNorm(layer.getResidual()))
    return nullptr;
  auto norm = dyn_cast<NormOp>(*output.user_begin());
  return norm && norm.getInput() == output ? norm : nullptr;
}

PostNorms::PostNorms(func::FuncOp function)
    : everywhere(llvm::all_of(function.getOps<LayerOp>(), getNormBehind)) {}

NormOp PostNorms::lookup(LayerOp layer) const {
  return everywhere ? getNormBehind(layer) : NormOp();
}

} // namespace winnow
