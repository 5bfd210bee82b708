//===- PruneTokens.cpp - Tokens leave between layers ----------------------===//

#include "CompactPositions.h"
#include "FollowingOps.h"
#include "PromptEntry.h"
#include "SiteLayers.h"

#include "../DeadOps.h"

#include "winnow/Analysis/Layers.h"
#include "winnow/Compress/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWPRUNETOKENS
#include "winnow/Compress/Passes.h.inc"

Value selectTokens(OpBuilder &builder, const PruningSite &site, Value scores) {
  auto ids =
      RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  return TokenSelectOp::create(builder, site.location, ids, /*into=*/Type(),
                               /*weights=*/Type(), scores, site.segments,
                               site.prunable, site.options.kept)
      .getKept();
}

} // namespace winnow

using namespace winnow;

/// All policies. Another one is a file and a line here.
static const TokenPruning *const kTokenPrunings[] = {
    &kEvit, &kTome, &kTurbo, &kThreshold, &kFastV, &kPyramidDrop, &kCut};

/// Adds values of a layer's body to its results.
static LayerOp addResults(OpBuilder &builder, LayerOp layer,
                          ValueRange values) {
  Operation *yield = layer.getBody().front().getTerminator();
  yield->insertOperands(yield->getNumOperands(), values);
  SmallVector<Type> extras(layer.getExtras().getTypes());
  llvm::append_range(extras, values.getTypes());
  builder.setInsertionPoint(layer);
  auto longer = LayerOp::create(
      builder, layer.getLoc(), layer.getOutput().getType(), extras,
      layer.getResidual(), layer.getInputs(), layer.getMultiplierAttr());
  longer.getBody().takeBody(layer.getBody());
  layer->replaceAllUsesWith(
      longer->getResults().take_front(layer->getNumResults()));
  layer.erase();
  return longer;
}

/// How many tokens each row stands for, of which attention adds the logarithm.
static Value findSizes(AttentionLayer of) {
  Value bias = outside(of.layer, of.attention.getBias());
  auto map = bias ? bias.getDefiningOp<linalg::MapOp>() : linalg::MapOp();
  if (!map || map.getInputs().size() != 1 ||
      !isa<math::LogOp>(map.getBody()->front()))
    return nullptr;
  return map.getInputs().front();
}

/// What a list of one, or one for each layer, says of a layer.
static double numberOf(ArrayRef<double> numbers, size_t index) {
  return numbers.size() == 1 ? numbers[0] : numbers[index];
}

namespace {

struct PruneTokens : public winnow::impl::WinnowPruneTokensBase<PruneTokens> {
  using WinnowPruneTokensBase::WinnowPruneTokensBase;

  void runOnOperation() override;

private:
  LogicalResult findPolicy();
  LogicalResult verifyOptions();
  LogicalResult verifyKeep(double share);
  LogicalResult verifyThreshold(double score);
  LogicalResult verifyBudget(StringRef name, ArrayRef<double> numbers,
                             bool isWanted);
  LogicalResult verifyEnds();
  LogicalResult compact(func::FuncOp function);
  FailureOr<SmallVector<func::FuncOp>> findFunctions();
  LogicalResult pruneAt(func::FuncOp function, size_t index);
  LogicalResult prune(func::FuncOp function);
  void remark(LayerOp layer, TokenPolicyAttr kept, int64_t number);

  InFlightDiagnostic fail() { return emitError(getOperation().getLoc()); }
  bool isOfPrompts() const { return model == PrunedModel::Prompt; }
  bool compacts() const { return positions == "compact"; }
  /// What stays at a layer; null if all tokens do.
  TokenPolicyAttr policyOf(size_t index);

  const TokenPruning *pruning = nullptr;
  PrunedModel model = PrunedModel::Encoder;
};

} // namespace

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

LogicalResult PruneTokens::findPolicy() {
  const auto *found =
      llvm::find_if(kTokenPrunings, [&](const TokenPruning *candidate) {
        return candidate->name == policy;
      });
  if (found != std::end(kTokenPrunings)) {
    pruning = *found;
    return success();
  }
  InFlightDiagnostic error = fail();
  error << "expects 'policy' of winnow-prune-tokens to be one of ";
  llvm::interleave(
      kTokenPrunings, [&](const TokenPruning *p) { error << p->name; },
      [&] { error << ", "; });
  return error << "; found '" << policy << "'";
}

LogicalResult PruneTokens::verifyKeep(double share) {
  if (!(share > 0) || share > 1)
    return fail() << "expects 'keep' of winnow-prune-tokens to be above 0 and "
                     "not above 1; found "
                  << share;
  if (share < pruning->leastKeep)
    return fail() << "'policy=" << policy
                  << "' of winnow-prune-tokens keeps at least "
                  << pruning->leastKeep << " of the tokens; 'keep' is "
                  << share;
  return success();
}

LogicalResult PruneTokens::verifyThreshold(double score) {
  if (score >= 0 && score <= 1)
    return success();
  return fail() << "expects 'threshold' of winnow-prune-tokens to be a share "
                   "of attention, at least 0 and not above 1; found "
                << score;
}

LogicalResult PruneTokens::verifyBudget(StringRef name,
                                        ArrayRef<double> numbers,
                                        bool isWanted) {
  bool isShare = name == "keep";
  if (!isWanted) {
    if (numbers.empty())
      return success();
    return fail() << "'policy=" << policy << "' of winnow-prune-tokens has no '"
                  << name << "'";
  }
  if (numbers.size() != 1 && numbers.size() != layer.size())
    return fail() << "expects '" << name
                  << "' of winnow-prune-tokens to be one "
                  << (isShare ? "share" : "score")
                  << " or one for each 'layer'; found " << numbers.size()
                  << " for " << layer.size();
  for (double number : numbers)
    if (failed(isShare ? verifyKeep(number) : verifyThreshold(number)))
      return failure();
  if (pruning->budget == TokenBudget::ShareOfPrompt)
    for (size_t index = 1; index < numbers.size(); ++index)
      if (numbers[index] > numbers[index - 1])
        return fail() << "'policy=" << policy
                      << "' of winnow-prune-tokens keeps a share of the whole "
                         "prompt, which cannot rise; found "
                      << numbers[index - 1] << " before " << numbers[index];
  return success();
}

LogicalResult PruneTokens::verifyOptions() {
  TokenBudget budget = pruning->budget;
  if (failed(verifyBudget("keep", keep,
                          budget == TokenBudget::Share ||
                              budget == TokenBudget::ShareOfPrompt)) ||
      failed(verifyBudget("threshold", threshold,
                          budget == TokenBudget::Threshold)))
    return failure();
  if (positions != "keep" && !compacts())
    return fail() << "expects 'positions' of winnow-prune-tokens to be keep or "
                     "compact; found '"
                  << positions << "'";
  if (fuse && !pruning->fuses)
    return fail() << "'policy=" << policy
                  << "' of winnow-prune-tokens has no 'fuse'";
  if (!std::isfinite(alpha))
    return fail()
           << "expects 'alpha' of winnow-prune-tokens to be finite; found "
           << alpha.getValue();
  for (int64_t count : {first.getValue(), last.getValue()})
    if (count < -1 || count >= (int64_t(1) << 30))
      return fail() << "expects 'first' and 'last' of winnow-prune-tokens to "
                       "be at least 0 and below 2^30; found "
                    << count;
  for (size_t index = 1; index < layer.size(); ++index)
    if (layer[index] <= layer[index - 1])
      return fail() << "expects 'layer' of winnow-prune-tokens to rise; found "
                    << layer[index - 1] << " before " << layer[index];
  return success();
}

/// Something has to be left, and positions be those of a cache.
LogicalResult PruneTokens::verifyEnds() {
  if (!isOfPrompts() && compacts())
    return fail() << "'positions=compact' of winnow-prune-tokens is for "
                     "prompts; an encoder keeps positions";
  if (isOfPrompts() && last == 0)
    return fail() << "'policy=" << policy
                  << "' of winnow-prune-tokens keeps the last token, whose "
                     "logits are wanted; 'last' is 0";
  if (!isOfPrompts() && pruning->budget == TokenBudget::Threshold &&
      first == 0 && last <= 0)
    return fail() << "'policy=" << policy
                  << "' of winnow-prune-tokens could leave nothing of a text: "
                     "'first' and 'last' are 0";
  return success();
}

TokenPolicyAttr PruneTokens::policyOf(size_t index) {
  Builder builder(&getContext());
  FloatAttr share, least;
  switch (pruning->budget) {
  case TokenBudget::Share:
  case TokenBudget::ShareOfPrompt:
    share = builder.getF64FloatAttr(numberOf(keep, index));
    if (share.getValueAsDouble() == 1)
      return nullptr;
    break;
  case TokenBudget::Threshold:
    // No attention is below 0.
    least = builder.getF32FloatAttr(numberOf(threshold, index));
    if (least.getValue().isZero())
      return nullptr;
    break;
  case TokenBudget::Nothing:
    least = builder.getF32FloatAttr(std::numeric_limits<float>::infinity());
    break;
  }
  // By default the class token stays, and the one whose logits are wanted.
  int64_t front = first < 0 ? !isOfPrompts() : first.getValue();
  int64_t back = last < 0 ? isOfPrompts() : last.getValue();
  return TokenPolicyAttr::get(&getContext(), share, least, pruning->rounding,
                              front, back);
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

void PruneTokens::remark(LayerOp layer, TokenPolicyAttr kept, int64_t number) {
  std::string what;
  if (FloatAttr share = kept.getKeep())
    what = formatv("{0:f1} % of {1}tokens", 100 * share.getValueAsDouble(),
                   pruning->budget == TokenBudget::Share ? "the "
                                                         : "the prompt's ");
  else if (pruning->budget == TokenBudget::Nothing)
    what = "none of the tokens that may leave";
  else
    what = formatv("tokens with scores from {0} on",
                   kept.getLeast().getValue().convertToFloat());
  auto function = layer->getParentOfType<func::FuncOp>();
  remark::passed(layer.getLoc(), remark::RemarkOpts::name(policy)
                                     .category("prune-tokens")
                                     .function(function.getName()))
      << formatv("{0} keeps {1} {2} layer {3}", policy, what,
                 isOfPrompts() ? "in front of" : "behind", number)
             .str();
}

LogicalResult PruneTokens::pruneAt(func::FuncOp function, size_t index) {
  TokenPolicyAttr kept = policyOf(index);
  if (!kept)
    return success();
  FailureOr<SiteLayers> layers = findSiteLayers(function, model, layer[index]);
  if (failed(layers))
    return failure();
  AttentionLayer &before = layers->before;
  PruningOptions options{model, kept, alpha, fuse};
  Value segments = outside(before.layer, before.attention.getQuerySegments());
  Value sizes = findSizes(before);

  if (fuse && sizes)
    return before.layer.emitOpError("has tokens that stand for several, which "
                                    "'fuse' of winnow-prune-tokens would not "
                                    "count");
  if (pruning->looksBehind && failed(verifyLookBehind(layers->behind)))
    return failure();

  OpBuilder builder(&getContext());
  SmallVector<Value> observed;
  if (pruning->observe) {
    if (failed(verifyScoring(before, model)))
      return failure();
    SmallVector<Value> inside =
        pruning->observe(builder, before.attention, options);
    LayerOp longer = addResults(builder, before.layer, inside);
    if (layers->through == before.layer)
      layers->through = longer;
    before.layer = longer;
    llvm::append_range(observed, longer.getExtras().take_back(inside.size()));
  }
  LayerOp through = layers->through;
  PostNorms norms(function);
  NormOp norm = norms.lookup(through);
  Value tokens = norm ? norm.getOutput() : through.getOutput();
  PruningSite site{through.getLoc(),
                   tokens,
                   segments,
                   sizes,
                   getPrunable(function, tokens),
                   options,
                   findWholePrompt(function, tokens, segments),
                   layers->behind};
  Operation *point = norm ? norm.getOperation() : through.getOperation();
  builder.setInsertionPointAfter(point);
  FewerTokens fewer = pruning->prune(builder, site, observed);
  if (isOfPrompts())
    markShorterCaches(function, point);

  // A remark before anything can fail.
  remark(before.layer, kept, layer[index]);
  LayerOp lastLayer;
  for (auto each : function.getOps<LayerOp>())
    lastLayer = each;
  NormOp lastNorm = norms.lookup(lastLayer);
  FollowingOps following(lastNorm ? lastNorm.getOperation()
                                  : lastLayer.getOperation(),
                         site, fewer);
  ++numSites;
  if (failed(following.run(&*std::prev(builder.getInsertionPoint()))))
    return failure();
  // Before the next site, whose scores may go by them.
  return compacts() ? compactPositions(layers->behind.layer) : success();
}

/// Other entry points of a decoder go on with the positions of the prompt's.
LogicalResult PruneTokens::compact(func::FuncOp function) {
  for (size_t index = 0; index < layer.size(); ++index) {
    if (!policyOf(index))
      continue;
    FailureOr<SiteLayers> layers =
        findSiteLayers(function, model, layer[index]);
    if (failed(layers) || failed(compactPositions(layers->behind.layer)))
      return failure();
  }
  eraseDeadOps(function.getBody().front());
  return success();
}

LogicalResult PruneTokens::prune(func::FuncOp function) {
  for (size_t index = 0; index < layer.size(); ++index)
    if (failed(pruneAt(function, index)))
      return failure();
  for (auto changed : function.getOps<LayerOp>())
    eraseDeadOps(changed.getBody().front());
  eraseDeadOps(function.getBody().front());
  return success();
}

/// The functions whose tokens leave, by what the policy or the module is of.
FailureOr<SmallVector<func::FuncOp>> PruneTokens::findFunctions() {
  SmallVector<func::FuncOp> decoders, encoders;
  for (auto function : getOperation().getOps<func::FuncOp>())
    if (!function.getOps<LayerOp>().empty())
      (isDecoder(function) ? decoders : encoders).push_back(function);
  model = pruning->model.value_or(decoders.empty() ? PrunedModel::Encoder
                                                   : PrunedModel::Prompt);
  SmallVector<func::FuncOp> &functions = isOfPrompts() ? decoders : encoders;
  if (functions.empty())
    return fail() << "has no layers of "
                  << (isOfPrompts() ? "a decoder" : "an encoder")
                  << " that 'policy=" << policy
                  << "' of winnow-prune-tokens could prune";
  return functions;
}

void PruneTokens::runOnOperation() {
  if (failed(findPolicy()) || failed(verifyOptions()))
    return signalPassFailure();
  bool changes = false;
  for (size_t index = 0; index < layer.size(); ++index)
    changes |= bool(policyOf(index));
  if (!changes)
    return markAllAnalysesPreserved();
  FailureOr<SmallVector<func::FuncOp>> functions = findFunctions();
  if (failed(functions) || failed(verifyEnds()))
    return signalPassFailure();
  // Other tokens than those of a prompt stay.
  if (isOfPrompts()) {
    func::FuncOp prompt = getPromptEntry(functions->front());
    for (func::FuncOp decoder : *functions)
      if (compacts() && decoder != prompt && failed(compact(decoder)))
        return signalPassFailure();
    *functions = {prompt};
  }
  for (func::FuncOp function : *functions)
    if (failed(prune(function)))
      return signalPassFailure();
}
