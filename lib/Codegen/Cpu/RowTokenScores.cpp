//===- RowTokenScores.cpp - Scores of tokens ------------------------------===//

#include "RowTokenSums.h"

#include "winnow/Codegen/Cpu/RowKernels.h"

#include <limits>

using namespace mlir;

namespace winnow::cpu {

/// The first or the last row of the segment of `row`.
static Value emitEndRow(KernelBuilder &k, Value segments, Value rows, Value row,
                        bool last) {
  Value own = segments ? loadWord(k, segments, row) : Value();
  auto [begin, end] = emitSegmentRange(k, segments, own, rows);
  return last ? k.add(end, -1) : begin;
}

/// The number of a relative bias's row for a key `offset` (i32) positions
/// behind the query.
static Value emitBucket(KernelBuilder &k, ArrayRef<int64_t> distances,
                        Value offset) {
  Value distance = k.maxS(offset, k.sub(k.i32(0), offset));
  int32_t buckets = distances.size() + 1;
  Value bucket =
      k.select(k.lessThan(k.i32(0), offset), k.i32(buckets), k.i32(0));
  for (int64_t least : distances)
    // None is longer than a position.
    if (least <= std::numeric_limits<int32_t>::max())
      bucket = k.add(bucket,
                     k.zext(k.lessEqual(k.i32(least), distance), k.i32Type()));
  return bucket;
}

/// How much the query of row `first` looks at the key of row `row`, by head.
static std::function<Value(Value head)>
emitScoresOfPair(KernelBuilder &k, const TokenScoreSpec &spec,
                 const TokenScoreOperands &operands, Value first, Value row) {
  int64_t group = spec.heads / spec.keyHeads;
  Value bias, biasRow;
  if (operands.bias)
    bias =
        k.load(k.f32Type(), k.offset(operands.bias, k.mul(row, kWordBytes)), 4);
  if (!spec.distances.empty()) {
    Value offset = k.sub(loadWord(k, operands.positions, row),
                         loadWord(k, operands.positions, first));
    Value bucket = k.sext(emitBucket(k, spec.distances, offset), k.i64Type());
    biasRow =
        k.offset(operands.relativeBias, k.mul(bucket, spec.heads * kWordBytes));
  }
  return [=, &k](Value head) {
    auto headOf = [&](Value rows, Value index, int64_t heads, Value head) {
      Value number = k.add(k.mul(index, heads), head);
      return k.offset(rows, k.mul(number, spec.width * kWordBytes));
    };
    Value dot =
        emitDot(k, headOf(operands.query, first, spec.heads, head),
                headOf(operands.key, row, spec.keyHeads, k.divU(head, group)),
                spec.width);
    Value score = k.mulF(dot, k.f32(spec.scale));
    if (bias)
      score = k.addF(score, bias);
    if (biasRow)
      score =
          k.addF(score, k.load(k.f32Type(),
                               k.offset(biasRow, k.mul(head, kWordBytes)), 4));
    return score;
  };
}

/// Where the number of a row's head is.
static Value offsetOfHead(KernelBuilder &k, const TokenScoreSpec &spec,
                          Value numbers, Value row, Value head) {
  Value number = k.add(k.mul(row, spec.heads), head);
  return k.offset(numbers, k.mul(number, kWordBytes));
}

void emitTokenLseRow(KernelBuilder &k, const TokenScoreSpec &spec,
                     const TokenScoreOperands &operands, Value row, Value out) {
  Value end = emitEndRow(k, operands.segments, operands.rows, row, spec.last);
  // Of other rows nobody asks.
  k.ifThen(k.equal(end, row), [&] {
    Value own =
        operands.segments ? loadWord(k, operands.segments, row) : Value();
    std::pair<Value, Value> range =
        emitSegmentRange(k, operands.segments, own, operands.rows);
    // Finite, so that differences are numbers.
    Value nothing = k.f32(std::numeric_limits<float>::lowest());
    k.forLoop(
        k.i64(0), k.i64(spec.heads), k.i64(1),
        [&](Value head) {
          KernelBuilder::Values total = k.forLoop(
              range.first, range.second, k.i64(1), {nothing, k.f32(0)},
              [&](Value token, ValueRange carried) {
                auto add = [&] {
                  Value score =
                      emitScoresOfPair(k, spec, operands, row, token)(head);
                  Value largest = k.maxF(carried[0], score);
                  // What is there, by the new measure.
                  Value before =
                      k.mulF(carried[1], k.exp(k.subF(carried[0], largest)));
                  return KernelBuilder::Values{
                      largest, k.addF(before, k.exp(k.subF(score, largest)))};
                };
                if (!own)
                  return add();
                return k.ifElse(
                    k.equal(loadWord(k, operands.segments, token), own),
                    {k.f32Type(), k.f32Type()}, add, [&] {
                      return KernelBuilder::Values{carried[0], carried[1]};
                    });
              },
              /*unroll=*/false);
          k.store(k.addF(total[0], k.log(total[1])),
                  k.offset(out, k.mul(head, kWordBytes)), 4);
        },
        /*unroll=*/false);
  });
}

void emitTokenScoreRow(KernelBuilder &k, const TokenScoreSpec &spec,
                       const TokenScoreOperands &operands, Value row,
                       Value out) {
  Value first = emitEndRow(k, operands.segments, operands.rows, row, spec.last);
  std::function<Value(Value)> scoreOf =
      emitScoresOfPair(k, spec, operands, first, row);
  Value sum = k.forLoop(
      k.i64(0), k.i64(spec.heads), k.i64(1), {k.f32(0)},
      [&](Value head, ValueRange carried) {
        Value score = scoreOf(head);
        Value lse = k.load(k.f32Type(),
                           offsetOfHead(k, spec, operands.lse, first, head), 4);
        Value weight = k.exp(k.subF(score, lse));
        // A query that sees nothing.
        Value isBlind =
            k.lessThanF(lse, k.f32(std::numeric_limits<float>::lowest()));
        return KernelBuilder::Values{
            k.addF(carried[0], k.select(isBlind, k.f32(0), weight))};
      },
      /*unroll=*/false)[0];
  k.store(k.divF(sum, k.f32(spec.heads)), out, 4);
}

void emitTokenChangeRow(KernelBuilder &k, ChangeKind kind, int64_t width,
                        Value before, Value after, Value out) {
  bool isCosine = kind == ChangeKind::Cosine;
  KernelBuilder::Values sums = sumOverChannels(
      k, before, after, width, 3, [&](Value x, Value y, ValueRange carried) {
        // |x|^2, |y|^2, and what the two have in common or not.
        Value d = k.subF(y, x);
        return KernelBuilder::Values{
            k.fma(x, x, carried[0]), k.fma(y, y, carried[1]),
            isCosine ? k.fma(x, y, carried[2]) : k.fma(d, d, carried[2])};
      });
  // Sums of squares are never -0.
  auto isZero = [&](Value sum) {
    return k.equal(k.bitcast(sum, k.i32Type()), k.i32(0));
  };
  Value x = k.sqrtF(sums[0]), y = k.sqrtF(sums[1]);
  Value xIsZero = isZero(sums[0]), yIsZero = isZero(sums[1]);
  Value change;
  if (isCosine) {
    change = k.subF(k.f32(1), k.divF(sums[2], k.mulF(x, y)));
    change = k.select(k.orI(xIsZero, yIsZero), k.f32(1), change);
  } else {
    change = k.divF(k.sqrtF(sums[2]), x);
  }
  change = k.select(k.andI(xIsZero, yIsZero), k.f32(0), change);
  k.store(change, out, 4);
}

} // namespace winnow::cpu
