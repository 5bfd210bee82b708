//===- AttentionOps.cpp - Verifiers and interfaces of attention, rope and norm ---===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

using DimFn = function_ref<int64_t(Value, unsigned)>;

LogicalResult AttentionOp::verify() { return success(); }
double AttentionOp::getFlops(DimFn dims) { return 0; }
double AttentionOp::getStoredBytes(DimFn dims) { return 0; }
TokenFlow AttentionOp::getTokenFlow() { return TokenFlow::MixesTokens; }

LogicalResult RopeOp::verify() { return success(); }
double RopeOp::getFlops(DimFn dims) { return 0; }
double RopeOp::getStoredBytes(DimFn dims) { return 0; }
TokenFlow RopeOp::getTokenFlow() { return TokenFlow::PerToken; }

LogicalResult NormOp::verify() { return success(); }
double NormOp::getFlops(DimFn dims) { return 0; }
double NormOp::getStoredBytes(DimFn dims) { return 0; }
TokenFlow NormOp::getTokenFlow() { return TokenFlow::PerToken; }
