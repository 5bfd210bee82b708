//===- AttentionMask.cpp - Which keys a query row sees --------------------===//
//
// Masks are predicates over explicit positions, evaluated
// 16 keys at a time. A masked key gets the score minus infinity and with it
// the weight 0.
//
//===----------------------------------------------------------------------===//

#include "AttentionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace winnow::cpu {

static int32_t toI32(int64_t value) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  return std::min(std::max<int64_t>(value, 0), most);
}

/// The part of the mask that is a pair of bounds on key positions; for kinds
/// without one, null: everything.
Value AttentionEmitter::visible(VisibleBounds bounds, Value position) {
  switch (spec.mask) {
  case MaskKind::Causal:
    return k.lessEqual(position, bounds.upper);
  case MaskKind::Prefix:
    return k.orI(k.lessThan(position, k.splatI32(toI32(spec.prefix))),
                 k.lessEqual(position, bounds.upper));
  case MaskKind::SlidingWindow: {
    Value start = k.sub(bounds.lower, k.splatI32(toI32(spec.window)));
    Value inWindow = k.greaterThan(position, start);
    if (spec.windowSinks > 0)
      inWindow = k.orI(
          inWindow, k.lessThan(position, k.splatI32(toI32(spec.windowSinks))));
    return k.andI(k.lessEqual(position, bounds.upper), inWindow);
  }
  case MaskKind::Grid: {
    // The rows of the grid; which columns says gridVisible.
    Value first = k.splatI32(toI32(spec.windowSinks));
    Value reach = k.splatI32(toI32(spec.window));
    Value row = gridPlace(position).row;
    Value inRows =
        k.andI(k.lessEqual(k.sub(gridPlace(bounds.lower).row, reach), row),
               k.lessEqual(row, k.add(gridPlace(bounds.upper).row, reach)));
    return k.orI(inRows, k.orI(k.lessThan(bounds.lower, first),
                               k.lessThan(position, first)));
  }
  case MaskKind::Full:
  case MaskKind::Tree:
  case MaskKind::Explicit:
    return nullptr;
  }
  return nullptr;
}

/// Those in front of the grid are taken for its first token.
AttentionEmitter::GridPlace AttentionEmitter::gridPlace(Value position) {
  Value width = k.splatI32(std::max(toI32(spec.gridWidth), 1));
  Value inside = k.sub(position, k.splatI32(toI32(spec.windowSinks)));
  inside = k.maxS(inside, k.splatI32(0));
  return {k.divU(inside, width), k.remU(inside, width)};
}

/// Whether columns are near, for rows that are.
Value AttentionEmitter::gridVisible(Value queryPosition, Value position) {
  Value first = k.splatI32(toI32(spec.windowSinks));
  int32_t reach = toI32(spec.window);
  Value distance =
      k.sub(gridPlace(queryPosition).column, gridPlace(position).column);
  Value isNear = k.andI(k.lessEqual(distance, k.splatI32(reach)),
                        k.lessEqual(k.splatI32(-reach), distance));
  return k.orI(isNear, k.orI(k.lessThan(queryPosition, first),
                             k.lessThan(position, first)));
}

/// 16 bits of the query's ancestor words, from draft node slot - base on;
/// nodes before 0 are the committed keys and visible.
Value AttentionEmitter::treeVisible(Value token, Value slot) {
  Value node = k.sub(slot, k.sub(args.keyCount, args.queries));
  Value words = k.offset(
      args.visible, k.mul(k.mul(token, args.visibleStride), sizeof(int64_t)));
  Value wordIndex =
      arith::ShRSIOp::create(k.builder(), node, k.i64(6)); // floor(node / 64)
  auto word = [&](Value index) {
    Value last = k.sub(args.visibleStride, k.i64(1));
    Value clamped = k.minS(k.maxS(index, k.i64(0)), last);
    Value bits =
        k.load(k.i64Type(), k.offset(words, k.mul(clamped, sizeof(int64_t))));
    bits = k.select(k.lessThan(index, k.i64(0)), k.i64(-1), bits);
    return k.select(k.greaterThan(index, last), k.i64(0), bits);
  };
  Value shift = k.andI(node, k.i64(63));
  Value low = k.shrU(word(wordIndex), shift);
  // A shift by 64 is not defined; in two steps it gives the 0 that is wanted.
  Value high = k.shl(k.shl(word(k.add(wordIndex, 1)), k.sub(k.i64(63), shift)),
                     k.i64(1));
  Value bits = k.trunc(k.orI(low, high), k.i16Type());
  return k.bitcast(k.broadcast(bits, 1), k.vectorType(k.i1Type()));
}

Value AttentionEmitter::explicitVisible(Value token, Value slot) {
  Value row =
      k.offset(args.visible, k.add(k.mul(token, args.visibleStride), slot));
  VectorType bytes = k.vectorType(k.i8Type());
  Value loaded = k.loadFirst(bytes, row, k.sub(args.keyCount, slot));
  return arith::CmpIOp::create(k.builder(), arith::CmpIPredicate::ne, loaded,
                               k.splatI8(0, kLanes));
}

/// The bias of 16 keys by their distance from the query.
Value AttentionEmitter::relativeBias(const AttentionRow &row,
                                     Value queryPosition, Value slot) {
  Value position =
      k.load(k.vectorType(k.i32Type()), element(args.keyPositions, slot));
  Value offset = k.sub(position, queryPosition);
  Value zero = k.splatI32(0), one = k.splatI32(1);
  Value distance = k.maxS(offset, k.sub(zero, offset));
  // Distances 1, 2, 3, ... have a bucket each.
  int32_t exact = 0, buckets = spec.distances.size() + 1;
  while (exact + 1 < buckets && spec.distances[exact] == exact + 1)
    ++exact;
  Value bucket = k.minS(distance, k.splatI32(exact));
  for (int64_t least : ArrayRef(spec.distances).drop_front(exact))
    bucket =
        k.add(bucket, k.select(k.lessThan(distance, k.splatI32(toI32(least))),
                               zero, one));
  Value isAfter = k.greaterThan(offset, zero);
  bucket = k.add(bucket, k.select(isAfter, k.splatI32(buckets), zero));
  // Keys that do not exist may have any position.
  bucket = k.select(k.firstLanes(k.sub(args.keyCount, slot)), bucket, zero);
  Value column = element(args.relativeBias, row.head);
  return k.gather(column, k.mul(bucket, k.splatI32(spec.queryHeads)));
}

Value AttentionEmitter::emitLogits(Value scores, const AttentionRow &row,
                                   Value position, Value segment, Value slot,
                                   bool masked) {
  if (spec.softcap != 0) {
    Value capped = k.tanh(k.divF(scores, k.splatF32(spec.softcap)));
    scores = k.mulF(capped, k.splatF32(spec.softcap));
  }
  VectorType floats = k.vectorType(k.f32Type());
  if (spec.hasBias) {
    Value index = k.add(k.add(k.mul(row.head, args.biasHeadStride),
                              k.mul(row.token, args.biasQueryStride)),
                        slot);
    scores = k.addF(scores, k.loadFirst(floats, element(args.bias, index),
                                        k.sub(args.keyCount, slot)));
  }
  if (!spec.distances.empty())
    scores = k.addF(scores, relativeBias(row, position, slot));
  if (!masked)
    return scores;

  Value seen = k.firstLanes(k.sub(args.keyCount, slot));
  VectorType integers = k.vectorType(k.i32Type());
  Value keyPosition = k.load(integers, element(args.keyPositions, slot));
  if (Value bounded = visible({position, position}, keyPosition))
    seen = k.andI(seen, bounded);
  if (spec.mask == MaskKind::Grid)
    seen = k.andI(seen, gridVisible(position, keyPosition));
  if (spec.mask == MaskKind::Tree)
    seen = k.andI(seen, treeVisible(row.token, slot));
  if (spec.mask == MaskKind::Explicit)
    seen = k.andI(seen, explicitVisible(row.token, slot));
  if (spec.hasSegments)
    seen = k.andI(
        seen,
        k.equal(segment, k.load(integers, element(args.keySegments, slot))));
  return k.select(seen, scores, k.broadcast(minusInfinity()));
}

AttentionEmitter::BlockRange AttentionEmitter::classify(Value bounds,
                                                        Value chunk) {
  VectorType integers = k.vectorType(k.i32Type());
  auto bound = [&](int64_t index) {
    return k.loadSplat(k.i32Type(), k.offset(bounds, 4 * index), kLanes);
  };
  Value lowest = bound(0), highest = bound(1);
  Value lowestSegment = bound(2), highestSegment = bound(3);
  Value firstSlot = k.mul(chunk, kAttentionChunk);
  Value blocks = k.minS(k.ceilDivU(k.sub(args.keyCount, firstSlot), kLanes),
                        k.i64(kChunkBlocks));
  auto reduce = [&](vector::CombiningKind kind, Value lanes) -> Value {
    return vector::ReductionOp::create(k.builder(), kind, lanes);
  };
  KernelBuilder::Values range = k.forLoop(
      k.i64(0), blocks, k.i64(1), {k.i64(kChunkBlocks), k.i64(0), k.i64(0)},
      [&](Value block, ValueRange carried) {
        Value slot = k.add(firstSlot, k.mul(block, kLanes));
        Value exists = k.firstLanes(k.sub(args.keyCount, slot));
        Value some = exists, all = exists;
        Value position = k.load(integers, element(args.keyPositions, slot));
        if (Value mask = visible({highest, lowest}, position))
          some = k.andI(some, mask);
        if (Value mask = visible({lowest, highest}, position))
          all = k.andI(all, mask);
        if (spec.hasSegments) {
          Value segment = k.load(integers, element(args.keySegments, slot));
          some = k.andI(some, k.andI(k.lessEqual(lowestSegment, segment),
                                     k.lessEqual(segment, highestSegment)));
          all = k.andI(all, k.andI(k.equal(lowestSegment, segment),
                                   k.equal(segment, highestSegment)));
        }
        Value isSeen = reduce(vector::CombiningKind::OR, some);
        Value first = k.select(isSeen, k.minS(carried[0], block), carried[0]);
        Value last = k.select(isSeen, k.add(block, 1), carried[1]);
        // Full blocks count up to the first that is not; behind it they are
        // masked, which costs time but changes nothing.
        Value isNext = k.equal(k.maxS(first, carried[2]), block);
        Value isFull = k.andI(isNext, reduce(vector::CombiningKind::AND, all));
        Value full = k.select(isFull, k.add(block, 1), carried[2]);
        return KernelBuilder::Values{first, last, full};
      },
      /*unroll=*/false);
  // Kinds that are not bounds on positions are never known to be full.
  bool canBeFull = spec.mask != MaskKind::Tree && spec.mask != MaskKind::Grid &&
                   spec.mask != MaskKind::Explicit;
  Value full = canBeFull ? k.maxS(range[0], range[2]) : range[0];
  return {range[0], full, range[1]};
}

} // namespace winnow::cpu
