//===- CacheFlow.cpp - Where the states of caches come from ---------------===//

#include "winnow/Analysis/CacheFlow.h"

#include "winnow/Dialect/WinnowDialect.h"

using namespace mlir;
using namespace winnow;

BlockArgument winnow::findCacheOrigin(Value state) {
  while (Operation *op = state.getDefiningOp()) {
    if (auto append = dyn_cast<KvAppendOp>(op)) {
      state = append.getCache();
    } else if (auto truncate = dyn_cast<KvTruncateOp>(op)) {
      state = truncate.getCache();
    } else if (auto layer = dyn_cast<LayerOp>(op)) {
      Block &body = layer.getBody().front();
      unsigned result = cast<OpResult>(state).getResultNumber();
      BlockArgument inner =
          findCacheOrigin(body.getTerminator()->getOperand(result));
      if (!inner || inner.getOwner() != &body)
        return {};
      state = layer.getInputs()[inner.getArgNumber()];
    } else {
      return {};
    }
  }
  return cast<BlockArgument>(state);
}
