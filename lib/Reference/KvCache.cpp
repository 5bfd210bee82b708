//===- KvCache.cpp - The meaning of the cache ops -------------------------===//

#include "Rules.h"

#include "winnow/Formats/Activation.h"

#include "llvm/ADT/bit.h"

#include <map>

using namespace mlir;
using namespace winnow;

/// Adds rows of `channels` numbers to `stored`, as reading them will show them.
static void store(Type storage, ArrayRef<float> numbers, int64_t channels,
                  std::vector<float> &stored) {
  if (storage.isF32()) {
    llvm::append_range(stored, numbers);
    return;
  }
  if (storage.isBF16()) {
    for (float number : numbers)
      stored.push_back(
          llvm::bit_cast<float>(uint32_t(roundToBf16(number)) << 16));
    return;
  }
  SmallVector<int8_t> codes(channels);
  for (; !numbers.empty(); numbers = numbers.drop_front(channels)) {
    float scale;
    encodeActivationGroup(numbers.take_front(channels), scale, codes);
    for (int8_t code : codes)
      stored.push_back(float(code) * scale);
  }
}

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
  store(type.getKeyType(), key.floats(), type.getKeyDim(), result.keys);
  store(type.getValueType(), value.floats(), type.getValueDim(), result.values);
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

Tensor winnow::evaluateKvNextPositions(const Cache &cache,
                                       const Tensor &segments) {
  Tensor positions(ElementKind::I32, {segments.dim(0)});
  std::map<int32_t, int32_t> counts;
  for (int32_t segment : cache.segments)
    ++counts[segment];
  for (auto [position, segment] :
       llvm::zip_equal(positions.mutableIntegers(), segments.integers()))
    position = counts[segment]++;
  return positions;
}
