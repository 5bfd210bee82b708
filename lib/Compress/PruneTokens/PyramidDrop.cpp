//===- PyramidDrop.cpp - Keep what the next layer would look at -----------===//
//
// PyramidDrop (arXiv 2410.17247): in front of a block, the tokens of a prompt
// stay that the last one would pay the most attention to there, by the block's
// own queries and keys, in the mean over heads. How many of them is a share of
// those that could leave at first, so that shares of later blocks are smaller.
//
//===----------------------------------------------------------------------===//

#include "TokenPruning.h"

#include "../RowMaps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

#include <limits>

using namespace mlir;
using namespace winnow;

/// Copies what a value inside of a layer is computed from.
static Value copySources(OpBuilder &builder, Value value, IRMapping &copies) {
  if (Value known = copies.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    copySources(builder, operand, copies);
  builder.clone(*op, copies);
  return copies.lookup(value);
}

/// How much the last token would look at each in the layer behind, [T].
static Value scoreBehind(OpBuilder &builder, const PruningSite &site) {
  LayerOp layer = site.behind.layer;
  AttentionOp attention = site.behind.attention;
  IRMapping copies;
  copies.map(layer.getBody().front().getArguments(), layer.getInputs());
  Value query = copySources(builder, attention.getQuery(), copies);
  Value key = copySources(builder, getOwnKey(attention), copies);
  Value none;
  return TokenScoreOp::create(
      builder, site.location, oneEach(query, builder.getF32Type()), query, key,
      /*lse=*/none, site.segments, /*bias=*/none, /*positions=*/none,
      /*relative_bias=*/none, attention.getScale(),
      /*distances=*/ArrayRef<int64_t>(), /*last=*/true);
}

/// The indices of the tokens that stay. Where some have left, the choice is
/// among all of the prompt, so that its count is that of a share of them; those
/// that have left come last.
static Value selectOfPrompt(OpBuilder &builder, const PruningSite &site,
                            Value scores) {
  const WholePrompt &whole = site.whole;
  if (!whole.indices)
    return selectTokens(builder, site, scores);
  Location location = site.location;
  Type f32 = builder.getF32Type();
  SmallVector<ReassociationIndices> joined = {{0, 1}};
  auto asRows = [&](Value numbers) -> Value {
    auto type = cast<RankedTensorType>(numbers.getType());
    SmallVector<OpFoldResult> sizes = {
        tensor::getMixedSize(builder, location, numbers, 0),
        builder.getIndexAttr(1)};
    return tensor::ExpandShapeOp::create(
        builder, location, RankedTensorType::get({type.getDimSize(0), 1}, f32),
        numbers, joined, sizes);
  };
  auto asNumbers = [&](Value rows) -> Value {
    return tensor::CollapseShapeOp::create(builder, location,
                                           oneEach(rows, f32), rows, joined);
  };
  auto forAll = [&](float number) -> Value {
    return asRows(
        createMap(builder, location, whole.prunable, f32,
                  [&](OpBuilder &nested, Location inner, Value) -> Value {
                    return arith::ConstantOp::create(
                        nested, inner, nested.getF32FloatAttr(number));
                  }));
  };
  auto restore = [&](Value rows, Value indices, Value base) -> Value {
    return TokenRestoreOp::create(builder, location, base.getType(), rows,
                                  indices, base);
  };
  auto gather = [&](Value rows, Value indices) -> Value {
    auto type = RankedTensorType::get({ShapedType::kDynamic, 1}, f32);
    return TokenGatherOp::create(builder, location, type, rows, indices);
  };
  constexpr float nothing = -std::numeric_limits<float>::infinity();
  Value all = restore(asRows(scores), whole.indices, forAll(nothing));
  PruningSite prompt = site;
  prompt.segments = whole.segments;
  prompt.prunable = whole.prunable;
  Value stays = selectTokens(builder, prompt, asNumbers(all));

  // Those of what is left.
  Value marks = restore(gather(forAll(1), stays), stays, forAll(0));
  PruningSite left = site;
  left.segments = left.prunable = nullptr;
  left.options.kept = TokenPolicyAttr::get(
      builder.getContext(), /*keep=*/FloatAttr(), builder.getF32FloatAttr(1),
      Rounding::Up, /*first=*/0, /*last=*/0);
  return selectTokens(builder, left, asNumbers(gather(marks, whole.indices)));
}

static FewerTokens dropTokens(OpBuilder &builder, const PruningSite &site,
                              ValueRange observed) {
  Value scores = scoreBehind(builder, site);
  return keepTokens(builder, site, selectOfPrompt(builder, site, scores));
}

const TokenPruning winnow::kPyramidDrop = {
    "pyramiddrop",       PrunedModel::Prompt, TokenBudget::ShareOfPrompt,
    /*leastKeep=*/0,     Rounding::Down,
    /*observe=*/nullptr, dropTokens,
    /*looksBehind=*/true};
