//===- QuantOps.cpp - Verifiers and interfaces of ops on encoded numbers ---===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

using DimFn = function_ref<int64_t(Value, unsigned)>;

LogicalResult LinearOp::verify() { return success(); }
double LinearOp::getFlops(DimFn dims) { return 0; }
double LinearOp::getStoredBytes(DimFn dims) { return 0; }
TokenFlow LinearOp::getTokenFlow() { return TokenFlow::PerToken; }

LogicalResult RecodeOp::verify() { return success(); }
double RecodeOp::getFlops(DimFn dims) { return 0; }
double RecodeOp::getStoredBytes(DimFn dims) { return 0; }
TokenFlow RecodeOp::getTokenFlow() { return TokenFlow::PerToken; }
OpFoldResult RecodeOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput())
                                           : OpFoldResult();
}

LogicalResult EmbedOp::verify() { return success(); }
double EmbedOp::getFlops(DimFn dims) { return 0; }
double EmbedOp::getStoredBytes(DimFn dims) { return 0; }
TokenFlow EmbedOp::getTokenFlow() { return TokenFlow::PerToken; }
