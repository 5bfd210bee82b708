//===- Tome.cpp - Merge tokens that are alike -----------------------------===//
//
// ToMe (arXiv 2210.09461): of every other token, those that are most like one
// of the tokens between them, by the mean of their keys over heads, go into it.
// A row is the mean of its tokens, and attention counts it as so many.
//
//===----------------------------------------------------------------------===//

#include "TokenPruning.h"

using namespace mlir;
using namespace winnow;

TokenMatchOp winnow::matchKeys(OpBuilder &builder, AttentionOp attention,
                               const PruningOptions &options) {
  builder.setInsertionPointAfter(attention);
  auto key = cast<RankedTensorType>(attention.getKey().getType());
  int64_t rows = key.getDimSize(0);
  return TokenMatchOp::create(
      builder, attention.getLoc(),
      RankedTensorType::get({rows}, builder.getI32Type()),
      RankedTensorType::get({rows}, key.getElementType()), attention.getKey(),
      attention.getKeySegments(), options.kept.getFirst(),
      options.kept.getLast());
}

static SmallVector<Value> observeMatches(OpBuilder &builder,
                                         AttentionOp attention,
                                         const PruningOptions &options) {
  TokenMatchOp match = matchKeys(builder, attention, options);
  return {match.getInto(), match.getScores()};
}

FewerTokens winnow::mergeOthers(OpBuilder &builder, const PruningSite &site,
                                ValueRange observed) {
  FewerTokens fewer;
  fewer.kept = selectTokens(builder, site, observed[1]);
  auto tokens = cast<RankedTensorType>(site.tokens.getType());
  auto merged = TokenMergeOp::create(
      builder, site.location, withRows(site.tokens, ShapedType::kDynamic),
      RankedTensorType::get({ShapedType::kDynamic}, tokens.getElementType()),
      observed[0].getType(), site.tokens, site.sizes, observed[0], fewer.kept,
      /*sum=*/false);
  fewer.tokens = merged.getOutput();
  fewer.sizes = merged.getOutputSizes();
  Location location = site.location;
  Value rowOf = merged.getRows();
  Type type = tokens;
  fewer.restore = [=](OpBuilder &builder, Value rows) -> Value {
    return TokenGatherOp::create(builder, location, type, rows, rowOf);
  };
  return fewer;
}

// Every other token is a destination, and those stay.
const TokenPruning winnow::kTome = {"tome",
                                    PrunedModel::Encoder,
                                    TokenBudget::Share,
                                    /*leastKeep=*/0.5,
                                    Rounding::Up,
                                    observeMatches,
                                    mergeOthers};
