//===- PruneTokens.cpp - Tokens leave between layers ----------------------===//

#include "FollowingOps.h"
#include "PromptEntry.h"

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
  return TokenSelectOp::create(builder, site.location, ids, scores,
                               site.segments, site.prunable, site.options.kept);
}

} // namespace winnow

using namespace winnow;

/// All policies. Another one is a file and a line here.
static const TokenPruning *const kTokenPrunings[] = {&kEvit, &kTome, &kTurbo,
                                                     &kFastV};

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

/// What is outside of a layer for what is an argument inside of it.
static Value outside(LayerOp layer, Value inside) {
  auto argument = dyn_cast_or_null<BlockArgument>(inside);
  return argument ? layer.getInputs()[argument.getArgNumber()] : Value();
}

/// How many tokens each row stands for, of which attention adds the logarithm.
static Value findSizes(LayerOp layer, AttentionOp attention) {
  Value bias = outside(layer, attention.getBias());
  auto map = bias ? bias.getDefiningOp<linalg::MapOp>() : linalg::MapOp();
  if (!map || map.getInputs().size() != 1 ||
      !isa<math::LogOp>(map.getBody()->front()))
    return nullptr;
  return map.getInputs().front();
}

namespace {

struct PruneTokens : public winnow::impl::WinnowPruneTokensBase<PruneTokens> {
  using WinnowPruneTokensBase::WinnowPruneTokensBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  LogicalResult verifyKeep(double share);
  FailureOr<AttentionOp> findAttention(LayerOp layer);
  FailureOr<LayerGroup> findLayers(func::FuncOp function, int64_t number);
  LogicalResult pruneAt(func::FuncOp function, int64_t number, double share);
  LogicalResult prune(func::FuncOp function);
  /// Tokens at an end that stay: by the recipe, or by the policy.
  static int64_t endOf(int64_t given, int64_t otherwise) {
    return given < 0 ? otherwise : given;
  }
  double keepOf(size_t index) {
    return keep.size() == 1 ? keep[0] : keep[index];
  }

  const TokenPruning *pruning = nullptr;
};

} // namespace

LogicalResult PruneTokens::verifyKeep(double share) {
  Location location = getOperation().getLoc();
  if (!(share > 0) || share > 1)
    return emitError(location) << "expects 'keep' of winnow-prune-tokens to be "
                                  "above 0 and not above 1; found "
                               << share;
  if (share < pruning->leastKeep)
    return emitError(location)
           << "'policy=" << policy << "' of winnow-prune-tokens keeps at least "
           << pruning->leastKeep << " of the tokens; 'keep' is " << share;
  return success();
}

LogicalResult PruneTokens::verifyOptions() {
  Location location = getOperation().getLoc();
  const auto *found =
      llvm::find_if(kTokenPrunings, [&](const TokenPruning *candidate) {
        return candidate->name == policy;
      });
  if (found == std::end(kTokenPrunings)) {
    InFlightDiagnostic error = emitError(location);
    error << "expects 'policy' of winnow-prune-tokens to be one of ";
    llvm::interleave(
        kTokenPrunings, [&](const TokenPruning *p) { error << p->name; },
        [&] { error << ", "; });
    return error << "; found '" << policy << "'";
  }
  pruning = *found;
  if (keep.size() != 1 && keep.size() != layer.size())
    return emitError(location)
           << "expects 'keep' of winnow-prune-tokens to be one share or one "
              "for each 'layer'; found "
           << keep.size() << " for " << layer.size();
  for (double share : keep)
    if (failed(verifyKeep(share)))
      return failure();
  if (!std::isfinite(alpha))
    return emitError(location) << "expects 'alpha' of winnow-prune-tokens to "
                                  "be finite; found "
                               << alpha.getValue();
  for (int64_t count : {first.getValue(), last.getValue()})
    if (count < -1 || count >= (int64_t(1) << 30))
      return emitError(location)
             << "expects 'first' and 'last' of winnow-prune-tokens to be at "
                "least 0 and below 2^30; found "
             << count;
  if (pruning->model == PrunedModel::Prompt && last == 0)
    return emitError(location) << "'policy=" << policy
                               << "' of winnow-prune-tokens keeps the last "
                                  "token, whose logits are wanted; 'last' is 0";
  for (size_t index = 1; index < layer.size(); ++index)
    if (layer[index] <= layer[index - 1])
      return emitError(location)
             << "expects 'layer' of winnow-prune-tokens to rise; found "
             << layer[index - 1] << " before " << layer[index];
  return success();
}

/// Whether a token sees all others, or all that come before it.
static bool seesAll(AttentionOp attention, PrunedModel model) {
  MaskKind kind = attention.getMask().getKind();
  return model == PrunedModel::Encoder ? kind == MaskKind::Full
                                       : kind == MaskKind::Causal;
}

/// The one attention of a layer, if tokens can be pruned by it.
FailureOr<AttentionOp> PruneTokens::findAttention(LayerOp layer) {
  SmallVector<AttentionOp> found;
  layer.walk([&](AttentionOp attention) { found.push_back(attention); });
  auto refuse = [&](const Twine &reason) {
    return layer.emitOpError("has no tokens that winnow-prune-tokens could "
                             "prune: ")
           << reason;
  };
  if (found.size() != 1)
    return refuse("it has not one attention but " + Twine(found.size()));
  AttentionOp attention = found.front();
  if (!seesAll(attention, pruning->model))
    return refuse(pruning->model == PrunedModel::Encoder
                      ? "its tokens do not see each other"
                      : "its tokens do not see all before them");
  auto view = attention.getKey().getDefiningOp<KvViewOp>();
  if (view ? !view.getCache().getDefiningOp<KvAppendOp>()
           : attention.getQuerySegments() != attention.getKeySegments())
    return refuse("its queries and keys are of different tokens");
  if (attention.getSinks() || !attention.getSoftcap().isZero())
    return refuse("its attention has sinks or a soft cap");
  Value bias = attention.getBias();
  if (bias && cast<RankedTensorType>(bias.getType()).getRank() != 1)
    return refuse("its attention has a bias for each pair of tokens");
  return attention;
}

/// The layer whose attention says which tokens leave, and the last one that
/// they go through.
FailureOr<LayerGroup> PruneTokens::findLayers(func::FuncOp function,
                                              int64_t number) {
  bool inPrompt = pruning->model == PrunedModel::Prompt;
  SmallVector<LayerGroup> groups = groupLayers(
      function, inPrompt ? Granularity::Block : Granularity::Attention);
  // In front of a block of a decoder is behind the one before.
  int64_t least = inPrompt, count = groups.size();
  if (number < least || number >= count)
    return function.emitOpError("has ")
           << count << (inPrompt ? " blocks" : " attention layers")
           << ", counted from 0; 'layer' of winnow-prune-tokens names "
           << number << (number == 0 ? ", which has none in front of it" : "");
  return groups[number - least];
}

LogicalResult PruneTokens::pruneAt(func::FuncOp function, int64_t number,
                                   double share) {
  FailureOr<LayerGroup> group = findLayers(function, number);
  if (failed(group))
    return failure();
  LayerOp layer = group->front();
  FailureOr<AttentionOp> attention = findAttention(layer);
  if (failed(attention))
    return failure();

  OpBuilder builder(&getContext());
  PruningOptions options{
      TokenPolicyAttr::get(&getContext(), builder.getF64FloatAttr(share),
                           /*least=*/FloatAttr(), pruning->rounding,
                           endOf(first, pruning->first),
                           endOf(last, pruning->last)),
      alpha};
  Value segments = outside(layer, attention->getQuerySegments());
  Value sizes = findSizes(layer, *attention);
  SmallVector<Value> observed = pruning->observe(builder, *attention, options);
  LayerOp longer = addResults(builder, layer, observed);
  LayerOp through = group->size() == 1 ? longer : group->back();
  PostNorms norms(function);
  NormOp norm = norms.lookup(through);
  PruningSite site{through.getLoc(),
                   norm ? norm.getOutput() : through.getOutput(),
                   segments,
                   sizes,
                   getPrunable(function),
                   options};
  Operation *point = norm ? norm.getOperation() : through.getOperation();
  builder.setInsertionPointAfter(point);
  FewerTokens fewer = pruning->prune(
      builder, site, longer.getExtras().take_back(observed.size()));
  if (pruning->model == PrunedModel::Prompt)
    markShorterCaches(function, point);

  // A remark before anything can fail.
  remark::passed(longer.getLoc(), remark::RemarkOpts::name(policy)
                                      .category("prune-tokens")
                                      .function(function.getName()))
      << formatv("{0} keeps {1:f1} % of the tokens {2} layer {3}", policy,
                 100 * share,
                 pruning->model == PrunedModel::Prompt ? "in front of"
                                                       : "behind",
                 number)
             .str();
  LayerOp lastLayer;
  for (auto each : function.getOps<LayerOp>())
    lastLayer = each;
  NormOp lastNorm = norms.lookup(lastLayer);
  FollowingOps following(lastNorm ? lastNorm.getOperation()
                                  : lastLayer.getOperation(),
                         site, fewer);
  return following.run(&*std::prev(builder.getInsertionPoint()));
}

LogicalResult PruneTokens::prune(func::FuncOp function) {
  for (auto [index, number] : llvm::enumerate(layer)) {
    if (keepOf(index) == 1)
      continue;
    if (failed(pruneAt(function, number, keepOf(index))))
      return failure();
    ++numSites;
  }
  for (auto changed : function.getOps<LayerOp>())
    eraseDeadOps(changed.getBody().front());
  eraseDeadOps(function.getBody().front());
  return success();
}

void PruneTokens::runOnOperation() {
  if (failed(verifyOptions()))
    return signalPassFailure();
  bool changes = false;
  for (size_t index = 0; index < layer.size(); ++index)
    changes |= keepOf(index) != 1;
  if (!changes)
    return markAllAnalysesPreserved();
  bool inPrompt = pruning->model == PrunedModel::Prompt;
  SmallVector<func::FuncOp> functions;
  for (auto function : getOperation().getOps<func::FuncOp>())
    if (!function.getOps<LayerOp>().empty() && isDecoder(function) == inPrompt)
      functions.push_back(function);
  if (functions.empty()) {
    emitError(getOperation().getLoc())
        << "has no layers of " << (inPrompt ? "a decoder" : "an encoder")
        << " that 'policy=" << policy << "' of winnow-prune-tokens could prune";
    return signalPassFailure();
  }
  // Other tokens than those of a prompt stay.
  if (inPrompt)
    functions = {getPromptEntry(functions.front())};
  for (func::FuncOp function : functions)
    if (failed(prune(function)))
      return signalPassFailure();
}
