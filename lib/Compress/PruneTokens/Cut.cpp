//===- Cut.cpp - All that may leave does ----------------------------------===//
//
// The layer cut of "Treat Visual Tokens as Text?" (arXiv 2410.06169): from a
// block on, nobody reads the tokens that may leave, and DyVTE's exit (arXiv
// 2411.19628) at a fixed block.
//
//===----------------------------------------------------------------------===//

#include "TokenPruning.h"

#include "../RowMaps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace winnow;

static FewerTokens cutTokens(OpBuilder &builder, const PruningSite &site,
                             ValueRange observed) {
  // No score is enough: any will do.
  Value scores =
      createMap(builder, site.location, site.prunable, builder.getF32Type(),
                [](OpBuilder &nested, Location location, Value mark) -> Value {
                  return arith::SIToFPOp::create(nested, location,
                                                 nested.getF32Type(), mark);
                });
  return keepBest(builder, site, scores);
}

const TokenPruning winnow::kCut = {"cut",
                                   PrunedModel::Prompt,
                                   TokenBudget::Nothing,
                                   /*leastKeep=*/0,
                                   Rounding::Up,
                                   /*observe=*/nullptr,
                                   cutTokens};
