//===- KvCacheOps.cpp - Ops on the KV cache -------------------------------===//

#include "Checks.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

/// Checks that `key` and `value` have the heads and channels of a cache.
static LogicalResult verifyHeads(Operation *op, KvCacheType cache, Value key,
                                 Value value) {
  Size heads = {"heads of the cache", cache.getHeads()};
  // C2: keys.
  if (failed(expectEqual(op, Size::of("number of key heads", key, 1), heads)) ||
      failed(expectEqual(op, Size::of("head size of keys", key, 2),
                         {"key_dim of the cache", cache.getKeyDim()})))
    return failure();
  // C3: values.
  if (failed(
          expectEqual(op, Size::of("number of value heads", value, 1), heads)))
    return failure();
  return expectEqual(op, Size::of("head size of values", value, 2),
                     {"value_dim of the cache", cache.getValueDim()});
}

/// Checks that the leading sizes agree (C4) and fit into the cache (C5).
static LogicalResult verifyTokens(Operation *op, KvCacheType cache, Value key,
                                  Value value, Value positions,
                                  Value segments) {
  Size keys = Size::of("number of keys", key, 0);
  if (failed(expectEqual(op, Size::of("number of values", value, 0), keys)) ||
      failed(expectEqual(op, Size::of("number of positions", positions, 0),
                         keys)) ||
      failed(
          expectEqual(op, Size::of("number of segments", segments, 0), keys)))
    return failure();
  if (!ShapedType::isDynamic(keys.value) && keys.value > cache.getCapacity())
    return op->emitOpError("expects number of keys (")
           << keys.value << ") to be at most the capacity of the cache ("
           << cache.getCapacity() << ")";
  return success();
}

//===----------------------------------------------------------------------===//
// KvAppendOp
//===----------------------------------------------------------------------===//

LogicalResult KvAppendOp::verify() {
  KvCacheType cache = getCache().getType();
  if (failed(verifyHeads(*this, cache, getKey(), getValue())))
    return failure();
  return verifyTokens(*this, cache, getKey(), getValue(), getPositions(),
                      getSegments());
}

double KvAppendOp::getFlops(DimFunction dims) { return 0; }

double KvAppendOp::getStoredBytes(DimFunction dims) {
  return sizeOf(getKey(), 0, dims) *
             double(getCache().getType().getSlotBytes()) +
         (sizeOf(getPositions(), 0, dims) + sizeOf(getSegments(), 0, dims)) *
             sizeof(int32_t);
}

void KvAppendOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getResult(), "kv");
}

//===----------------------------------------------------------------------===//
// KvViewOp
//===----------------------------------------------------------------------===//

LogicalResult KvViewOp::verify() {
  KvCacheType cache = getCache().getType();
  if (failed(verifyHeads(*this, cache, getKey(), getValue())))
    return failure();
  return verifyTokens(*this, cache, getKey(), getValue(), getPositions(),
                      getSegments());
}

void KvViewOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getKey(), "keys");
  setName(getValue(), "values");
  setName(getPositions(), "key_positions");
  setName(getSegments(), "key_segments");
}

//===----------------------------------------------------------------------===//
// KvTruncateOp
//===----------------------------------------------------------------------===//

void KvTruncateOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getResult(), "kv");
}

//===----------------------------------------------------------------------===//
// KvNextPositionsOp
//===----------------------------------------------------------------------===//

void KvNextPositionsOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getPositions(), "next_positions");
}
