//===- KvAppend.cpp - Storing the keys and values of one token ------------===//

#include "winnow/Codegen/Cpu/RowKernels.h"

#include "winnow/Runtime/Call.h"

#include <cstddef>

using namespace mlir;

namespace winnow::cpu {

static_assert(WINNOW_KV_BLOCK == kLanes, "one slot of a key block a lane");

KvPointers loadKvSlot(KernelBuilder &k, Value slot) {
  auto field = [&](Type type, size_t bytes) {
    return k.load(type, k.offset(slot, int64_t(bytes)), 8);
  };
  KvPointers cache;
  cache.keys = field(k.ptrType(), offsetof(winnow_kv_slot, keys));
  cache.values = field(k.ptrType(), offsetof(winnow_kv_slot, values));
  cache.positions = field(k.ptrType(), offsetof(winnow_kv_slot, positions));
  cache.segments = field(k.ptrType(), offsetof(winnow_kv_slot, segments));
  cache.length = field(k.i64Type(), offsetof(winnow_kv_slot, length));
  cache.capacity = field(k.i64Type(), offsetof(winnow_kv_slot, capacity));
  return cache;
}

void emitKvAppendRow(KernelBuilder &k, const KvShape &shape,
                     const KvPointers &cache, Value slot, Value key,
                     Value value, Value position, Value segment) {
  constexpr int64_t floatBytes = sizeof(float);
  Value lane = k.remU(slot, kLanes);
  // Slot s of channel c of a head is at (s / 16 * keyDim + c) * 16 + s % 16.
  Value inHead = k.add(k.mul(k.sub(slot, lane), shape.keyDim), lane);
  k.forLoop(
      k.i64(0), k.i64(shape.heads), k.i64(1),
      [&](Value head) {
        Value slotsBefore = k.mul(head, cache.capacity);
        Value from = k.offset(key, k.mul(head, shape.keyDim * floatBytes));
        Value to = k.offset(
            cache.keys,
            k.mul(k.add(k.mul(slotsBefore, shape.keyDim), inHead), floatBytes));
        k.forLoop(k.i64(0), k.i64(shape.keyDim), k.i64(1), [&](Value channel) {
          Value bytes = k.mul(channel, floatBytes);
          k.store(k.load(k.f32Type(), k.offset(from, bytes), 4),
                  k.offset(to, k.mul(bytes, kLanes)), 4);
        });
        k.memoryCopy(k.offset(cache.values, k.mul(k.add(slotsBefore, slot),
                                                  shape.valueDim * floatBytes)),
                     k.offset(value, k.mul(head, shape.valueDim * floatBytes)),
                     k.i64(shape.valueDim * floatBytes));
      },
      /*unroll=*/false);
  k.store(position, k.offset(cache.positions, k.mul(slot, floatBytes)), 4);
  k.store(segment, k.offset(cache.segments, k.mul(slot, floatBytes)), 4);
}

} // namespace winnow::cpu
