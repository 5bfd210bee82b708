//===- KvCacheOps.cpp - Verifiers and interfaces of cache ops ---===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

using DimFn = function_ref<int64_t(Value, unsigned)>;

LogicalResult KvAppendOp::verify() { return success(); }
double KvAppendOp::getFlops(DimFn dims) { return 0; }
double KvAppendOp::getStoredBytes(DimFn dims) { return 0; }

LogicalResult KvViewOp::verify() { return success(); }
