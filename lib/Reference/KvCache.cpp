//===- KvCache.cpp - The meaning of the cache ops -------------------------===//

#include "Rules.h"

using namespace mlir;
using namespace winnow;

FailureOr<Cache> winnow::evaluateKvAppend(KvAppendOp op, const Cache &cache,
                                          const Tensor &key,
                                          const Tensor &value,
                                          const Tensor &positions,
                                          const Tensor &segments) {
  KvCacheType type = op.getCache().getType();
  int64_t tokens = key.dim(0);
  if (value.dim(0) != tokens || positions.dim(0) != tokens ||
      segments.dim(0) != tokens)
    return op.emitOpError("expects as many values (")
           << value.dim(0) << "), positions (" << positions.dim(0)
           << ") and segments (" << segments.dim(0) << ") as keys (" << tokens
           << ")";
  if (key.dim(1) != type.getHeads() || key.dim(2) != type.getKeyDim() ||
      value.dim(1) != type.getHeads() || value.dim(2) != type.getValueDim())
    return op.emitOpError("expects keys and values of the cache's shape");
  if (tokens > type.getCapacity() - cache.length)
    return op.emitOpError("expects room for ")
           << tokens << " slots, found " << cache.length << " of "
           << type.getCapacity() << " in use";
  Cache result = cache;
  result.length += tokens;
  llvm::append_range(result.keys, key.floats());
  llvm::append_range(result.values, value.floats());
  llvm::append_range(result.positions, positions.integers());
  llvm::append_range(result.segments, segments.integers());
  return result;
}

SmallVector<Tensor> winnow::evaluateKvView(KvViewOp op, const Cache &cache) {
  KvCacheType type = op.getCache().getType();
  Tensor key(ElementKind::F32,
             {cache.length, type.getHeads(), type.getKeyDim()});
  Tensor value(ElementKind::F32,
               {cache.length, type.getHeads(), type.getValueDim()});
  Tensor positions(ElementKind::I32, {cache.length});
  Tensor segments(ElementKind::I32, {cache.length});
  llvm::copy(cache.keys, key.mutableFloats().begin());
  llvm::copy(cache.values, value.mutableFloats().begin());
  llvm::copy(cache.positions, positions.mutableIntegers().begin());
  llvm::copy(cache.segments, segments.mutableIntegers().begin());
  return {key, value, positions, segments};
}

FailureOr<Cache> winnow::evaluateKvTruncate(KvTruncateOp op, const Cache &cache,
                                            int64_t length) {
  if (length < 0)
    return op.emitOpError("expects a length of at least 0, found ") << length;
  KvCacheType type = op.getCache().getType();
  Cache result = cache;
  result.length = std::min(length, cache.length);
  result.keys.resize(result.length * type.getHeads() * type.getKeyDim());
  result.values.resize(result.length * type.getHeads() * type.getValueDim());
  result.positions.resize(result.length);
  result.segments.resize(result.length);
  return result;
}
