//===- GatedLayers.cpp - Layers that some of the tokens go through --------===//

#include "GatedLayers.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace winnow {

GatedLayers::GatedLayers(Value tokens, Value kept)
    : tokens(tokens), kept(kept), atSite(tokens.getContext()) {
  atSite.setInsertionPointAfterValue(kept);
}

Value GatedLayers::chosen(Value value) {
  Value &rows = replacements[value];
  if (!rows)
    rows = TokenGatherOp::create(atSite, kept.getLoc(),
                                 withRows(value, ShapedType::kDynamic), value,
                                 kept);
  return rows;
}

Value GatedLayers::passIn(LayerOp layer, Value value) {
  Block &body = layer.getBody().front();
  for (auto [input, argument] :
       llvm::zip_equal(layer.getInputs(), body.getArguments()))
    if (input == value)
      return argument;
  layer.getInputsMutable().append(value);
  return body.addArgument(value.getType(), kept.getLoc());
}

/// The layer whose body a value is in.
static LayerOp getLayer(Value value) {
  return dyn_cast<LayerOp>(value.getParentBlock()->getParentOp());
}

void GatedLayers::require(OpOperand &operand) {
  Value value = operand.get();
  if (Value known = replacements.lookup(value))
    return operand.set(known);
  LayerOp layer = getLayer(value);
  if (!layer)
    return operand.set(chosen(value));
  if (cast<RankedTensorType>(value.getType()).getRank() > 2) {
    shared = value;
    return;
  }
  Value rows;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    // Chosen once for all layers that want it.
    rows = passIn(layer, chosen(layer.getInputs()[argument.getArgNumber()]));
  } else {
    Value indices = passIn(layer, kept);
    OpBuilder builder(layer.getContext());
    builder.setInsertionPointAfterValue(value);
    rows = TokenGatherOp::create(builder, value.getLoc(),
                                 withRows(value, ShapedType::kDynamic), value,
                                 indices);
  }
  replacements[value] = rows;
  operand.set(rows);
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

LogicalResult GatedLayers::changeAttention(AttentionOp attention) {
  auto refuse = [&](const Twine &reason) {
    return attention.emitOpError("cannot be computed for some of the tokens: ")
           << reason;
  };
  if (attention.getMaskOperand())
    return refuse("its mask counts all of them");
  Value bias = attention.getBias();
  if (bias && cast<RankedTensorType>(bias.getType()).getRank() != 1)
    return refuse("its bias counts all of them");
  if (attention.getScores())
    return refuse("its scores are sums over all of them");
  // Native code finds the runs of equal segments among queries and keys at
  // once, so that a segment's results do not depend on the others.
  if (attention.getQuerySegments() &&
      !attention.getKey().getDefiningOp<KvViewOp>())
    return refuse("its queries and keys share segments without a cache");
  require(attention.getQueryMutable());
  require(attention.getQueryPositionsMutable());
  require(attention.getQuerySegmentsMutable());
  for (Value result : attention->getResults())
    makeFewer(result);
  return success();
}

LogicalResult GatedLayers::changeInside(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](AttentionOp attention) { return changeAttention(attention); })
      .Case([&](TokenGatherOp gather) {
        // Some of those that an earlier choice has left.
        require(gather.getIndicesMutable());
        makeFewer(gather.getOutput());
        return success();
      })
      .Default([&](Operation *other) { return changeRows(other); });
}

/// Adds the ops in `block` that `value` is computed from to `ops`.
static void addSources(Value value, Block *block,
                       llvm::SmallPtrSetImpl<Operation *> &ops) {
  Operation *op = value ? value.getDefiningOp() : nullptr;
  if (!op || op->getBlock() != block || !ops.insert(op).second)
    return;
  for (Value operand : op->getOperands())
    addSources(operand, block, ops);
}

/// What the keys and values of an attention are computed from.
static llvm::SmallPtrSet<Operation *, 16> findKeySide(AttentionOp attention) {
  llvm::SmallPtrSet<Operation *, 16> ops;
  for (Value value : std::initializer_list<Value>{
           attention.getKey(), attention.getValue(),
           attention.getKeyPositions(), attention.getKeySegments(),
           attention.getBias()})
    addSources(value, attention->getBlock(), ops);
  return ops;
}

LogicalResult GatedLayers::changeMixingLayer(LayerOp layer,
                                             AttentionOp attention) {
  require(layer.getResidualMutable());
  for (OpOperand &input : layer.getInputsMutable())
    if (hasShrunk(input.get()))
      input.set(restored(input.get(), layer));

  // Of what is computed from tokens, all but what leads to keys and values.
  Block &body = layer.getBody().front();
  llvm::SmallPtrSet<Operation *, 16> keySide = findKeySide(attention);
  llvm::DenseSet<Value> ofTokens;
  for (BlockArgument argument : body.getArguments())
    if (isa<RankedTensorType>(argument.getType()))
      ofTokens.insert(argument);
  SmallVector<Operation *> changed;
  for (Operation &op : body.without_terminator()) {
    if (llvm::none_of(op.getOperands(),
                      [&](Value value) { return ofTokens.contains(value); }))
      continue;
    ofTokens.insert_range(op.getResults());
    if (!keySide.contains(&op) &&
        !isa<tensor::DimOp, tensor::EmptyOp, KvAppendOp, KvViewOp>(op))
      changed.push_back(&op);
  }
  for (Operation *op : changed) {
    Location location = op->getLoc();
    if (failed(changeInside(op)))
      return failure();
    if (shared)
      return emitError(location, "cannot be computed for some of the tokens: "
                                 "its heads are those of keys or values");
  }

  Operation *yield = body.getTerminator();
  for (auto [yielded, result] :
       llvm::zip_equal(yield->getOperands(), layer->getResults())) {
    if (result == layer.getOutput() && !hasShrunk(yielded))
      return layer.emitOpError("cannot be computed for some of the tokens: its "
                               "result does not depend on queries");
    if (hasShrunk(yielded))
      makeFewer(result);
  }
  return success();
}

LogicalResult GatedLayers::changeLayer(LayerOp layer) {
  SmallVector<AttentionOp> attentions;
  layer.walk([&](AttentionOp attention) { attentions.push_back(attention); });
  if (attentions.size() > 1)
    return layer.emitOpError("cannot be computed for some of the tokens: it "
                             "has several attentions");
  if (!attentions.empty())
    return changeMixingLayer(layer, attentions.front());
  require(layer.getResidualMutable());
  Block &body = layer.getBody().front();
  for (auto [index, argument] : llvm::enumerate(body.getArguments())) {
    if (!isa<RankedTensorType>(argument.getType()))
      continue;
    require(layer.getInputsMutable()[index]);
    makeFewer(argument);
  }
  for (Operation &op : llvm::make_early_inc_range(body.without_terminator()))
    if (llvm::any_of(op.getOperands(), [&](Value v) { return hasShrunk(v); }) &&
        failed(changeRows(&op)))
      return failure();
  for (auto [yielded, result] : llvm::zip_equal(
           body.getTerminator()->getOperands(), layer->getResults()))
    if (hasShrunk(yielded))
      makeFewer(result);
  return success();
}

//===----------------------------------------------------------------------===//
// Between and behind them
//===----------------------------------------------------------------------===//

Value GatedLayers::restored(Value rows, Operation *user) {
  Value &all = allRows[rows];
  if (!all) {
    OpBuilder builder(user);
    all = TokenRestoreOp::create(builder, user->getLoc(), tokens.getType(),
                                 rows, kept, tokens);
    // The chosen ones of all these.
    replacements[all] = rows;
  }
  return all;
}

void GatedLayers::restoreOperands(Operation *op) {
  for (OpOperand &operand : op->getOpOperands())
    if (hasShrunk(operand.get()))
      operand.set(restored(operand.get(), op));
}

LogicalResult GatedLayers::changeOp(Operation *op) {
  if (auto layer = dyn_cast<LayerOp>(op))
    return changeLayer(layer);
  if (isa<NormOp>(op) && hasShrunk(op->getOperand(0)))
    return changeRows(op);
  restoreOperands(op);
  return success();
}

LogicalResult GatedLayers::run(Operation *first, Operation *last) {
  chosen(tokens);
  Operation *end = last->getNextNode();
  // Ops may be put in front of those that follow.
  for (Operation *op = first; op != end;) {
    Operation *next = op->getNextNode();
    if (failed(changeOp(op)))
      return failure();
    op = next;
  }
  for (Operation *op = end; op; op = op->getNextNode())
    restoreOperands(op);
  return success();
}

} // namespace winnow
