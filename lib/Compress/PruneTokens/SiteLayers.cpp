//===- SiteLayers.cpp - The layers around a pruning -----------------------===//

#include "SiteLayers.h"

#include "winnow/Analysis/Layers.h"

using namespace mlir;

namespace winnow {

static LogicalResult refuse(LayerOp layer, const Twine &reason) {
  return layer.emitOpError("has no tokens that winnow-prune-tokens could "
                           "prune: ")
         << reason;
}

static FailureOr<AttentionLayer> findAttention(LayerOp layer) {
  SmallVector<AttentionOp> found;
  layer.walk([&](AttentionOp attention) { found.push_back(attention); });
  if (found.size() != 1)
    return refuse(layer, "it has not one attention but " + Twine(found.size()));
  return AttentionLayer{layer, found.front()};
}

FailureOr<SiteLayers> findSiteLayers(func::FuncOp function, PrunedModel model,
                                     int64_t number) {
  bool inPrompt = model == PrunedModel::Prompt;
  SmallVector<LayerGroup> groups = groupLayers(
      function, inPrompt ? Granularity::Block : Granularity::Attention);
  // In front of a block of a decoder is behind the one before.
  int64_t least = inPrompt, count = groups.size();
  if (number < least || number >= count)
    return function.emitOpError("has ")
           << count << (inPrompt ? " blocks" : " attention layers")
           << ", counted from 0; 'layer' of winnow-prune-tokens names "
           << number << (number == 0 ? ", which has none in front of it" : "");
  const LayerGroup &group = groups[number - least];
  SiteLayers layers;
  layers.through = group.back();
  FailureOr<AttentionLayer> before = findAttention(group.front());
  if (failed(before))
    return failure();
  layers.before = *before;
  if (inPrompt) {
    FailureOr<AttentionLayer> behind = findAttention(groups[number].front());
    if (failed(behind))
      return failure();
    layers.behind = *behind;
  }
  return layers;
}

/// Whether a token sees all others, or all that come before it.
static bool seesAll(AttentionOp attention, PrunedModel model) {
  MaskKind kind = attention.getMask().getKind();
  return model == PrunedModel::Encoder ? kind == MaskKind::Full
                                       : kind == MaskKind::Causal;
}

LogicalResult verifyScoring(AttentionLayer of, PrunedModel model) {
  AttentionOp attention = of.attention;
  if (!seesAll(attention, model))
    return refuse(of.layer, model == PrunedModel::Encoder
                                ? "its tokens do not see each other"
                                : "its tokens do not see all before them");
  auto view = attention.getKey().getDefiningOp<KvViewOp>();
  if (view ? !view.getCache().getDefiningOp<KvAppendOp>()
           : attention.getQuerySegments() != attention.getKeySegments())
    return refuse(of.layer, "its queries and keys are of different tokens");
  if (attention.getSinks() || !attention.getSoftcap().isZero())
    return refuse(of.layer, "its attention has sinks or a soft cap");
  Value bias = attention.getBias();
  if (bias && cast<RankedTensorType>(bias.getType()).getRank() != 1)
    return refuse(of.layer, "its attention has a bias for each pair of tokens");
  return success();
}

LogicalResult verifyLookBehind(AttentionLayer of) {
  if (failed(verifyScoring(of, PrunedModel::Prompt)))
    return failure();
  if (of.attention.getBias() || of.attention.getRelativeBias())
    return refuse(of.layer, "its attention has biases");
  // What its queries and keys are computed from has to be there.
  Operation *before = of.layer->getPrevNode();
  while (before && !isa<LayerOp>(before))
    before = before->getPrevNode();
  for (Value input : of.layer.getInputs())
    if (Operation *op = input.getDefiningOp();
        op && before && before->isBeforeInBlock(op))
      return refuse(of.layer, "its inputs are computed in front of it");
  return success();
}

} // namespace winnow
