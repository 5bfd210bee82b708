//===- RowTokenPruning.cpp - Tokens that stay, and merged ones ------------===//

#include "RowTokenSums.h"

#include "winnow/Codegen/Cpu/RowKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;

namespace winnow::cpu {

/// The order of what always stays; scores stay below.
static constexpr int32_t kAlways = std::numeric_limits<int32_t>::max();

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

/// The number of tokens of segment `own`, and how many of them are in front of
/// `row` (i64), both i32.
static std::pair<Value, Value> emitPlace(KernelBuilder &k, Value segments,
                                         Value own, Value rows, Value row) {
  Value number = k.trunc(row, k.i32Type());
  KernelBuilder::Values sums =
      sumOverSegment(k, segments, own, rows, 2,
                     [&](Value, Value, Value numbers, Value isMember) {
                       return KernelBuilder::Values{
                           isMember, k.lessThan(numbers, k.broadcast(number))};
                     });
  return {sums[0], sums[1]};
}

/// How many of the `count` tokens of a segment always stay, some of which must
/// not be pruned.
static Value emitCountProtected(KernelBuilder &k, TokenPolicyAttr policy,
                                const TokenSelectOperands &operands, Value own,
                                Value count) {
  Value end = k.sub(count, k.i32(policy.getLast()));
  auto [first, behind] =
      emitSegmentRange(k, operands.segments, own, operands.rows);
  return k.forLoop(
      first, behind, k.i64(1), {k.i32(0), k.i32(0)},
      [&](Value index, ValueRange carried) {
        Value place = carried[0];
        Value isMember =
            operands.segments
                ? k.equal(loadWord(k, operands.segments, index), own)
                : k.equal(index, index);
        Value isOther = k.andI(k.lessEqual(k.i32(policy.getFirst()), place),
                               k.lessThan(place, end));
        Value isFixed =
            k.equal(loadWord(k, operands.prunable, index), k.i32(0));
        // At the ends, or marked.
        Value stays = k.select(isOther, isFixed, isMember);
        return KernelBuilder::Values{
            k.add(place, k.zext(isMember, k.i32Type())),
            k.add(carried[1], k.zext(k.andI(isMember, stays), k.i32Type()))};
      },
      /*unroll=*/false)[1];
}

/// TokenPolicyAttr::countKept of i32.
static Value emitCountKept(KernelBuilder &k, TokenPolicyAttr policy,
                           Value count, Value always) {
  OpBuilder &b = k.builder();
  Location loc = k.builder().getLoc();
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

/// Whether the token at `place` of `count` is one of those at the ends that
/// always stay.
static Value isAtEnd(KernelBuilder &k, TokenPolicyAttr policy, Value count,
                     Value place) {
  Value isFirst = k.lessThan(place, k.i32(policy.getFirst()));
  Value isLast = k.lessEqual(k.sub(count, place), k.i32(policy.getLast()));
  return k.orI(isFirst, isLast);
}

void emitTokenOrderRow(KernelBuilder &k, TokenPolicyAttr policy,
                       const TokenSelectOperands &operands, Value row,
                       Value order, Value limit) {
  Value own = operands.segments ? loadWord(k, operands.segments, row) : Value();
  auto [count, place] =
      emitPlace(k, operands.segments, own, operands.rows, row);
  Value isProtected = isAtEnd(k, policy, count, place);
  Value ends = k.i32(policy.getFirst() + policy.getLast());
  Value always = k.minS(count, ends);
  if (operands.prunable) {
    isProtected = k.orI(isProtected,
                        k.equal(loadWord(k, operands.prunable, row), k.i32(0)));
    always = emitCountProtected(k, policy, operands, own, count);
  }
  Value bits = loadWord(k, operands.scores, row);
  // Rises with the score: negative numbers have their bits turned over.
  Value isNegative = k.lessThan(bits, k.i32(0));
  Value value = k.select(isNegative, k.xorI(bits, k.i32(kAlways)), bits);
  value = k.minS(value, k.i32(kAlways - 1));
  k.store(k.select(isProtected, k.i32(kAlways), value), order, 4);
  k.store(emitCountKept(k, policy, count, always), limit, 4);
}

void emitTokenStaysRow(KernelBuilder &k, const TokenSelectOperands &operands,
                       Value orders, Value limit, Value row, Value out,
                       Value rankOut) {
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
  Value behind = k.sub(rank, k.load(k.i32Type(), limit, 4));
  // One more stays in place of those that leave.
  Value stays = k.lessThan(behind, k.i32(rankOut ? 1 : 0));
  k.store(k.zext(stays, k.i32Type()), out, 4);
  if (rankOut)
    k.store(behind, rankOut, 4);
}

void emitTokenFuseRow(KernelBuilder &k, const TokenSelectOperands &operands,
                      Value ranks, Value score, Value row, Value into,
                      Value weight) {
  Value own = operands.segments ? loadWord(k, operands.segments, row) : Value();
  Value number = k.trunc(row, k.i32Type());
  Value leaves = k.lessEqual(k.i32(0), loadWord(k, ranks, row));
  Value best = k.ifElse(
      leaves, {k.i32Type()},
      [&] {
        std::pair<Value, Value> range =
            emitSegmentRange(k, operands.segments, own, operands.rows);
        return k.forLoop(
            range.first, range.second, k.i64(1), {number},
            [&](Value token, ValueRange carried) {
              Value isBest = k.equal(loadWord(k, ranks, token), k.i32(0));
              if (own)
                isBest =
                    k.andI(isBest,
                           k.equal(loadWord(k, operands.segments, token), own));
              return KernelBuilder::Values{
                  k.select(isBest, k.trunc(token, k.i32Type()), carried[0])};
            },
            /*unroll=*/false);
      },
      [&] { return KernelBuilder::Values{number}; })[0];
  k.store(best, into, 4);
  k.store(k.select(leaves, score, k.f32(1)), weight, 4);
}

void emitTokenPassesRow(KernelBuilder &k, TokenPolicyAttr policy,
                        const TokenSelectOperands &operands, Value score,
                        Value prunable, Value row, Value out) {
  // No NaN is below.
  Value isBelow =
      k.lessThanF(score, k.f32(policy.getLeast().getValue().convertToFloat()));
  Value stays = k.select(isBelow, k.i32(0), k.i32(1));
  if (prunable)
    stays = k.select(k.equal(prunable, k.i32(0)), k.i32(1), stays);
  if (policy.getFirst() || policy.getLast()) {
    Value own =
        operands.segments ? loadWord(k, operands.segments, row) : Value();
    auto [count, place] =
        emitPlace(k, operands.segments, own, operands.rows, row);
    stays = k.select(isAtEnd(k, policy, count, place), k.i32(1), stays);
  }
  k.store(stays, out, 4);
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// Calls `body` for pieces of a row of up to 16 channels, with their offset in
/// bytes and how many there are.
static void forPieces(KernelBuilder &k, int64_t width,
                      function_ref<void(int64_t bytes, Value count)> body) {
  for (int64_t from = 0; from < width; from += kLanes)
    body(from * kWordBytes, k.i64(std::min(kLanes, width - from)));
}

void emitTokenUnitRow(KernelBuilder &k, const TokenMatchSpec &spec, Value key,
                      Value out) {
  VectorType type = k.vectorType(k.f32Type());
  Value squares = k.splatF32(0);
  forPieces(k, spec.width, [&](int64_t bytes, Value count) {
    Value sum = k.splatF32(0);
    for (int64_t head = 0; head < spec.heads; ++head)
      sum = k.addF(
          sum, k.loadFirst(
                   type, k.offset(key, head * spec.width * kWordBytes + bytes),
                   count));
    sum = k.divF(sum, k.splatF32(spec.heads));
    squares = k.fma(sum, sum, squares);
    k.storeFirst(sum, k.offset(out, bytes), count);
  });
  Value length = k.maxF(k.sqrtF(k.reduceAdd(squares)), k.f32(1e-12f));
  forPieces(k, spec.width, [&](int64_t bytes, Value count) {
    Value ptr = k.offset(out, bytes);
    k.storeFirst(k.divF(k.loadFirst(type, ptr, count), k.broadcast(length)),
                 ptr, count);
  });
}

void emitTokenMatchRow(KernelBuilder &k, const TokenMatchSpec &spec,
                       const TokenMatchOperands &operands, Value row,
                       Value into, Value score) {
  Value own = operands.segments ? loadWord(k, operands.segments, row) : Value();
  Value number = k.trunc(row, k.i32Type());
  auto [count, place] =
      emitPlace(k, operands.segments, own, operands.rows, row);
  Value end = k.sub(count, k.i32(spec.last));
  /// Whether a token of this place is matched and its place odd or not.
  auto isMatched = [&](Value at, bool odd) {
    Value parity = k.equal(k.andI(at, k.i32(1)), k.i32(odd));
    Value isInside =
        k.andI(k.lessEqual(k.i32(spec.first), at), k.lessThan(at, end));
    return k.andI(isInside, parity);
  };
  auto unitOf = [&](Value index) {
    return k.offset(operands.units, k.mul(index, spec.width * kWordBytes));
  };
  Value nowhere = k.f32(std::numeric_limits<float>::infinity());
  KernelBuilder::Values best = k.ifElse(
      isMatched(place, /*odd=*/false), {k.i32Type(), k.f32Type()},
      [&] {
        std::pair<Value, Value> range =
            emitSegmentRange(k, operands.segments, own, operands.rows);
        KernelBuilder::Values found = k.forLoop(
            range.first, range.second, k.i64(1), {k.i32(0), number, nowhere},
            [&](Value index, ValueRange carried) {
              Value isMember =
                  operands.segments
                      ? k.equal(loadWord(k, operands.segments, index), own)
                      : k.equal(index, index);
              Value isDestination =
                  k.andI(isMember, isMatched(carried[0], /*odd=*/true));
              KernelBuilder::Values nearest = k.ifElse(
                  isDestination, {k.i32Type(), k.f32Type()},
                  [&] {
                    Value other = k.negF(
                        emitDot(k, unitOf(row), unitOf(index), spec.width));
                    Value isNearer = k.lessThanF(other, carried[2]);
                    return KernelBuilder::Values{
                        k.select(isNearer, k.trunc(index, k.i32Type()),
                                 carried[1]),
                        k.select(isNearer, other, carried[2])};
                  },
                  [&] {
                    return KernelBuilder::Values{carried[1], carried[2]};
                  });
              return KernelBuilder::Values{
                  k.add(carried[0], k.zext(isMember, k.i32Type())), nearest[0],
                  nearest[1]};
            },
            /*unroll=*/false);
        return KernelBuilder::Values{found[1], found[2]};
      },
      [&] { return KernelBuilder::Values{number, nowhere}; });
  k.store(best[0], into, 4);
  k.store(best[1], score, 4);
}

//===----------------------------------------------------------------------===//
// Rows of what stays
//===----------------------------------------------------------------------===//

/// The place of `token` (i32) among those that stay, an i64 in [0, count], and
/// whether it is one of them.
static std::pair<Value, Value> findKept(KernelBuilder &k,
                                        const KeptTokens &kept, Value token) {
  VectorType type = k.vectorType(k.i32Type());
  Value below = k.forLoop(
      k.i64(0), kept.count, k.i64(kLanes), {k.splatI32(0)},
      [&](Value from, ValueRange carried) {
        Value left = k.sub(kept.count, from);
        Value indices = k.loadFirst(
            type, k.offset(kept.indices, k.mul(from, kWordBytes)), left);
        Value isBelow =
            k.andI(k.lessThan(indices, k.broadcast(token)), k.firstLanes(left));
        return KernelBuilder::Values{k.add(carried[0], k.zext(isBelow, type))};
      },
      /*unroll=*/false)[0];
  Value place = k.sext(k.reduceAddI(below), k.i64Type());
  // There may be none at that place.
  Value left = k.sub(kept.count, place);
  Value there = k.extract(
      k.loadFirst(type, k.offset(kept.indices, k.mul(place, kWordBytes)), left),
      0);
  Value isThere = k.andI(k.lessThan(k.i64(0), left), k.equal(there, token));
  return {place, isThere};
}

void emitMergedRow(KernelBuilder &k, const KeptTokens &kept, Value row,
                   Value into, Value out) {
  auto [own, stays] = findKept(k, kept, k.trunc(row, k.i32Type()));
  Value other = findKept(k, kept, into).first;
  // Callers are not trusted: what is in no row is in the nearest one.
  Value last = k.maxS(k.add(kept.count, -1), k.i64(0));
  Value place = k.minS(k.select(stays, own, other), last);
  k.store(k.trunc(place, k.i32Type()), out, 4);
}

void emitTokenMergeRow(KernelBuilder &k, int64_t width,
                       const TokenMergeOperands &operands, Value row, Value out,
                       Value size, bool sum) {
  VectorType type = k.vectorType(k.f32Type());
  forPieces(k, width, [&](int64_t bytes, Value count) {
    k.storeFirst(k.splatF32(0), k.offset(out, bytes), count);
  });
  Value number = k.trunc(row, k.i32Type());
  // The weight of the tokens so far, with `token` if it is in this row.
  auto addToken = [&](Value token, Value before) {
    return k.ifElse(
        k.equal(loadWord(k, operands.rows, token), number), {k.f32Type()},
        [&] {
          Value weight =
              operands.sizes
                  ? k.load(k.f32Type(),
                           k.offset(operands.sizes, k.mul(token, kWordBytes)),
                           4)
                  : k.f32(1);
          Value from =
              k.offset(operands.input, k.mul(token, width * kWordBytes));
          forPieces(k, width, [&](int64_t bytes, Value count) {
            Value ptr = k.offset(out, bytes);
            Value x = k.loadFirst(type, k.offset(from, bytes), count);
            k.storeFirst(
                k.fma(x, k.broadcast(weight), k.loadFirst(type, ptr, count)),
                ptr, count);
          });
          return KernelBuilder::Values{k.addF(before, weight)};
        },
        [&] { return KernelBuilder::Values{before}; });
  };
  // Most 16 tokens have none of this row.
  Value total = k.forLoop(
      k.i64(0), operands.tokens, k.i64(kLanes), {k.f32(0)},
      [&](Value from, ValueRange carried) {
        Value left = k.sub(operands.tokens, from);
        Value rows =
            k.loadFirst(k.vectorType(k.i32Type()),
                        k.offset(operands.rows, k.mul(from, kWordBytes)), left);
        Value isMember =
            k.andI(k.equal(rows, k.broadcast(number)), k.firstLanes(left));
        Value members =
            k.reduceAddI(k.zext(isMember, k.vectorType(k.i32Type())));
        return k.ifElse(
            k.lessThan(k.i32(0), members), {k.f32Type()},
            [&] {
              Value end = k.minS(k.add(from, kLanes), operands.tokens);
              return k.forLoop(
                  from, end, k.i64(1), {carried[0]},
                  [&](Value token, ValueRange sums) {
                    return addToken(token, sums[0]);
                  },
                  /*unroll=*/false);
            },
            [&] { return KernelBuilder::Values{carried[0]}; });
      },
      /*unroll=*/false)[0];
  if (!sum)
    forPieces(k, width, [&](int64_t bytes, Value count) {
      Value ptr = k.offset(out, bytes);
      k.storeFirst(k.divF(k.loadFirst(type, ptr, count), k.broadcast(total)),
                   ptr, count);
    });
  k.store(total, size, 4);
}

void emitTokenRestoreRow(KernelBuilder &k, int64_t width,
                         const KeptTokens &kept, Value input, Value base,
                         Value row, Value out) {
  auto [place, stays] = findKept(k, kept, k.trunc(row, k.i32Type()));
  Value source =
      k.select(stays, k.offset(input, k.mul(place, width * kWordBytes)), base);
  k.memoryCopy(out, source, k.i64(width * kWordBytes));
}

} // namespace winnow::cpu
