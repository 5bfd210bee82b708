//===- FastV.cpp - Keep what the prompt's last token looks at -------------===//
//
// FastV (arXiv 2403.06764): behind the first blocks of a decoder, the tokens of
// a prompt stay that its last token pays the most attention to, in the mean
// over heads. Those that may leave are marked when the program runs.
//
//===----------------------------------------------------------------------===//

#include "TokenPruning.h"

using namespace winnow;

const TokenPruning winnow::kFastV = {
    "fastv",         PrunedModel::Prompt, TokenBudget::Share,
    /*leastKeep=*/0, Rounding::Even,      observeAttention,   keepBest};
