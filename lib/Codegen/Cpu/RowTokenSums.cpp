//===- RowTokenSums.cpp - Sums over the channels of tokens ----------------===//

#include "RowTokenSums.h"

using namespace mlir;

namespace winnow::cpu {

Value loadWord(KernelBuilder &k, Value words, Value row) {
  return k.load(k.i32Type(), k.offset(words, k.mul(row, kWordBytes)), 4);
}

KernelBuilder::Values sumOverChannels(
    KernelBuilder &k, Value a, Value b, int64_t width, size_t count,
    llvm::function_ref<KernelBuilder::Values(Value, Value, ValueRange)> add) {
  VectorType type = k.vectorType(k.f32Type());
  int64_t whole = width / kLanes * kLanes;
  KernelBuilder::Values sums(count, k.splatF32(0));
  if (whole)
    sums = k.forLoop(k.i64(0), k.i64(whole), k.i64(kLanes), sums,
                     [&](Value channel, ValueRange carried) {
                       Value bytes = k.mul(channel, kWordBytes);
                       return add(k.load(type, k.offset(a, bytes)),
                                  k.load(type, k.offset(b, bytes)), carried);
                     });
  if (whole < width) {
    auto rest = [&](Value row) {
      return k.loadFirst(type, k.offset(row, whole * kWordBytes),
                         k.i64(width - whole));
    };
    sums = add(rest(a), rest(b), sums);
  }
  for (Value &sum : sums)
    sum = k.reduceAdd(sum);
  return sums;
}

Value emitDot(KernelBuilder &k, Value a, Value b, int64_t width) {
  return sumOverChannels(
      k, a, b, width, 1, [&](Value x, Value y, ValueRange carried) {
        return KernelBuilder::Values{k.fma(x, y, carried[0])};
      })[0];
}

std::pair<Value, Value> emitSegmentRange(KernelBuilder &k, Value segments,
                                         Value own, Value rows) {
  if (!segments)
    return {k.i64(0), rows};
  VectorType type = k.vectorType(k.i32Type());
  Value nowhere = k.splatI32(-1), size = k.trunc(rows, k.i32Type());
  // The last member, and how many rows are behind the first.
  KernelBuilder::Values found = k.forLoop(
      k.i64(0), rows, k.i64(kLanes), {nowhere, nowhere},
      [&](Value from, ValueRange carried) {
        Value count = k.sub(rows, from);
        Value loaded = k.loadFirst(
            type, k.offset(segments, k.mul(from, kWordBytes)), count);
        Value isMember =
            k.andI(k.equal(loaded, k.broadcast(own)), k.firstLanes(count));
        Value numbers =
            k.add(k.laneIndex(), k.broadcast(k.trunc(from, k.i32Type())));
        Value behind = k.sub(k.broadcast(size), numbers);
        return KernelBuilder::Values{
            k.maxS(carried[0], k.select(isMember, numbers, nowhere)),
            k.maxS(carried[1], k.select(isMember, behind, nowhere))};
      },
      /*unroll=*/false);
  Value last = k.sext(k.reduceMaxI(found[0]), k.i64Type());
  Value behind = k.sext(k.reduceMaxI(found[1]), k.i64Type());
  return {k.sub(rows, behind), k.add(last, 1)};
}

} // namespace winnow::cpu
