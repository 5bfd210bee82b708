//===- AttentionTile.cpp - Queries, scores and weights of a tile ----------===//
//
// Orders of operations, the same for every tile and target:
//   score  = fma over channels, first to last; times the scale of the key
//   weight = exp(score - maximum of the chunk)
//   sum    = per lane over the blocks of the chunk, then a tree over lanes
//   values = fma over the keys of the chunk, first to last, from zero
// Unseen keys have weight 0 and change neither sums nor values, so blocks
// without a visible key may be left out.
//
//===----------------------------------------------------------------------===//

#include "AttentionTile.h"
#include "MemoryStreams.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kFloatBytes = sizeof(float);
static constexpr int64_t kLineBytes = 64;

AttentionPlan::AttentionPlan(const AttentionSpec &spec) {
  group = spec.queryHeads / spec.keyHeads;
  pieces = llvm::divideCeil(group, kTileRows);
  pieceHeads = llvm::divideCeil(group, pieces);
  tileTokens = std::max<int64_t>(1, kTileRows / pieceHeads);
  paddedValueDim = llvm::alignTo(spec.valueDim, kLanes);

  int64_t used = 0;
  auto reserve = [&](int64_t elements) {
    int64_t offset = used;
    used += llvm::alignTo(elements * kFloatBytes, 64);
    return offset;
  };
  constexpr int64_t rows = kBlockTiles * kTileRows;
  packedQuery = reserve(rows * spec.keyDim);
  accumulator = reserve(rows * paddedValueDim);
  chunkValues = reserve(kTileRows * paddedValueDim);
  scores = reserve(kTileRows * kScoreStride);
  maximum = reserve(rows);
  sum = reserve(rows);
  positions = reserve(rows);
  segments = reserve(rows);
  bounds = reserve(kBlockTiles * kBoundsBytes / kFloatBytes);
  blockBounds = reserve(4);
  chunkMaximum = reserve(kTileRows);
  chunkSum = reserve(kTileRows);
  factors = reserve(2 * kTileRows);
  columns = reserve(kAttentionChunk);
  threadBytes = used;
}

Value AttentionEmitter::larger(Value a, Value b) {
  Value isLarger =
      arith::CmpFOp::create(k.builder(), arith::CmpFPredicate::OGT, a, b);
  return k.select(isLarger, a, b);
}

/// `scalar` for each number of `like`.
static Value spread(KernelBuilder &k, Value scalar, Value like) {
  auto vector = dyn_cast<VectorType>(like.getType());
  return vector ? k.broadcast(scalar, vector.getNumElements()) : scalar;
}

Value AttentionEmitter::isNotEmpty(Value maximum) {
  return arith::CmpFOp::create(k.builder(), arith::CmpFPredicate::UNE, maximum,
                               spread(k, minusInfinity(), maximum));
}

Value AttentionEmitter::finiteShift(Value maximum) {
  return k.select(isNotEmpty(maximum), maximum, spread(k, k.f32(0), maximum));
}

void AttentionEmitter::forTile(AttentionTile tile,
                               function_ref<void(const AttentionTile &)> body) {
  auto emit = [&](int64_t rows) {
    tile.rows = rows;
    body(tile);
    return KernelBuilder::Values();
  };
  if (plan.tileTokens == 1) {
    emit(plan.pieceHeads);
    return;
  }
  // A single token left over has a body of its own; more are padded to a whole
  // tile.
  Value isSingle = k.lessEqual(k.sub(tile.endToken, tile.token), k.i64(1));
  k.ifElse(
      isSingle, {}, [&] { return emit(plan.pieceHeads); },
      [&] { return emit(plan.tileRows()); });
}

AttentionRow AttentionEmitter::rowOf(const AttentionTile &tile, Value row) {
  Value token = k.add(tile.token, k.divU(row, plan.pieceHeads));
  Value inPiece =
      plan.pieceHeads == 1 ? k.i64(0) : k.remU(row, plan.pieceHeads);
  Value head = k.add(k.mul(tile.piece, plan.pieceHeads), inPiece);
  Value lastToken = k.sub(tile.endToken, k.i64(1));
  Value lastHead = k.i64(plan.group - 1);
  Value isReal =
      k.andI(k.lessEqual(token, lastToken), k.lessEqual(head, lastHead));
  return {k.minS(token, lastToken),
          k.add(k.mul(tile.keyHead, plan.group), k.minS(head, lastHead)),
          isReal};
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

void AttentionEmitter::startTile(const AttentionTile &tile) {
  Value accumulator = k.offset(
      scratch(plan.accumulator),
      k.mul(tile.index, kTileRows * plan.paddedValueDim * kFloatBytes));
  Value maxima = rowArray(tile, plan.maximum), sums = rowArray(tile, plan.sum);
  Value positions = rowArray(tile, plan.positions);
  Value segments = rowArray(tile, plan.segments);

  Value most = k.i32(INT32_MAX), least = k.i32(INT32_MIN);
  KernelBuilder::Values bounds = k.forLoop(
      k.i64(0), k.i64(tile.rows), k.i64(1), {most, least, most, least},
      [&](Value index, ValueRange carried) {
        AttentionRow row = rowOf(tile, index);
        Value state = k.offset(accumulator,
                               k.mul(index, plan.paddedValueDim * kFloatBytes));
        for (int64_t c = 0; c < plan.paddedValueDim; c += kLanes)
          k.store(k.splatF32(0), k.offset(state, c * kFloatBytes));
        k.store(minusInfinity(), element(maxima, index), 4);
        k.store(k.f32(0), element(sums, index), 4);

        Value position =
            k.load(k.i32Type(), element(args.queryPositions, row.token), 4);
        Value segment =
            spec.hasSegments
                ? k.load(k.i32Type(), element(args.querySegments, row.token), 4)
                : k.i32(0);
        k.store(position, element(positions, index), 4);
        k.store(segment, element(segments, index), 4);
        return KernelBuilder::Values{
            k.minS(carried[0], position), k.maxS(carried[1], position),
            k.minS(carried[2], segment), k.maxS(carried[3], segment)};
      },
      /*unroll=*/false);
  Value boundArray = boundsOf(tile);
  for (int64_t i = 0; i < 4; ++i)
    k.store(bounds[i], k.offset(boundArray, 4 * i), 4);
  k.store(k.i32(0), k.offset(boundArray, int64_t(kPackedFlag)), 4);
}

void AttentionEmitter::startBlock() {
  for (int64_t i = 0; i < 4; ++i)
    k.store(k.i32(i % 2 == 0 ? INT32_MAX : INT32_MIN),
            k.offset(blockBounds(), 4 * i), 4);
}

void AttentionEmitter::addToBlock(const AttentionTile &tile) {
  for (int64_t i = 0; i < 4; ++i) {
    Value ptr = k.offset(blockBounds(), 4 * i);
    Value mine = k.load(k.i32Type(), k.offset(boundsOf(tile), 4 * i), 4);
    Value others = k.load(k.i32Type(), ptr, 4);
    k.store(i % 2 == 0 ? k.minS(mine, others) : k.maxS(mine, others), ptr, 4);
  }
}

/// The lanes of a power of two of vectors, lane by lane: all first lanes, then
/// all second ones, ...
static KernelBuilder::Values interleave(KernelBuilder &k,
                                        KernelBuilder::Values rows) {
  SmallVector<int64_t> low, high;
  for (int64_t lane = 0; lane < kLanes / 2; ++lane) {
    low.append({lane, kLanes + lane});
    high.append({kLanes / 2 + lane, kLanes + kLanes / 2 + lane});
  }
  size_t half = rows.size() / 2;
  for (size_t stage = 1; stage < rows.size(); stage *= 2) {
    KernelBuilder::Values next;
    for (size_t i = 0; i < half; ++i) {
      next.push_back(k.shuffle(rows[i], rows[i + half], low));
      next.push_back(k.shuffle(rows[i], rows[i + half], high));
    }
    rows = next;
  }
  return rows;
}

void AttentionEmitter::packTile(const AttentionTile &tile) {
  Value flag = k.offset(boundsOf(tile), int64_t(kPackedFlag));
  k.ifThen(k.equal(k.load(k.i32Type(), flag, 4), k.i32(0)), [&] {
    k.store(k.i32(1), flag, 4);
    Value packed =
        k.offset(scratch(plan.packedQuery),
                 k.mul(tile.index, kTileRows * spec.keyDim * kFloatBytes));
    SmallVector<Value> queries;
    for (int64_t index = 0; index < tile.rows; ++index) {
      AttentionRow row = rowOf(tile, k.i64(index));
      queries.push_back(
          element(args.query, k.add(k.mul(row.token, args.queryStride),
                                    k.mul(row.head, spec.keyDim))));
    }
    // Sixteen channels at a time where interleaving halves of vectors does it.
    int64_t whole = llvm::isPowerOf2_64(tile.rows)
                        ? llvm::alignDown(spec.keyDim, kLanes)
                        : 0;
    if (whole)
      k.forLoop(
          k.i64(0), k.i64(whole), k.i64(kLanes),
          [&](Value channel) {
            KernelBuilder::Values rows;
            for (Value query : queries)
              rows.push_back(k.mulF(
                  k.load(k.vectorType(k.f32Type()), element(query, channel), 4),
                  k.splatF32(spec.scale)));
            rows = interleave(k, rows);
            Value target = element(packed, k.mul(channel, tile.rows));
            for (auto [i, vector] : llvm::enumerate(rows))
              k.store(vector,
                      k.offset(target, int64_t(i) * kLanes * kFloatBytes), 4);
          },
          /*unroll=*/false);
    k.forLoop(
        k.i64(whole), k.i64(spec.keyDim), k.i64(1),
        [&](Value channel) {
          Value target = element(packed, k.mul(channel, tile.rows));
          for (auto [index, query] : llvm::enumerate(queries)) {
            Value scaled =
                k.mulF(k.load(k.f32Type(), element(query, channel), 4),
                       k.f32(spec.scale));
            k.store(scaled, k.offset(target, int64_t(index) * kFloatBytes), 4);
          }
        },
        /*unroll=*/false);
  });
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Accumulators of 16 lanes that fit in registers beside the operands.
std::pair<int64_t, int64_t> AttentionEmitter::registerTile(int64_t rows) const {
  if (k.target().avx512)
    return {rows, std::min<int64_t>(8, std::max<int64_t>(1, 16 / rows))};
  constexpr int64_t most = 5;
  int64_t parts = llvm::divideCeil(rows, most);
  int64_t part = llvm::divideCeil(rows, parts);
  return {part, std::max<int64_t>(1, most / part)};
}

bool AttentionEmitter::isOneToken(const AttentionTile &tile) const {
  return tile.rows == plan.pieceHeads;
}

void AttentionEmitter::emitScores(const AttentionTile &tile, Value chunk,
                                  const BlockRange &blocks) {
  auto [part, step] = registerTile(tile.rows);
  // One token waits for memory, which gives most to a few streams that are
  // asked for a little ahead.
  bool waits = isOneToken(tile);
  if (waits)
    step = std::min(step, kMemoryStreams);
  Value packed =
      k.offset(scratch(plan.packedQuery),
               k.mul(tile.index, kTileRows * spec.keyDim * kFloatBytes));
  const CacheFormat format = spec.keyFormat;
  const int64_t slotBytes = getSlotBytes(format, spec.keyDim);
  const int64_t scalesBytes = kLanes * getScaleBytes(format);
  const int64_t blockBytes = kLanes * slotBytes;
  const int64_t channelBytes = kLanes * getNumberBytes(format);
  // Behind the scales.
  const int64_t numberBytes = spec.keyDim * channelBytes;
  // A line holds the keys of several channels where these are short.
  const int64_t lineChannels = std::max<int64_t>(1, kLineBytes / channelBytes);
  const int64_t wholeChannels = llvm::alignDown(spec.keyDim, lineChannels);
  const int64_t ahead = std::min(kPrefetchDistance, numberBytes);
  Value firstSlot = k.mul(chunk, kAttentionChunk);
  Value keys = k.offset(
      args.keys,
      k.mul(k.add(k.mul(tile.keyHead, args.capacity), firstSlot), slotBytes));
  Value lastBlock = k.sub(blocks.last, k.i64(1));
  VectorType floats = k.vectorType(k.f32Type());
  k.forLoop(
      blocks.first, blocks.last, k.i64(step),
      [&, part = part, step = step](Value block) {
        // Steps beyond the range repeat its last block; nobody reads what they
        // write.
        SmallVector<Value> pointers;
        for (int64_t i = 0; i < step; ++i) {
          Value current = k.minS(k.add(block, i), lastBlock);
          pointers.push_back(
              k.offset(keys, k.add(k.mul(current, blockBytes), scalesBytes)));
        }
        Value target =
            k.offset(scratch(plan.scores), k.mul(block, kLanes * kFloatBytes));
        for (int64_t first = 0; first < tile.rows; first += part) {
          int64_t rows = std::min(part, tile.rows - first);
          Value query = k.offset(packed, first * kFloatBytes);
          auto addChannel = [&](Value channel, ValueRange carried) {
            Value bytes = k.mul(channel, channelBytes);
            KernelBuilder::Values key, next;
            for (int64_t i = 0; i < step; ++i)
              key.push_back(
                  loadNumbers(k, format, k.offset(pointers[i], bytes)));
            Value q = k.offset(query, k.mul(channel, tile.rows * kFloatBytes));
            for (int64_t row = 0; row < rows; ++row) {
              Value splat = k.loadSplat(k.f32Type(),
                                        k.offset(q, row * kFloatBytes), kLanes);
              for (int64_t i = 0; i < step; ++i)
                next.push_back(k.fma(splat, key[i], carried[row * step + i]));
            }
            return next;
          };
          auto prefetchAt = [&](Value bytes) {
            for (Value pointer : pointers)
              k.prefetch(k.offset(pointer, bytes));
          };
          if (waits && first == 0 && scalesBytes)
            prefetchAt(k.i64(ahead - scalesBytes));
          auto addLine = [&](Value channel, ValueRange carried) {
            if (waits && first == 0) {
              // Behind the end of a block, its stream goes on in the block of
              // the next step.
              Value next = k.add(k.mul(channel, channelBytes), ahead);
              Value isInside = k.lessThan(next, k.i64(numberBytes));
              prefetchAt(k.add(next, k.select(isInside, k.i64(0),
                                              k.i64((step - 1) * blockBytes))));
            }
            KernelBuilder::Values sums(carried);
            for (int64_t i = 0; i < lineChannels; ++i)
              sums = addChannel(i ? k.add(channel, i) : channel, sums);
            return sums;
          };
          KernelBuilder::Values sums(rows * step, k.splatF32(0));
          sums = k.forLoop(k.i64(0), k.i64(wholeChannels), k.i64(lineChannels),
                           sums, addLine, /*unroll=*/false);
          for (int64_t c = wholeChannels; c < spec.keyDim; ++c)
            sums = addChannel(k.i64(c), sums);
          for (int64_t i = 0; scalesBytes && i < step; ++i) {
            Value scales =
                k.load(floats, k.offset(pointers[i], -scalesBytes), 4);
            for (int64_t row = 0; row < rows; ++row)
              sums[row * step + i] = k.mulF(sums[row * step + i], scales);
          }
          for (int64_t row = 0; row < rows; ++row)
            for (int64_t i = 0; i < step; ++i)
              k.store(sums[row * step + i],
                      k.offset(target, ((first + row) * plan.kScoreStride +
                                        i * kLanes) *
                                           kFloatBytes));
        }
      },
      /*unroll=*/false);
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

AttentionEmitter::Combination AttentionEmitter::combine(Value oldMaximum,
                                                        Value newMaximum) {
  Value maximum = larger(oldMaximum, newMaximum);
  Value shift = finiteShift(maximum);
  // exp gives exactly 0 for minus infinity and exactly 1 for 0: combining with
  // an empty state changes nothing.
  return {k.exp(k.subF(oldMaximum, shift)), k.exp(k.subF(newMaximum, shift)),
          maximum};
}

void AttentionEmitter::emitSoftmax(const AttentionTile &tile, Value chunk,
                                   const BlockRange &blocks) {
  Value firstSlot = k.mul(chunk, kAttentionChunk);
  VectorType floats = k.vectorType(k.f32Type());
  k.forLoop(
      k.i64(0), k.i64(tile.rows), k.i64(1),
      [&](Value index) {
        AttentionRow row = rowOf(tile, index);
        Value scores = k.offset(scratch(plan.scores),
                                k.mul(index, plan.kScoreStride * kFloatBytes));
        Value position =
            k.loadSplat(k.i32Type(),
                        element(rowArray(tile, plan.positions), index), kLanes);
        Value segment = k.loadSplat(
            k.i32Type(), element(rowArray(tile, plan.segments), index), kLanes);
        auto scoresOf = [&](Value block) {
          return k.offset(scores, k.mul(block, kLanes * kFloatBytes));
        };

        auto findMaximum = [&](Value start, Value first, Value last,
                               bool masked) {
          return k.forLoop(
              first, last, k.i64(1), {start},
              [&](Value block, ValueRange carried) {
                Value slot = k.add(firstSlot, k.mul(block, kLanes));
                Value score = emitLogits(k.load(floats, scoresOf(block), 4),
                                         row, position, segment, slot, masked);
                k.store(score, scoresOf(block), 4);
                return KernelBuilder::Values{larger(carried[0], score)};
              },
              /*unroll=*/false)[0];
        };
        Value lanes = k.broadcast(minusInfinity());
        lanes = findMaximum(lanes, blocks.first, blocks.full, /*masked=*/false);
        lanes = findMaximum(lanes, blocks.full, blocks.last, /*masked=*/true);
        for (int64_t half = kLanes / 2; half > 0; half /= 2)
          lanes = larger(k.slice(lanes, 0, half), k.slice(lanes, half, half));
        Value chunkMaximum = k.extract(lanes, 0);

        Value shift = k.broadcast(finiteShift(chunkMaximum));
        Value chunkSum = k.reduceAdd(k.forLoop(
            blocks.first, blocks.last, k.i64(1), {k.splatF32(0)},
            [&](Value block, ValueRange carried) {
              Value score = k.load(floats, scoresOf(block), 4);
              Value weight = k.exp(k.subF(score, shift));
              k.store(weight, scoresOf(block), 4);
              return KernelBuilder::Values{k.addF(carried[0], weight)};
            },
            /*unroll=*/false)[0]);

        k.store(chunkMaximum, element(scratch(plan.chunkMaximum), index), 4);
        k.store(chunkSum, element(scratch(plan.chunkSum), index), 4);
      },
      /*unroll=*/false);
  combineChunk(tile);
}

/// Adds the chunk's maxima and sums to those of the tile, all rows at once: one
/// by one, each would wait for the exponentials of its own.
void AttentionEmitter::combineChunk(const AttentionTile &tile) {
  VectorType rows = k.vectorType(k.f32Type(), kTileRows);
  Value maxima = rowArray(tile, plan.maximum), sums = rowArray(tile, plan.sum);
  Combination factors = combine(k.load(rows, maxima, 4),
                                k.load(rows, scratch(plan.chunkMaximum), 4));
  k.store(factors.maximum, maxima, 4);
  Value oldSum = k.mulF(k.load(rows, sums, 4), factors.oldFactor);
  Value chunkSum = k.load(rows, scratch(plan.chunkSum), 4);
  k.store(k.fma(chunkSum, factors.newFactor, oldSum), sums, 4);
  Value target = scratch(plan.factors);
  k.store(factors.oldFactor, target, 4);
  k.store(factors.newFactor, k.offset(target, kTileRows * kFloatBytes), 4);
}

} // namespace winnow::cpu
