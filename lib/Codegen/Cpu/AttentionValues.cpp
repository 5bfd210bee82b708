//===- AttentionValues.cpp - Weighted values of a tile --------------------===//
//
// For each chunk: sums = fma over its keys, first to last, from zero; then the
// tile's state takes them up. Sums stay in registers over all keys of the
// chunk, a few channels at a time. A single token waits for memory instead: it
// goes through the keys block by block, so that values are read in the order in
// which they lie, and keeps its sums in scratch from block to block. Both ways
// add in the same order.
//
// Values that are stored with scales: these go into the weights first.
//
//===----------------------------------------------------------------------===//

#include "AttentionTile.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kFloatBytes = sizeof(float);
static constexpr int64_t kLineBytes = 64;

void AttentionEmitter::forValueParts(
    const AttentionTile &tile, function_ref<void(const ValuePart &)> body) {
  auto [rows, vectors] = registerTile(tile.rows);
  const int64_t width = vectors * kLanes;
  int64_t whole = spec.valueDim / width * width;
  auto emitRows = [&, rows = rows](Value channel, int64_t count,
                                   int64_t lastLanes) {
    for (int64_t first = 0; first < tile.rows; first += rows)
      body({channel, first, std::min(rows, tile.rows - first), count,
            lastLanes});
  };
  if (whole)
    k.forLoop(
        k.i64(0), k.i64(whole), k.i64(width),
        [&, vectors = vectors](Value channel) {
          emitRows(channel, vectors, kLanes);
        },
        /*unroll=*/false);
  if (int64_t rest = spec.valueDim - whole) {
    int64_t count = llvm::divideCeil(rest, kLanes);
    emitRows(k.i64(whole), count, rest - (count - 1) * kLanes);
  }
}

/// Adds the weighted values of keys [firstKey, lastKey) of the chunk whose
/// values start at `values`. `ahead`: where to prefetch as many bytes as are
/// read, or null.
KernelBuilder::Values
AttentionEmitter::sumValues(const ValuePart &part, Value values, Value firstKey,
                            Value lastKey, ValueRange start, Value ahead) {
  const int64_t numberBytes = getNumberBytes(spec.valueFormat);
  const int64_t vectorBytes = kLanes * numberBytes;
  Value weights = k.offset(scratch(plan.scores),
                           part.firstRow * plan.kScoreStride * kFloatBytes);
  values = k.offset(values, k.mul(part.channel, numberBytes));
  return k.forLoop(
      firstKey, lastKey, k.i64(1), start,
      [&](Value key, ValueRange carried) {
        Value row = k.offset(values, valueOffset(key));
        KernelBuilder::Values value, next;
        for (int64_t i = 0; i < part.vectors; ++i) {
          bool whole = i + 1 < part.vectors || part.lastLanes == kLanes;
          value.push_back(loadNumbers(k, spec.valueFormat,
                                      k.offset(row, i * vectorBytes),
                                      whole ? kLanes : part.lastLanes));
        }
        if (ahead) {
          Value line = k.offset(
              ahead, k.mul(k.sub(key, firstKey), part.vectors * vectorBytes));
          for (int64_t bytes = 0; bytes < part.vectors * vectorBytes;
               bytes += kLineBytes)
            k.prefetch(k.offset(line, bytes));
        }
        Value weight = element(weights, key);
        for (int64_t r = 0; r < part.rows; ++r) {
          Value splat = k.loadSplat(
              k.f32Type(),
              k.offset(weight, r * plan.kScoreStride * kFloatBytes), kLanes);
          for (int64_t i = 0; i < part.vectors; ++i)
            next.push_back(
                k.fma(splat, value[i], carried[r * part.vectors + i]));
        }
        return next;
      },
      /*unroll=*/false);
}

/// state = state * (factor of the old state) + sums * (factor of the chunk).
void AttentionEmitter::addToState(const AttentionTile &tile,
                                  const ValuePart &part, ValueRange sums) {
  VectorType floats = k.vectorType(k.f32Type());
  Value accumulator = k.offset(
      scratch(plan.accumulator),
      k.mul(tile.index, kTileRows * plan.paddedValueDim * kFloatBytes));
  for (int64_t r = 0; r < part.rows; ++r) {
    int64_t row = part.firstRow + r;
    Value factor = scratch(plan.factors + row * kFloatBytes);
    Value oldFactor = k.loadSplat(k.f32Type(), factor, kLanes);
    Value newFactor = k.loadSplat(
        k.f32Type(), k.offset(factor, kTileRows * kFloatBytes), kLanes);
    for (int64_t i = 0; i < part.vectors; ++i) {
      Value ptr =
          k.offset(element(accumulator, part.channel),
                   (row * plan.paddedValueDim + i * kLanes) * kFloatBytes);
      Value old = k.mulF(k.load(floats, ptr, 4), oldFactor);
      k.store(k.fma(sums[r * part.vectors + i], newFactor, old), ptr, 4);
    }
  }
}

Value AttentionEmitter::valueOffset(Value key) {
  const int64_t rowBytes = spec.valueDim * getNumberBytes(spec.valueFormat);
  Value rows = k.mul(key, rowBytes);
  int64_t scaleBytes = getScaleBytes(spec.valueFormat);
  if (!scaleBytes)
    return rows;
  // The scales of this block and of those before it.
  Value scales = k.add(k.andI(key, k.i64(-kLanes)), kLanes);
  return k.add(rows, k.mul(scales, scaleBytes));
}

/// Multiplies the weights of the blocks by the scales of their values.
void AttentionEmitter::scaleWeights(const AttentionTile &tile, Value values,
                                    const BlockRange &blocks) {
  VectorType floats = k.vectorType(k.f32Type());
  int64_t blockBytes = kLanes * getSlotBytes(spec.valueFormat, spec.valueDim);
  k.forLoop(
      blocks.first, blocks.last, k.i64(1),
      [&](Value block) {
        Value scalesPtr = k.offset(values, k.mul(block, blockBytes));
        Value scales = k.load(floats, scalesPtr, 4);
        // Those of the next chunk, which lie far apart.
        if (isOneToken(tile))
          k.prefetch(k.offset(scalesPtr, kChunkBlocks * blockBytes));
        Value weights =
            k.offset(scratch(plan.scores), k.mul(block, kLanes * kFloatBytes));
        for (int64_t row = 0; row < tile.rows; ++row) {
          Value ptr = k.offset(weights, row * plan.kScoreStride * kFloatBytes);
          k.store(k.mulF(k.load(floats, ptr, 4), scales), ptr, 4);
        }
      },
      /*unroll=*/false);
}

void AttentionEmitter::emitValues(const AttentionTile &tile, Value chunk,
                                  const BlockRange &blocks) {
  VectorType floats = k.vectorType(k.f32Type());
  Value firstSlot = k.mul(chunk, kAttentionChunk);
  Value values = k.offset(
      args.values, k.mul(k.add(k.mul(tile.keyHead, args.capacity), firstSlot),
                         getSlotBytes(spec.valueFormat, spec.valueDim)));
  if (getScaleBytes(spec.valueFormat))
    scaleWeights(tile, values, blocks);
  // Values behind the last key are not written yet: they may be anything.
  Value firstKey = k.mul(blocks.first, kLanes);
  Value lastKey =
      k.minS(k.mul(blocks.last, kLanes), k.sub(args.keyCount, firstSlot));
  auto zeros = [&](const ValuePart &part) {
    return KernelBuilder::Values(part.rows * part.vectors, k.splatF32(0));
  };
  if (!isOneToken(tile)) {
    forValueParts(tile, [&](const ValuePart &part) {
      addToState(tile, part,
                 sumValues(part, values, firstKey, lastKey, zeros(part),
                           /*ahead=*/Value()));
    });
    return;
  }

  auto sumAt = [&](const ValuePart &part, int64_t index) {
    int64_t row = part.firstRow + index / part.vectors;
    return k.offset(
        element(scratch(plan.chunkValues), part.channel),
        (row * plan.paddedValueDim + index % part.vectors * kLanes) *
            kFloatBytes);
  };
  auto loadSums = [&](const ValuePart &part) {
    KernelBuilder::Values sums;
    for (int64_t i = 0; i < part.rows * part.vectors; ++i)
      sums.push_back(k.load(floats, sumAt(part, i), 4));
    return sums;
  };
  auto storeSums = [&](const ValuePart &part, ValueRange sums) {
    for (int64_t i = 0; i < part.rows * part.vectors; ++i)
      k.store(sums[i], sumAt(part, i), 4);
  };
  // The numbers of a channel in a block.
  const int64_t channelBytes = kLanes * getNumberBytes(spec.valueFormat);
  forValueParts(tile,
                [&](const ValuePart &part) { storeSums(part, zeros(part)); });
  k.forLoop(
      firstKey, lastKey, k.i64(kLanes),
      [&](Value key) {
        Value end = k.minS(k.add(key, kLanes), lastKey);
        Value next = k.offset(values, valueOffset(end));
        forValueParts(tile, [&](const ValuePart &part) {
          // Together the parts ask for the whole next block, in its order.
          Value ahead = part.firstRow == 0
                            ? k.offset(next, k.mul(part.channel, channelBytes))
                            : Value();
          storeSums(part,
                    sumValues(part, values, key, end, loadSums(part), ahead));
        });
      },
      /*unroll=*/false);
  forValueParts(tile, [&](const ValuePart &part) {
    addToState(tile, part, loadSums(part));
  });
}

} // namespace winnow::cpu
