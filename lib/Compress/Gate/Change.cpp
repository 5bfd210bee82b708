//===- Change.cpp - Tokens that the layer before has changed little -------===//
//
// What the residual stream of a token was in front of the layer before, and
// what it is now: 1 - cos of the two, or the length of what was added over the
// former's. The first is LLM-Drop's metric (arXiv 2406.15786) of one token, and
// as a reason to leave a model CALM's saturation of hidden states (arXiv
// 2207.07061).
//
//===----------------------------------------------------------------------===//

#include "GateCriterion.h"

using namespace mlir;
using namespace winnow;

static FailureOr<Value> scoreChange(OpBuilder &builder, const GateSite &site,
                                    ChangeKind kind) {
  if (!site.before)
    return emitError(site.location)
           << "has nothing in front that winnow-gate could judge tokens by";
  return Value(TokenChangeOp::create(builder, site.location,
                                     oneEach(site.tokens, builder.getF32Type()),
                                     kind, site.before, site.tokens));
}

const GateCriterion winnow::kGateCosine = {
    "cosine", "similarity.cosine_quantiles",
    [](OpBuilder &builder, const GateSite &site) {
      return scoreChange(builder, site, ChangeKind::Cosine);
    }};

const GateCriterion winnow::kGateNorm = {
    "norm", "similarity.norm_quantiles",
    [](OpBuilder &builder, const GateSite &site) {
      return scoreChange(builder, site, ChangeKind::Norm);
    }};
