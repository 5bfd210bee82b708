//===- LayerRemover.cpp - Takes layers out of a function ------------------===//

#include "LayerRemover.h"

#include "DeadOps.h"

#include "winnow/Analysis/CacheFlow.h"

using namespace mlir;
using namespace winnow;

LogicalResult LayerRemover::remove(LayerOp layer) {
  Block &body = layer.getBody().front();
  for (Value input : layer.getInputs())
    if (isa<KvCacheType>(input.getType()) &&
        llvm::any_of(input.getUsers(), llvm::IsaPred<KvNextPositionsOp>))
      return layer.emitOpError(
          "cannot be dropped: later layers count positions "
          "in its cache; layers are to be dropped before "
          "winnow-prune-tokens{positions=compact}");
  for (OpResult extra : layer.getExtras()) {
    if (extra.use_empty())
      continue;
    Value yielded = body.getTerminator()->getOperand(extra.getResultNumber());
    BlockArgument origin = isa<KvCacheType>(extra.getType())
                               ? findCacheOrigin(yielded)
                               : BlockArgument();
    if (!origin || origin.getOwner() != &body)
      return layer.emitOpError("cannot be dropped: its result #")
             << extra.getResultNumber()
             << " is used, and is no cache that it was given";
    extra.replaceAllUsesWith(layer.getInputs()[origin.getArgNumber()]);
  }
  if (NormOp norm = norms.lookup(layer)) {
    norm.getOutput().replaceAllUsesWith(layer.getResidual());
    norm.erase();
  } else {
    layer.getOutput().replaceAllUsesWith(layer.getResidual());
  }
  layer.erase();
  return success();
}

/// Takes caches that pass through a function unchanged from its arguments and
/// results. Returns how many there were.
static unsigned eraseIdleCaches(func::FuncOp function) {
  Operation *terminator = function.getBody().front().getTerminator();
  llvm::BitVector arguments(function.getNumArguments());
  llvm::BitVector results(function.getNumResults());
  for (OpOperand &operand : terminator->getOpOperands()) {
    auto argument = dyn_cast<BlockArgument>(operand.get());
    if (!argument || !isa<KvCacheType>(argument.getType()) ||
        !argument.hasOneUse())
      continue;
    arguments.set(argument.getArgNumber());
    results.set(operand.getOperandNumber());
  }
  terminator->eraseOperands(results);
  // Neither can fail: a function with a body may lose both.
  (void)function.eraseArguments(arguments);
  (void)function.eraseResults(results);
  return arguments.count();
}

unsigned LayerRemover::finish() {
  eraseDeadOps(function.getBody().front());
  return eraseIdleCaches(function);
}

llvm::StringSet<> winnow::usedParams(Operation *root) {
  llvm::StringSet<> names;
  root->walk([&](ParamRefOp use) { names.insert(use.getParam()); });
  return names;
}
