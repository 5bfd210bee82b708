//===- CompactPositions.cpp - Rope by the tokens that are there -----------===//

#include "CompactPositions.h"
#include "SiteLayers.h"

#include "winnow/Analysis/Layers.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace winnow {

/// Takes away what the body of a layer does not use.
static void eraseUnusedInputs(LayerOp layer) {
  Block &body = layer.getBody().front();
  for (unsigned index = body.getNumArguments(); index-- > 0;)
    if (body.getArgument(index).use_empty()) {
      body.eraseArgument(index);
      layer.getInputsMutable().erase(index);
    }
}

/// Rotates by `positions` whatever a layer rotates.
static LogicalResult rotateBy(LayerOp layer, Value positions) {
  SmallVector<RopeOp> ropes;
  layer.walk([&](RopeOp rope) { ropes.push_back(rope); });
  if (ropes.empty())
    return success();
  for (RopeOp rope : ropes)
    if (!outside(layer, rope.getPositions()))
      return rope.emitOpError("rotates by positions that winnow-prune-tokens "
                              "cannot replace: its layer computes them");
  Value inside =
      layer.getBody().front().addArgument(positions.getType(), layer.getLoc());
  layer.getInputsMutable().append(positions);
  for (RopeOp rope : ropes)
    rope.getPositionsMutable().assign(inside);
  eraseUnusedInputs(layer);
  return success();
}

LogicalResult compactPositions(LayerOp first) {
  KvAppendOp append;
  first.walk([&](KvAppendOp found) { append = found; });
  Value cache = append ? outside(first, append.getCache()) : Value();
  Value segments = append ? outside(first, append.getSegments()) : Value();
  if (!cache || !segments)
    return first.emitOpError("has no cache of its own that "
                             "winnow-prune-tokens could count positions in");
  OpBuilder builder(first);
  Value positions = KvNextPositionsOp::create(
      builder, first.getLoc(), segments.getType(), cache, segments);
  for (Operation *op = first; op; op = op->getNextNode())
    if (auto layer = dyn_cast<LayerOp>(op))
      if (failed(rotateBy(layer, positions)))
        return failure();
  return success();
}

} // namespace winnow
