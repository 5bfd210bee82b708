//===- RowNorm.cpp - Norms of one token's row -----------------------------===//

#include "winnow/Codegen/Cpu/RowKernels.h"

#include <array>

using namespace mlir;

namespace winnow::cpu {

/// Sums of a row are taken by this many vectors in turn.
static constexpr int64_t kAccumulators = 4;

/// The sum over a row of `term`, whose lanes beyond the row must be zero:
/// chunk c of 16 lanes goes to accumulator c mod 4, then a fixed tree.
/// `term(sum, chunk)` adds the terms of the chunk to the sum; `chunk` loads
/// the chunk.
static Value
sumOfRow(KernelBuilder &k, Value row, int64_t width,
         function_ref<Value(Value sum, Value chunk, Value count)> term) {
  const int64_t step = kAccumulators * kLanes;
  const int64_t chunkBytes = kLanes * sizeof(float);
  int64_t whole = width / step * step;
  KernelBuilder::Values sums(kAccumulators, k.splatF32(0));
  VectorType vector = k.vectorType(k.f32Type());
  if (whole)
    sums = k.forLoop(
        k.i64(0), k.i64(whole), k.i64(step), sums,
        [&](Value from, ValueRange carried) {
          Value chunk = k.offset(row, k.mul(from, sizeof(float)));
          KernelBuilder::Values next;
          for (int64_t a = 0; a < kAccumulators; ++a)
            next.push_back(term(carried[a],
                                k.load(vector, k.offset(chunk, a * chunkBytes)),
                                nullptr));
          return next;
        });
  for (int64_t from = whole, a = 0; from < width; from += kLanes, ++a) {
    Value chunk = k.offset(row, int64_t(from * sizeof(float)));
    int64_t count = std::min(width - from, kLanes);
    if (count == kLanes)
      sums[a] = term(sums[a], k.load(vector, chunk), nullptr);
    else
      sums[a] =
          term(sums[a], k.loadFirst(vector, chunk, k.i64(count)), k.i64(count));
  }
  return k.reduceAdd(
      k.addF(k.addF(sums[0], sums[2]), k.addF(sums[1], sums[3])));
}

/// Applies `body` to chunks of 16 lanes at a byte offset; `count` is null for
/// a whole chunk and else the number of lanes.
static void forEachChunk(KernelBuilder &k, int64_t width,
                         function_ref<void(Value bytes, Value count)> body) {
  int64_t whole = width / kLanes * kLanes;
  if (whole)
    k.forLoop(k.i64(0), k.i64(whole), k.i64(kLanes),
              [&](Value from) { body(k.mul(from, sizeof(float)), nullptr); });
  if (whole < width)
    body(k.i64(whole * sizeof(float)), k.i64(width - whole));
}

static Value loadChunk(KernelBuilder &k, Value ptr, Value count) {
  VectorType vector = k.vectorType(k.f32Type());
  return count ? k.loadFirst(vector, ptr, count) : k.load(vector, ptr);
}

static void emitNormGroup(KernelBuilder &k, const NormSpec &spec, Value in,
                          Value weight, Value bias, Value out) {
  const float width = spec.width;
  Value mean;
  if (spec.kind == NormKind::Layer) {
    Value sum = sumOfRow(k, in, spec.width, [&](Value acc, Value chunk, Value) {
      return k.addF(acc, chunk);
    });
    mean = k.broadcast(k.divF(sum, k.f32(width)));
  }
  Value squares =
      sumOfRow(k, in, spec.width, [&](Value acc, Value chunk, Value count) {
        if (mean) {
          chunk = k.subF(chunk, mean);
          if (count)
            chunk = k.select(k.firstLanes(count), chunk, k.splatF32(0));
        }
        return k.fma(chunk, chunk, acc);
      });
  Value divisor;
  if (spec.kind == NormKind::L2)
    divisor = k.maxF(k.sqrtF(squares), k.f32(spec.epsilon));
  else
    divisor =
        k.sqrtF(k.addF(k.divF(squares, k.f32(width)), k.f32(spec.epsilon)));
  Value scale = k.broadcast(k.divF(k.f32(1), divisor));

  forEachChunk(k, spec.width, [&](Value bytes, Value count) {
    Value x = loadChunk(k, k.offset(in, bytes), count);
    if (mean)
      x = k.subF(x, mean);
    Value y = k.mulF(x, scale);
    Value shift = bias ? loadChunk(k, k.offset(bias, bytes), count) : Value();
    if (weight) {
      Value w = loadChunk(k, k.offset(weight, bytes), count);
      if (spec.weightOffset != 0)
        w = k.addF(w, k.splatF32(spec.weightOffset));
      y = shift ? k.fma(y, w, shift) : k.mulF(y, w);
    } else if (shift) {
      y = k.addF(y, shift);
    }
    Value target = k.offset(out, bytes);
    if (count)
      k.storeFirst(y, target, count);
    else
      k.store(y, target);
  });
}

void emitNormRow(KernelBuilder &k, const NormSpec &spec, Value in, Value weight,
                 Value bias, Value out) {
  if (spec.groups == 1)
    return emitNormGroup(k, spec, in, weight, bias, out);
  k.forLoop(
      k.i64(0), k.i64(spec.groups), k.i64(1),
      [&](Value group) {
        Value bytes = k.mul(group, spec.width * sizeof(float));
        emitNormGroup(k, spec, k.offset(in, bytes), weight, bias,
                      k.offset(out, bytes));
      },
      /*unroll=*/false);
}

} // namespace winnow::cpu
