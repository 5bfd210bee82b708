//===- KvAppend.cpp - Storing the keys and values of one token ------------===//
//
// Numbers are rounded as Formats/Activation.h does, bit for bit.
//
//===----------------------------------------------------------------------===//

#include "winnow/Codegen/Cpu/RowKernels.h"

#include "winnow/Formats/Activation.h"
#include "winnow/Runtime/Call.h"

#include "llvm/Support/MathExtras.h"

#include <cstddef>
#include <limits>

using namespace mlir;

namespace winnow::cpu {

static_assert(WINNOW_KV_BLOCK == kLanes, "one slot of a key block a lane");

static constexpr int64_t kFloatBytes = sizeof(float);
/// The bits of infinity; those of a NaN are above them, signs apart.
static constexpr int32_t kInfinityBits = 0x7f800000;

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

namespace {

/// What the numbers of a row of i8 are multiplied by to get codes, the scale of
/// these, and whether all numbers are finite (i1).
struct RowScale {
  Value inverse, scale, isFinite;
};

/// Stores the `channels` numbers of one head and slot, `numberStride` bytes
/// apart.
class RowWriter {
public:
  RowWriter(KernelBuilder &k, CacheFormat format, int64_t channels, Value from)
      : k(k), format(format), channels(channels), from(from) {}

  void write(Value scalePtr, Value numberPtr, int64_t numberStride);

private:
  Value loadBits(Value channel, int64_t lanes) {
    VectorType integers = k.vectorType(k.i32Type());
    Value ptr = k.offset(from, k.mul(channel, kFloatBytes));
    return lanes == kLanes ? k.load(integers, ptr, 4)
                           : k.loadFirst(integers, ptr, k.i64(lanes));
  }
  /// Calls `body` with the first channel and the number of each 16 channels.
  void forVectors(llvm::function_ref<void(Value, int64_t)> body);
  RowScale computeScale();
  Value encode(Value bits, const RowScale &row);

  KernelBuilder &k;
  CacheFormat format;
  int64_t channels;
  Value from;
};

} // namespace

void RowWriter::forVectors(llvm::function_ref<void(Value, int64_t)> body) {
  int64_t whole = llvm::alignDown(channels, kLanes);
  if (whole)
    k.forLoop(
        k.i64(0), k.i64(whole), k.i64(kLanes),
        [&](Value channel) { body(channel, kLanes); },
        /*unroll=*/false);
  if (whole < channels)
    body(k.i64(whole), channels - whole);
}

RowScale RowWriter::computeScale() {
  // Magnitudes compare like their bits.
  Value largest = k.splatI32(0);
  auto take = [&](Value before, Value channel, int64_t lanes) {
    return k.maxS(before,
                  k.andI(loadBits(channel, lanes), k.splatI32(INT32_MAX)));
  };
  int64_t whole = llvm::alignDown(channels, kLanes);
  if (whole)
    largest = k.forLoop(
        k.i64(0), k.i64(whole), k.i64(kLanes), {largest},
        [&](Value channel, ValueRange carried) {
          return KernelBuilder::Values{take(carried[0], channel, kLanes)};
        },
        /*unroll=*/false)[0];
  if (whole < channels)
    largest = take(largest, k.i64(whole), channels - whole);
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    largest = k.maxS(k.slice(largest, 0, half), k.slice(largest, half, half));
  Value amaxBits = k.extract(largest, 0);
  Value amax = k.bitcast(amaxBits, k.f32Type());
  Value most = k.f32(127), zero = k.f32(0);
  RowScale row;
  row.isFinite = k.lessThan(amaxBits, k.i32(kInfinityBits));
  Value isTiny = k.lessThanF(amax, k.f32(kActivationFloor));
  row.inverse = k.select(isTiny, zero, k.divF(most, amax));
  row.scale = k.select(row.isFinite, k.select(isTiny, zero, k.divF(amax, most)),
                       k.f32(std::numeric_limits<float>::quiet_NaN()));
  return row;
}

/// 16 numbers as they are stored.
Value RowWriter::encode(Value bits, const RowScale &row) {
  if (format == CacheFormat::BF16)
    return k.trunc(k.shrU(k.roundBitsToBf16(bits), k.splatI32(16)),
                   k.vectorType(k.i16Type()));
  Value numbers = k.bitcast(bits, k.vectorType(k.f32Type()));
  numbers = k.select(k.broadcast(row.isFinite), numbers, k.splatF32(0));
  Value codes = k.roundToI32(k.mulF(numbers, k.broadcast(row.inverse)));
  return k.trunc(codes, k.vectorType(k.i8Type()));
}

void RowWriter::write(Value scalePtr, Value numberPtr, int64_t numberStride) {
  int64_t numberBytes = getNumberBytes(format);
  bool isRow = numberStride == numberBytes;
  if (format == CacheFormat::F32) {
    if (isRow) {
      k.memoryCopy(numberPtr, from, k.i64(channels * numberBytes));
      return;
    }
    k.forLoop(k.i64(0), k.i64(channels), k.i64(1), [&](Value channel) {
      k.store(
          k.load(k.f32Type(), k.offset(from, k.mul(channel, kFloatBytes)), 4),
          k.offset(numberPtr, k.mul(channel, numberStride)), 4);
    });
    return;
  }
  RowScale row;
  if (format == CacheFormat::I8) {
    row = computeScale();
    k.store(row.scale, scalePtr, 4);
  }
  forVectors([&](Value channel, int64_t lanes) {
    Value stored = encode(loadBits(channel, lanes), row);
    Value to = k.offset(numberPtr, k.mul(channel, numberStride));
    if (isRow && lanes == kLanes) {
      k.store(stored, to, numberBytes);
      return;
    }
    // Not a masked store: LLVM 22 widens one of a single byte to four.
    for (int64_t lane = 0; lane < lanes; ++lane)
      k.store(k.extract(stored, lane), k.offset(to, lane * numberStride),
              numberBytes);
  });
}

void emitKvAppendRow(KernelBuilder &k, const KvShape &shape,
                     const KvPointers &cache, Value slot, Value key,
                     Value value, Value position, Value segment) {
  Value lane = k.remU(slot, kLanes), block = k.sub(slot, lane);
  auto store = [&](Value head, CacheFormat format, int64_t channels, Value from,
                   Value to, bool isKey) {
    Value slotsBefore = k.add(k.mul(head, cache.capacity), block);
    to = k.offset(to, k.mul(slotsBefore, getSlotBytes(format, channels)));
    int64_t scaleBytes = getScaleBytes(format);
    int64_t numberBytes = getNumberBytes(format);
    Value scalePtr = k.offset(to, k.mul(lane, scaleBytes));
    // Keys have the slots of a block side by side, values their channels.
    Value numbers = k.offset(to, kLanes * scaleBytes);
    numbers = k.offset(
        numbers, k.mul(lane, isKey ? numberBytes : channels * numberBytes));
    RowWriter(k, format, channels,
              k.offset(from, k.mul(head, channels * kFloatBytes)))
        .write(scalePtr, numbers, isKey ? kLanes * numberBytes : numberBytes);
  };
  k.forLoop(
      k.i64(0), k.i64(shape.heads), k.i64(1),
      [&](Value head) {
        store(head, shape.keyFormat, shape.keyDim, key, cache.keys, true);
        store(head, shape.valueFormat, shape.valueDim, value, cache.values,
              false);
      },
      /*unroll=*/false);
  k.store(position, k.offset(cache.positions, k.mul(slot, kFloatBytes)), 4);
  k.store(segment, k.offset(cache.segments, k.mul(slot, kFloatBytes)), 4);
}

} // namespace winnow::cpu
