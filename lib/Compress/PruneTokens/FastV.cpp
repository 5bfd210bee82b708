//===- FastV.cpp - Keep what the prompt's last token looks at -------------===//
//
// FastV (arXiv 2403.06764): behind the first blocks of a decoder, the tokens of
// a prompt stay that its last token pays the most attention to, in the mean
// over heads. Those that may leave are marked when the program runs.
//
//===----------------------------------------------------------------------===//

#include "TokenPruning.h"

using namespace mlir;
using namespace winnow;

static SmallVector<Value> observeLastRow(OpBuilder &builder,
                                         AttentionOp attention,
                                         const PruningOptions &options) {
  return {scoreByAttention(builder, attention, /*last=*/true)};
}

// Logits are wanted of the last token.
const TokenPruning winnow::kFastV = {
    "fastv",     PrunedModel::Prompt, /*leastKeep=*/0, Rounding::Even,
    /*first=*/0, /*last=*/1,          observeLastRow,  keepBest};
