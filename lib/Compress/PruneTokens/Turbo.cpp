//===- Turbo.cpp - Merge tokens that are alike and matter little ----------===//
//
// Turbo (arXiv 2407.11717): as ToMe, but what merges is what the first token of
// its segment pays little attention to, too. Of a token with the attention A
// and the likeness R to the one that it would go into, alpha A - R says how
// much it deserves to stay.
//
//===----------------------------------------------------------------------===//

#include "TokenPruning.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace winnow;

static SmallVector<Value> observeWorth(OpBuilder &builder,
                                       AttentionOp attention,
                                       const PruningOptions &options) {
  Value attended = scoreByAttention(builder, attention, /*last=*/false);
  TokenMatchOp match = matchKeys(builder, attention, options);
  Location location = attention.getLoc();
  builder.setInsertionPointAfter(attended.getDefiningOp());
  Value init = tensor::EmptyOp::create(
      builder, location, tensor::getMixedSizes(builder, location, attended),
      builder.getF32Type());
  auto worth = linalg::MapOp::create(
      builder, location, ValueRange{attended, match.getScores()}, init,
      [&](OpBuilder &nested, Location location, ValueRange of) {
        Value alpha = arith::ConstantOp::create(
            nested, location, nested.getF32FloatAttr(options.alpha));
        Value weighted = arith::MulFOp::create(nested, location, alpha, of[0]);
        linalg::YieldOp::create(
            nested, location,
            Value(arith::AddFOp::create(nested, location, weighted, of[1])));
      });
  return {match.getInto(), worth->getResult(0)};
}

// Every other token is a destination, and those stay.
const TokenPruning winnow::kTurbo = {
    "turbo",           PrunedModel::Encoder, TokenBudget::Share,
    /*leastKeep=*/0.5, Rounding::Up,         observeWorth,       mergeOthers};
