//===- TokenOps.cpp - Verifiers and interfaces of token ops ---===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

using DimFn = function_ref<int64_t(Value, unsigned)>;

LogicalResult TokenGatherOp::verify() { return success(); }
double TokenGatherOp::getFlops(DimFn dims) { return 0; }
double TokenGatherOp::getStoredBytes(DimFn dims) { return 0; }
TokenFlow TokenGatherOp::getTokenFlow() { return TokenFlow::ChangesTokenSet; }
