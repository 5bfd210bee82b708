//===- TokenOps.cpp - Ops that change the set of tokens -------------------===//

#include "Checks.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// TokenGatherOp
//===----------------------------------------------------------------------===//

LogicalResult TokenGatherOp::verify() {
  // C2: an output row per index.
  if (failed(expectEqual(*this,
                         Size::of("number of output rows", getOutput(), 0),
                         Size::of("number of indices", getIndices(), 0))))
    return failure();
  // C3: rows are kept whole.
  return expectEqual(*this, Size::of("width of output", getOutput(), 1),
                     Size::of("width of input", getInput(), 1));
}

double TokenGatherOp::getFlops(DimFunction dims) { return 0; }

double TokenGatherOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenGatherOp::getTokenFlow() { return TokenFlow::ChangesTokenSet; }

void TokenGatherOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "rows");
}
