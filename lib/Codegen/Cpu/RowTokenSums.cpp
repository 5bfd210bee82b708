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

} // namespace winnow::cpu
