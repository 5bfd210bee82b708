//===- Threshold.cpp - Keep what gets enough attention --------------------===//
//
// As EViT in an encoder and as FastV in a prompt, but the recipe says how much
// attention a token needs to stay, so that how many do depends on the text (the
// budget of IA-RED^2, arXiv 2106.12620, and ATP-LLaVA, arXiv 2412.00447,
// without what they train).
//
//===----------------------------------------------------------------------===//

#include "TokenPruning.h"

using namespace winnow;

const TokenPruning winnow::kThreshold = {
    "threshold",     /*model=*/std::nullopt, TokenBudget::Threshold,
    /*leastKeep=*/0, Rounding::Up,           observeAttention,       keepBest};
