//===- Evit.cpp - Keep what the class token looks at ----------------------===//
//
// EViT (arXiv 2202.07800): the tokens that the first token of their segment
// pays the most attention to, in the mean over heads, stay; the others leave,
// or are fused to one more.
//
//===----------------------------------------------------------------------===//

#include "TokenPruning.h"

#include "../RowMaps.h"

using namespace mlir;
using namespace winnow;

Value winnow::getOwnKey(AttentionOp attention) {
  Value key = attention.getKey();
  if (auto view = key.getDefiningOp<KvViewOp>())
    key = view.getCache().getDefiningOp<KvAppendOp>().getKey();
  return key;
}

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
  Value relative = attention.getRelativeBias();
  return TokenScoreOp::create(
      builder, location, RankedTensorType::get({rows}, f32),
      attention.getQuery(), getOwnKey(attention), lse,
      attention.getQuerySegments(), attention.getBias(),
      relative ? attention.getQueryPositions() : Value(), relative,
      attention.getScale(), attention.getDistances(), last);
}

SmallVector<Value> winnow::observeAttention(OpBuilder &builder,
                                            AttentionOp attention,
                                            const PruningOptions &options) {
  bool last = options.model == PrunedModel::Prompt;
  return {scoreByAttention(builder, attention, last)};
}

FewerTokens winnow::keepTokens(OpBuilder &builder, const PruningSite &site,
                               Value kept) {
  FewerTokens fewer;
  fewer.kept = kept;
  fewer.tokens = TokenGatherOp::create(
      builder, site.location, withRows(site.tokens, ShapedType::kDynamic),
      site.tokens, fewer.kept);
  Location location = site.location;
  Value base = site.tokens;
  fewer.restore = [=](OpBuilder &builder, Value rows) -> Value {
    return TokenRestoreOp::create(builder, location, base.getType(), rows, kept,
                                  base);
  };
  return fewer;
}

FewerTokens winnow::keepBest(OpBuilder &builder, const PruningSite &site,
                             ValueRange observed) {
  return keepTokens(builder, site, selectTokens(builder, site, observed[0]));
}

/// The others become one token in the place of the best of them: their sum,
/// weighted by the attention that they get, which is an ordinary token from
/// there on.
static FewerTokens fuseOthers(OpBuilder &builder, const PruningSite &site,
                              Value scores) {
  Location location = site.location;
  auto tokens = cast<RankedTensorType>(site.tokens.getType());
  Type f32 = tokens.getElementType(), i32 = builder.getI32Type();
  auto some = RankedTensorType::get({ShapedType::kDynamic}, i32);
  auto select = TokenSelectOp::create(
      builder, location, some, oneEach(scores, i32), oneEach(scores, f32),
      scores, site.segments, site.prunable, site.options.kept);
  auto merged = TokenMergeOp::create(
      builder, location, withRows(site.tokens, ShapedType::kDynamic),
      some.clone(f32), oneEach(scores, i32), site.tokens, select.getWeights(),
      select.getInto(), select.getKept(), /*sum=*/true);
  FewerTokens fewer;
  fewer.kept = select.getKept();
  fewer.tokens = merged.getOutput();
  Value rowOf = merged.getRows();
  fewer.restore = [=](OpBuilder &builder, Value rows) -> Value {
    return TokenGatherOp::create(builder, location, tokens, rows, rowOf);
  };
  return fewer;
}

static FewerTokens pruneTokens(OpBuilder &builder, const PruningSite &site,
                               ValueRange observed) {
  return site.options.fuse ? fuseOthers(builder, site, observed[0])
                           : keepBest(builder, site, observed);
}

const TokenPruning winnow::kEvit = {"evit",
                                    PrunedModel::Encoder,
                                    TokenBudget::Share,
                                    /*leastKeep=*/0,
                                    Rounding::Up,
                                    observeAttention,
                                    pruneTokens,
                                    /*looksBehind=*/false,
                                    /*fuses=*/true};
