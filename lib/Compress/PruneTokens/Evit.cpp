//===- Evit.cpp - Keep what the class token looks at ----------------------===//
//
// EViT (arXiv 2202.07800), without its fused token: the tokens that the first
// token of their segment pays the most attention to, in the mean over heads,
// stay.
//
//===----------------------------------------------------------------------===//

#include "TokenPruning.h"

using namespace mlir;
using namespace winnow;

/// From the softmax of the attention itself.
Value winnow::scoreByAttention(OpBuilder &builder, AttentionOp &attention,
                               bool last) {
  Location location = attention.getLoc();
  auto query = cast<RankedTensorType>(attention.getQuery().getType());
  int64_t rows = query.getDimSize(0);
  Type f32 = query.getElementType();
  Value lse = attention.getLse();
  if (!lse) {
    builder.setInsertionPoint(attention);
    auto withLse = AttentionOp::create(
        builder, location, attention.getOutput().getType(),
        RankedTensorType::get({rows, query.getDimSize(1)}, f32),
        attention.getScores() ? attention.getScores().getType() : Type(),
        attention.getQuery(), attention.getKey(), attention.getValue(),
        attention.getQueryPositions(), attention.getKeyPositions(),
        attention.getQuerySegments(), attention.getKeySegments(),
        attention.getMaskOperand(), attention.getSinks(), attention.getBias(),
        attention.getRelativeBias(), attention.getMask(), attention.getScale(),
        attention.getSoftcap(), attention.getDistances());
    attention.getOutput().replaceAllUsesWith(withLse.getOutput());
    if (attention.getScores())
      attention.getScores().replaceAllUsesWith(withLse.getScores());
    attention.erase();
    attention = withLse;
    lse = withLse.getLse();
  }
  builder.setInsertionPointAfter(attention);
  // In a cache there are other keys, too.
  Value key = attention.getKey();
  if (auto view = key.getDefiningOp<KvViewOp>())
    key = view.getCache().getDefiningOp<KvAppendOp>().getKey();
  Value relative = attention.getRelativeBias();
  return TokenScoreOp::create(
      builder, location, RankedTensorType::get({rows}, f32),
      attention.getQuery(), key, lse, attention.getQuerySegments(),
      attention.getBias(), relative ? attention.getQueryPositions() : Value(),
      relative, attention.getScale(), attention.getDistances(), last);
}

SmallVector<Value> winnow::observeAttention(OpBuilder &builder,
                                            AttentionOp attention,
                                            const PruningOptions &options) {
  bool last = options.model == PrunedModel::Prompt;
  return {scoreByAttention(builder, attention, last)};
}

FewerTokens winnow::keepBest(OpBuilder &builder, const PruningSite &site,
                             ValueRange observed) {
  FewerTokens fewer;
  fewer.kept = selectTokens(builder, site, observed[0]);
  fewer.tokens = TokenGatherOp::create(
      builder, site.location, withRows(site.tokens, ShapedType::kDynamic),
      site.tokens, fewer.kept);
  Location location = site.location;
  Value base = site.tokens, kept = fewer.kept;
  fewer.restore = [=](OpBuilder &builder, Value rows) -> Value {
    return TokenRestoreOp::create(builder, location, base.getType(), rows, kept,
                                  base);
  };
  return fewer;
}

const TokenPruning winnow::kEvit = {
    "evit",          PrunedModel::Encoder, TokenBudget::Share,
    /*leastKeep=*/0, Rounding::Up,         observeAttention,   keepBest};
