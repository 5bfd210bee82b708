//===- VerifyModel.cpp - What ties the ops of a model together ------------===//
//
// Labels C1 to C4 are those of the pass's description.
//
//===----------------------------------------------------------------------===//

#include "winnow/Analysis/CacheFlow.h"
#include "winnow/Analysis/Passes.h"
#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

namespace winnow {
#define GEN_PASS_DEF_WINNOWVERIFYMODEL
#include "winnow/Analysis/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

/// C1: at most one consumer. Returns it, or null for a state without one.
static FailureOr<Operation *> findConsumer(Value state) {
  Operation *consumer = nullptr;
  // Uses come in no useful order; errors name the earliest two.
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : state.getUses())
    if (!isa<KvViewOp, KvNextPositionsOp>(use.getOwner())) {
      if (use.getOwner()->getBlock() != state.getParentBlock())
        return use.getOwner()->emitOpError(
            "expects a cache state of its own block");
      uses.push_back(&use);
    }
  llvm::sort(uses, [](OpOperand *a, OpOperand *b) {
    if (a->getOwner() == b->getOwner())
      return a->getOperandNumber() < b->getOperandNumber();
    return a->getOwner()->isBeforeInBlock(b->getOwner());
  });
  for (OpOperand *use : uses) {
    if (consumer) {
      InFlightDiagnostic error = use->getOwner()->emitOpError(
          "expects a cache state that is not consumed yet");
      error.attachNote(consumer->getLoc()) << "consumed here";
      return failure();
    }
    consumer = use->getOwner();
  }
  return consumer;
}

/// C2: every reader of `state` and of what its views show stands in front of
/// `consumer`.
static LogicalResult verifyReaders(Value state, Operation *consumer) {
  auto check = [&](Operation *reader) -> LogicalResult {
    Operation *ancestor = consumer->getBlock()->findAncestorOpInBlock(*reader);
    if (!ancestor || ancestor == consumer ||
        ancestor->isBeforeInBlock(consumer))
      return success();
    InFlightDiagnostic error = reader->emitOpError(
        "expects a cache state that is read before it is consumed");
    error.attachNote(consumer->getLoc()) << "consumed here";
    return error;
  };
  for (Operation *user : state.getUsers()) {
    if (!isa<KvViewOp, KvNextPositionsOp>(user))
      continue;
    if (failed(check(user)))
      return failure();
    if (isa<KvNextPositionsOp>(user))
      continue;
    for (Operation *reader : user->getUsers())
      if (failed(check(reader)))
        return failure();
  }
  return success();
}

static bool isCache(Value value) { return isa<KvCacheType>(value.getType()); }

/// C3 of an entry point.
static LogicalResult verifyResults(func::FuncOp function) {
  SmallVector<Value> arguments, results;
  Operation *terminator = function.getBody().front().getTerminator();
  llvm::copy_if(function.getArguments(), std::back_inserter(arguments),
                isCache);
  llvm::copy_if(terminator->getOperands(), std::back_inserter(results),
                isCache);
  for (auto [rank, pair] : llvm::enumerate(llvm::zip(arguments, results)))
    if (findCacheOrigin(std::get<1>(pair)) != std::get<0>(pair))
      return terminator->emitOpError("expects cache result #")
             << rank << " to continue cache argument #" << rank;
  return success();
}

/// C3 of a layer.
static LogicalResult verifyLayer(LayerOp layer) {
  Block &body = layer.getBody().front();
  SmallVector<Value> arguments, yielded;
  llvm::copy_if(body.getArguments(), std::back_inserter(arguments), isCache);
  llvm::copy_if(body.getTerminator()->getOperands(),
                std::back_inserter(yielded), isCache);
  for (auto [rank, state] : llvm::enumerate(yielded))
    if (!llvm::is_contained(arguments, findCacheOrigin(state)))
      return body.getTerminator()->emitOpError("expects yielded cache #")
             << rank << " to continue an input of the layer";
  return success();
}

/// C4: what an attention reads belongs together.
static LogicalResult verifyAttention(AttentionOp op) {
  auto view = op.getKey().getDefiningOp<KvViewOp>();
  if (!view)
    return success();
  for (auto [name, value] :
       {std::pair<StringRef, Value>("value", op.getValue()),
        std::pair<StringRef, Value>("key_positions", op.getKeyPositions()),
        std::pair<StringRef, Value>("key_segments", op.getKeySegments())}) {
    if (!value)
      continue;
    auto other = value.getDefiningOp<KvViewOp>();
    if (other && other.getCache() == view.getCache())
      continue;
    InFlightDiagnostic error = op.emitOpError("expects ")
                               << name << " to be of the cache state of key";
    error.attachNote(view.getLoc()) << "key is viewed here";
    return error;
  }
  return success();
}

namespace {
class VerifyModel : public winnow::impl::WinnowVerifyModelBase<VerifyModel> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk(
        [&](Operation *op) { return WalkResult(verify(op)); });
    if (result.wasInterrupted())
      return signalPassFailure();
    markAllAnalysesPreserved();
  }

  LogicalResult verify(Operation *op);
  LogicalResult verifyState(Value value);
};
} // namespace

LogicalResult VerifyModel::verifyState(Value value) {
  if (!isCache(value))
    return success();
  ++numStates;
  FailureOr<Operation *> consumer = findConsumer(value);
  if (failed(consumer))
    return failure();
  return *consumer ? verifyReaders(value, *consumer) : success();
}

LogicalResult VerifyModel::verify(Operation *op) {
  for (Value result : op->getResults())
    if (failed(verifyState(result)))
      return failure();
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Value argument : block.getArguments())
        if (failed(verifyState(argument)))
          return failure();
  if (auto function = dyn_cast<func::FuncOp>(op))
    return function->hasAttr(kEntryAttr) ? verifyResults(function) : success();
  if (auto layer = dyn_cast<LayerOp>(op))
    return verifyLayer(layer);
  if (auto attention = dyn_cast<AttentionOp>(op))
    return verifyAttention(attention);
  return success();
}
