//===- RowTokenPruning.cpp - Scores and ranks of tokens -------------------===//

#include "winnow/Codegen/Cpu/RowKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kWordBytes = sizeof(int32_t);
/// The order of what always stays; scores stay below.
static constexpr int32_t kAlways = std::numeric_limits<int32_t>::max();

static Value loadWord(KernelBuilder &k, Value words, Value row) {
  return k.load(k.i32Type(), k.offset(words, k.mul(row, kWordBytes)), 4);
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// The dot product of `width` channels.
static Value emitDot(KernelBuilder &k, Value a, Value b, int64_t width) {
  VectorType type = k.vectorType(k.f32Type());
  int64_t whole = width / kLanes * kLanes;
  Value sums = k.splatF32(0);
  if (whole)
    sums = k.forLoop(k.i64(0), k.i64(whole), k.i64(kLanes), {sums},
                     [&](Value channel, ValueRange carried) {
                       Value bytes = k.mul(channel, kWordBytes);
                       return KernelBuilder::Values{
                           k.fma(k.load(type, k.offset(a, bytes)),
                                 k.load(type, k.offset(b, bytes)), carried[0])};
                     })[0];
  if (whole < width) {
    auto rest = [&](Value row) {
      return k.loadFirst(type, k.offset(row, whole * kWordBytes),
                         k.i64(width - whole));
    };
    sums = k.fma(rest(a), rest(b), sums);
  }
  return k.reduceAdd(sums);
}

/// The first row of the segment of `row`.
static Value emitFirstRow(KernelBuilder &k, Value segments, Value row) {
  if (!segments)
    return k.i64(0);
  Value own = loadWord(k, segments, row);
  return k.forLoop(
      k.i64(0), row, k.i64(1), {row},
      [&](Value index, ValueRange carried) {
        Value isSame = k.equal(loadWord(k, segments, index), own);
        return KernelBuilder::Values{
            k.select(isSame, k.minS(index, carried[0]), carried[0])};
      },
      /*unroll=*/false)[0];
}

void emitTokenScoreRow(KernelBuilder &k, const TokenScoreSpec &spec,
                       const TokenScoreOperands &operands, Value row,
                       Value out) {
  Value first = emitFirstRow(k, operands.segments, row);
  int64_t group = spec.heads / spec.keyHeads;
  auto headOf = [&](Value rows, Value index, int64_t heads, Value head) {
    Value number = k.add(k.mul(index, heads), head);
    return k.offset(rows, k.mul(number, spec.width * kWordBytes));
  };
  Value sum = k.forLoop(
      k.i64(0), k.i64(spec.heads), k.i64(1), {k.f32(0)},
      [&](Value head, ValueRange carried) {
        Value dot = emitDot(
            k, headOf(operands.query, first, spec.heads, head),
            headOf(operands.key, row, spec.keyHeads, k.divU(head, group)),
            spec.width);
        Value number = k.add(k.mul(first, spec.heads), head);
        Value lse = k.load(
            k.f32Type(), k.offset(operands.lse, k.mul(number, kWordBytes)), 4);
        Value weight = k.exp(k.subF(k.mulF(dot, k.f32(spec.scale)), lse));
        // A query that sees nothing.
        Value isBlind =
            k.lessThanF(lse, k.f32(std::numeric_limits<float>::lowest()));
        return KernelBuilder::Values{
            k.addF(carried[0], k.select(isBlind, k.f32(0), weight))};
      },
      /*unroll=*/false)[0];
  k.store(k.divF(sum, k.f32(spec.heads)), out, 4);
}

//===----------------------------------------------------------------------===//
// Selection
//===----------------------------------------------------------------------===//

/// Calls `body` for all rows, 16 at a time, with their segments and numbers as
/// vectors of i32, and a mask of those that are rows of segment `own`. Returns
/// the sums over lanes of the vectors that it adds up.
static KernelBuilder::Values sumOverSegment(
    KernelBuilder &k, Value segments, Value own, Value rows, unsigned sums,
    function_ref<KernelBuilder::Values(Value bytes, Value count, Value numbers,
                                       Value isMember)>
        body) {
  KernelBuilder::Values zeros(sums, k.splatI32(0));
  KernelBuilder::Values totals = k.forLoop(
      k.i64(0), rows, k.i64(kLanes), zeros,
      [&](Value from, ValueRange carried) {
        Value bytes = k.mul(from, kWordBytes), count = k.sub(rows, from);
        Value isMember = k.firstLanes(count);
        if (segments) {
          Value loaded = k.loadFirst(k.vectorType(k.i32Type()),
                                     k.offset(segments, bytes), count);
          isMember = k.andI(isMember, k.equal(loaded, k.broadcast(own)));
        }
        Value numbers =
            k.add(k.laneIndex(), k.broadcast(k.trunc(from, k.i32Type())));
        KernelBuilder::Values masks = body(bytes, count, numbers, isMember);
        KernelBuilder::Values next;
        for (auto [mask, total] : llvm::zip_equal(masks, carried))
          next.push_back(k.add(total, k.zext(k.andI(mask, isMember),
                                             k.vectorType(k.i32Type()))));
        return next;
      },
      /*unroll=*/false);
  for (Value &total : totals)
    total = k.reduceAddI(total);
  return totals;
}

/// How many tokens of a segment stay: TokenPolicyAttr::countKept of an i32.
static Value emitCountKept(KernelBuilder &k, TokenPolicyAttr policy,
                           Value count) {
  OpBuilder &b = k.builder();
  Location loc = k.builder().getLoc();
  Value always = k.minS(count, k.i32(policy.getFirst() + policy.getLast()));
  Value share = arith::ConstantOp::create(b, loc, policy.getKeep());
  Value kept = k.mulF(k.toFloat(k.sub(count, always), k.f64Type()), share);
  StringRef name;
  switch (policy.getRounding()) {
  case Rounding::Up:
    name = "llvm.ceil.f64";
    break;
  case Rounding::Down:
    name = "llvm.floor.f64";
    break;
  case Rounding::Even:
    name = "llvm.roundeven.f64";
    break;
  }
  kept = k.intrinsic(name, k.f64Type(), {kept});
  return k.add(always, arith::FPToSIOp::create(b, loc, k.i32Type(), kept));
}

void emitTokenOrderRow(KernelBuilder &k, TokenPolicyAttr policy,
                       const TokenSelectOperands &operands, Value row,
                       Value order, Value limit) {
  Value own = operands.segments ? loadWord(k, operands.segments, row) : Value();
  Value number = k.trunc(row, k.i32Type());
  // The tokens of the segment, and those of them in front of this one.
  KernelBuilder::Values sums =
      sumOverSegment(k, operands.segments, own, operands.rows, 2,
                     [&](Value, Value, Value numbers, Value isMember) {
                       return KernelBuilder::Values{
                           isMember, k.lessThan(numbers, k.broadcast(number))};
                     });
  Value count = sums[0], place = sums[1];
  Value bits = loadWord(k, operands.scores, row);
  // Rises with the score: negative numbers have their bits turned over.
  Value isNegative = k.lessThan(bits, k.i32(0));
  Value value = k.select(isNegative, k.xorI(bits, k.i32(kAlways)), bits);
  value = k.minS(value, k.i32(kAlways - 1));
  auto protect = [&](Value isProtected) {
    value = k.select(isProtected, k.i32(kAlways), value);
  };
  if (policy.getFirst())
    protect(k.lessThan(place, k.i32(policy.getFirst())));
  if (policy.getLast())
    protect(k.lessEqual(k.sub(count, place), k.i32(policy.getLast())));
  k.store(value, order, 4);
  k.store(emitCountKept(k, policy, count), limit, 4);
}

void emitTokenStaysRow(KernelBuilder &k, const TokenSelectOperands &operands,
                       Value orders, Value limit, Value row, Value out) {
  Value own = operands.segments ? loadWord(k, operands.segments, row) : Value();
  Value value = k.broadcast(loadWord(k, orders, row));
  Value number = k.broadcast(k.trunc(row, k.i32Type()));
  // Those of the segment that stay rather than this one.
  Value rank = sumOverSegment(
      k, operands.segments, own, operands.rows, 1,
      [&](Value bytes, Value count, Value numbers, Value) {
        Value others = k.loadFirst(k.vectorType(k.i32Type()),
                                   k.offset(orders, bytes), count);
        Value isTie =
            k.andI(k.equal(others, value), k.lessThan(numbers, number));
        return KernelBuilder::Values{
            k.orI(k.greaterThan(others, value), isTie)};
      })[0];
  Value stays = k.lessThan(rank, k.load(k.i32Type(), limit, 4));
  k.store(k.zext(stays, k.i32Type()), out, 4);
}

} // namespace winnow::cpu
