//===- FollowingOps.cpp - What comes behind fewer tokens ------------------===//

#include "FollowingOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace winnow {

FollowingOps::FollowingOps(Operation *end, const PruningSite &site,
                           const FewerTokens &fewer)
    : end(end), site(site), fewer(fewer), atSite(end->getContext()) {
  atSite.setInsertionPointAfterValue(fewer.tokens);
  replacements[site.tokens] = fewer.tokens;
}

void FollowingOps::require(OpOperand &operand) {
  Value value = operand.get();
  if (auto it = replacements.find(value); it != replacements.end())
    return operand.set(it->second);
  auto argument = dyn_cast<BlockArgument>(value);
  if (auto layer = argument
                       ? dyn_cast<LayerOp>(argument.getOwner()->getParentOp())
                       : LayerOp()) {
    // The layer gets fewer, and so does its body.
    require(layer.getInputsMutable()[argument.getArgNumber()]);
    return makeFewer(argument);
  }
  Value gathered = TokenGatherOp::create(atSite, site.location,
                                         withRows(value, ShapedType::kDynamic),
                                         value, fewer.kept);
  replacements[value] = gathered;
  operand.set(gathered);
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

Value FollowingOps::logSizesIn(LayerOp layer) {
  if (!logSizes) {
    auto type = cast<RankedTensorType>(fewer.sizes.getType());
    Value init = tensor::EmptyOp::create(
        atSite, site.location,
        tensor::getMixedSizes(atSite, site.location, fewer.sizes),
        type.getElementType());
    logSizes = linalg::MapOp::create(
                   atSite, site.location, fewer.sizes, init,
                   [](OpBuilder &nested, Location location, ValueRange size) {
                     linalg::YieldOp::create(
                         nested, location,
                         Value(math::LogOp::create(nested, location, size[0])));
                   })
                   ->getResult(0);
  }
  Block &body = layer.getBody().front();
  for (auto [input, argument] :
       llvm::zip_equal(layer.getInputs(), body.getArguments()))
    if (input == logSizes)
      return argument;
  layer.getInputsMutable().append(logSizes);
  return body.addArgument(logSizes.getType(), site.location);
}

LogicalResult FollowingOps::changeAttention(AttentionOp attention) {
  if (attention.getMaskOperand())
    return attention.emitOpError("cannot go on with fewer tokens: its mask "
                                 "counts all of them");
  Value bias = attention.getBias();
  if (bias && cast<RankedTensorType>(bias.getType()).getRank() != 1)
    return attention.emitOpError("cannot go on with fewer tokens: its bias "
                                 "counts all of them");
  require(attention.getQueryMutable());
  require(attention.getQueryPositionsMutable());
  require(attention.getQuerySegmentsMutable());
  // A cache holds what was appended to it.
  if (!attention.getKey().getDefiningOp<KvViewOp>()) {
    require(attention.getKeyMutable());
    require(attention.getValueMutable());
    require(attention.getKeyPositionsMutable());
    require(attention.getKeySegmentsMutable());
  }
  if (fewer.sizes)
    attention.getBiasMutable().assign(
        logSizesIn(attention->getParentOfType<LayerOp>()));
  else
    require(attention.getBiasMutable());
  for (Value result : attention->getResults())
    makeFewer(result);
  return success();
}

LogicalResult FollowingOps::changeLayer(LayerOp layer) {
  require(layer.getResidualMutable());
  Block &body = layer.getBody().front();
  for (auto [index, argument] : llvm::enumerate(body.getArguments())) {
    OpOperand &input = layer.getInputsMutable()[index];
    if (!isFewer(input.get()))
      continue;
    require(input);
    makeFewer(argument);
  }
  for (Operation &op : llvm::make_early_inc_range(body.without_terminator()))
    if (failed(changeOp(&op)))
      return failure();
  for (auto [yielded, result] : llvm::zip_equal(
           body.getTerminator()->getOperands(), layer->getResults()))
    if (isFewer(yielded))
      makeFewer(result);
  return success();
}

/// Makes the rows of an op that treats each by itself fewer.
LogicalResult FollowingOps::changeOp(Operation *op) {
  if (llvm::none_of(op->getOperands(), [&](Value v) { return isFewer(v); }))
    return success();
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](LayerOp layer) { return changeLayer(layer); })
      .Case([&](AttentionOp attention) { return changeAttention(attention); })
      .Case([&](KvAppendOp append) {
        require(append.getKeyMutable());
        require(append.getValueMutable());
        require(append.getPositionsMutable());
        require(append.getSegmentsMutable());
        return success();
      })
      .Case<TokenScoreOp, TokenMatchOp>([](Operation *pruning) {
        return pruning->emitOpError(
            "cannot go on with fewer tokens: tokens are to be pruned in the "
            "order of the layers");
      })
      .Default([&](Operation *other) { return changeRows(other); });
}

//===----------------------------------------------------------------------===//
// Behind the layers
//===----------------------------------------------------------------------===//

Value FollowingOps::restored(Value rows, Operation *user) {
  Value &all = allRows[rows];
  if (!all) {
    OpBuilder builder(user);
    all = fewer.restore(builder, replacements.lookup(rows));
  }
  return all;
}

LogicalResult FollowingOps::changePool(TokenPoolOp pool) {
  require(pool.getInputMutable());
  require(pool.getSegmentsMutable());
  if (pool.getKind() == PoolKind::Mean && fewer.sizes)
    pool.getWeightsMutable().assign(fewer.sizes);
  else
    require(pool.getWeightsMutable());
  if ((pool.getKind() == PoolKind::First &&
       site.options.kept.getFirst() == 0) ||
      (pool.getKind() == PoolKind::Last && site.options.kept.getLast() == 0))
    return pool.emitOpError("takes the ")
           << stringifyPoolKind(pool.getKind())
           << " token of a segment, which therefore has to stay";
  return success();
}

/// Whether a gather takes tokens that always stay, from their own places.
static bool takesFirst(TokenGatherOp gather, const PruningSite &site) {
  DenseIntElementsAttr indices;
  return !site.segments &&
         matchPattern(gather.getIndices(), m_Constant(&indices)) &&
         llvm::all_of(indices, [&](const APInt &index) {
           return index.ult(site.options.kept.getFirst());
         });
}

LogicalResult FollowingOps::changeBehind(Operation *op) {
  if (llvm::none_of(op->getOperands(), [&](Value v) { return isFewer(v); }))
    return success();
  if (auto pool = dyn_cast<TokenPoolOp>(op))
    return changePool(pool);
  if (auto gather = dyn_cast<TokenGatherOp>(op);
      gather && isFewer(gather.getInput()) && takesFirst(gather, site)) {
    require(gather.getInputMutable());
    return success();
  }
  for (OpOperand &operand : op->getOpOperands())
    if (isFewer(operand.get()))
      operand.set(restored(operand.get(), op));
  return success();
}

LogicalResult FollowingOps::run(Operation *point) {
  // Ops may be replaced while they are changed.
  bool isBehind = false;
  for (Operation *op = point->getNextNode(); op;) {
    Operation *next = op->getNextNode();
    isBehind |= !op->isBeforeInBlock(end) && op != end;
    if (failed(isBehind ? changeBehind(op) : changeOp(op)))
      return failure();
    op = next;
  }
  return success();
}

} // namespace winnow
