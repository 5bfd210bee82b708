//===- KvNextPositions.cpp - Counting on from the tokens of a cache -------===//

#include "winnow/Codegen/Cpu/RowKernels.h"

using namespace mlir;

namespace winnow::cpu {

/// How many of `count` words at `words` are `wanted`, i32.
static Value countEqual(KernelBuilder &k, Value words, Value count,
                        Value wanted) {
  constexpr int64_t kWordBytes = sizeof(int32_t);
  Value found = k.forLoop(
      k.i64(0), count, k.i64(kLanes), {k.splatI32(0)},
      [&](Value from, ValueRange carried) {
        Value left = k.sub(count, from);
        Value loaded =
            k.loadFirst(k.vectorType(k.i32Type()),
                        k.offset(words, k.mul(from, kWordBytes)), left);
        Value isEqual =
            k.andI(k.equal(loaded, k.broadcast(wanted)), k.firstLanes(left));
        return KernelBuilder::Values{
            k.add(carried[0], k.select(isEqual, k.splatI32(1), k.splatI32(0)))};
      },
      /*unroll=*/false)[0];
  return k.reduceAddI(found);
}

Value emitNextPosition(KernelBuilder &k, const KvPointers &cache,
                       Value segments, Value row) {
  Value own =
      k.load(k.i32Type(), k.offset(segments, k.mul(row, sizeof(int32_t))), 4);
  return k.add(countEqual(k, cache.segments, cache.length, own),
               countEqual(k, segments, row, own));
}

} // namespace winnow::cpu
