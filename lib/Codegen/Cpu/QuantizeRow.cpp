//===- QuantizeRow.cpp - Rounds rows of activations to 8 bits -------------===//
//
// The rule is Formats/Activation.h's encodeActivationGroup, bit for bit.
//
//===----------------------------------------------------------------------===//

#include "LinearKernels.h"

#include "winnow/Formats/Activation.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/Sequence.h"

#include <limits>

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kBlock = 32;
static constexpr int64_t kHalf = 16;
/// Blocks that are quantized together.
static constexpr int64_t kGroup = 4;

namespace {

/// Where one row of the packed form goes.
struct PackedRow {
  KernelBuilder &kb;
  Value codes, scales, sums;
  Value strideBytes; ///< from one entry of the row to the next

  void storeCodes(Value dword, Value index) { store(codes, dword, index); }
  void storeScale(Value scale, Value index) { store(scales, scale, index); }
  void storeSum(Value sum, Value index) { store(sums, sum, index); }

private:
  void store(Value base, Value value, Value index) {
    kb.store(value, kb.offset(base, kb.mul(index, strideBytes)), 4);
  }
};

} // namespace

/// The lanes of `a` and `b` that `keep` names in `a`, those of `a` first.
static Value pick(KernelBuilder &kb, Value a, Value b, ArrayRef<int64_t> keep) {
  int64_t lanes = cast<VectorType>(a.getType()).getNumElements();
  SmallVector<int64_t> indices(keep);
  for (int64_t lane : keep)
    indices.push_back(lanes + lane);
  return kb.shuffle(a, b, indices);
}

/// Lane l of the result folds lanes l ^ distance and l of a vector.
template <typename Combine>
static Value foldLanes(KernelBuilder &kb, Value vector, int64_t distance,
                       Combine combine) {
  SmallVector<int64_t> swapped;
  for (int64_t lane = 0; lane < kHalf; ++lane)
    swapped.push_back(lane ^ distance);
  return combine(vector, kb.shuffle(vector, vector, swapped));
}

/// Quantizes `kGroup` blocks from `block` on. The four maxima share a vector,
/// and so do the divisions; sums are dot products with ones.
static void quantizeGroup(KernelBuilder &kb, PackedRow &row, Value x,
                          Value block) {
  VectorType floats = kb.vectorType(kb.f32Type());
  VectorType integers = kb.vectorType(kb.i32Type());
  // Magnitudes compare like their bits, with NaN above infinity.
  constexpr int32_t infinityBits = 0x7F800000;
  auto maximum = [&](Value a, Value b) { return kb.maxS(a, b); };
  auto sum = [&](Value a, Value b) { return kb.add(a, b); };
  auto splat = [&](Value vector, int64_t lane) {
    return kb.shuffle(vector, vector, SmallVector<int64_t>(kHalf, lane));
  };

  Value halves[kGroup][2], maxima[kGroup];
  Value from = kb.offset(x, kb.mul(block, kBlock * 4));
  for (int64_t i = 0; i < kGroup; ++i) {
    Value bits[2];
    for (int64_t half = 0; half < 2; ++half) {
      halves[i][half] =
          kb.load(floats, kb.offset(from, (i * kBlock + half * kHalf) * 4), 4);
      bits[half] = kb.andI(kb.bitcast(halves[i][half], integers),
                           kb.splatI32(INT32_MAX));
    }
    maxima[i] = maximum(bits[0], bits[1]);
  }
  SmallVector<int64_t> low = {0, 1, 2, 3, 4, 5, 6, 7};
  SmallVector<int64_t> high = {8, 9, 10, 11, 12, 13, 14, 15};
  auto foldPair = [&](Value a, Value b, ArrayRef<int64_t> first,
                      ArrayRef<int64_t> second) {
    return maximum(pick(kb, a, b, first), pick(kb, a, b, second));
  };
  Value pair0 = foldPair(maxima[0], maxima[1], low, high);
  Value pair1 = foldPair(maxima[2], maxima[3], low, high);
  // Lanes 4i to 4i + 3 belong to block i.
  Value amaxBits = foldPair(pair0, pair1, {0, 1, 2, 3, 8, 9, 10, 11},
                            {4, 5, 6, 7, 12, 13, 14, 15});
  amaxBits = foldLanes(kb, amaxBits, 2, maximum);
  amaxBits = foldLanes(kb, amaxBits, 1, maximum);

  Value few = kb.shuffle(amaxBits, amaxBits, {0, 4, 8, 12});
  Value amax = kb.bitcast(few, kb.vectorType(kb.f32Type(), kGroup));
  Value zero = kb.splatF32(0, kGroup), most = kb.splatF32(127, kGroup);
  Value finite = kb.lessThan(few, kb.splatI32(infinityBits, kGroup));
  Value tiny = kb.lessThanF(amax, kb.splatF32(kActivationFloor, kGroup));
  // Blocks that are tiny or not finite get codes 0.
  Value keep = kb.select(tiny, zero, kb.divF(most, amax));
  Value inverse = kb.select(finite, keep, zero);
  Value scale = kb.select(tiny, zero, kb.divF(amax, most));
  scale =
      kb.select(finite, scale,
                kb.splatF32(std::numeric_limits<float>::quiet_NaN(), kGroup));

  Value bytes[2 * kGroup];
  for (int64_t i = 0; i < kGroup; ++i) {
    Value usable =
        kb.lessThan(splat(amaxBits, 4 * i), kb.splatI32(infinityBits));
    Value factor = kb.shuffle(inverse, inverse, SmallVector<int64_t>(kHalf, i));
    for (int64_t half = 0; half < 2; ++half) {
      Value finiteX = kb.select(usable, halves[i][half], kb.splatF32(0));
      Value code = kb.roundToI32(kb.mulF(finiteX, factor));
      bytes[2 * i + half] = kb.trunc(code, kb.vectorType(kb.i8Type(), kHalf));
    }
    row.storeScale(kb.extract(scale, i), kb.add(block, i));
  }
  auto join = [&](Value a, Value b, int64_t lanes) {
    return kb.shuffle(a, b, llvm::to_vector(llvm::seq<int64_t>(2 * lanes)));
  };
  for (int64_t part = 0; part < 2; ++part) {
    Value *first = &bytes[4 * part];
    Value codes = join(join(first[0], first[1], kHalf),
                       join(first[2], first[3], kHalf), 2 * kHalf);
    Value quads = kb.bitcast(codes, integers);
    Value firstBlock = kb.add(block, 2 * part);
    for (int64_t q = 0; q < kHalf; ++q)
      row.storeCodes(kb.extract(quads, q), kb.add(kb.mul(firstBlock, 8), q));
    Value sums = kb.dot4(kb.splatI32(0), kb.splatI8(1), codes);
    sums = foldLanes(kb, foldLanes(kb, sums, 2, sum), 1, sum);
    for (int64_t half = 0; half < 4; ++half)
      row.storeSum(kb.extract(sums, 4 * half),
                   kb.add(kb.mul(firstBlock, 2), half));
  }
}

static void quantizeBlock(KernelBuilder &kb, PackedRow &row, Value x,
                          Value block) {
  VectorType floats = kb.vectorType(kb.f32Type());
  Value from = kb.offset(x, kb.mul(block, kBlock * 4));
  Value halves[2] = {kb.load(floats, from, 4),
                     kb.load(floats, kb.offset(from, kHalf * 4), 4)};
  Value amax = kb.reduceMax(kb.maxF(kb.absF(halves[0]), kb.absF(halves[1])));
  Value finite =
      kb.lessThanF(amax, kb.f32(std::numeric_limits<float>::infinity()));
  Value tiny = kb.lessThanF(amax, kb.f32(kActivationFloor));
  Value zero = kb.f32(0);
  // Blocks that are tiny or not finite get codes 0.
  Value keep = kb.select(tiny, zero, kb.divF(kb.f32(127), amax));
  Value inverse = kb.select(finite, keep, zero);
  Value scale = kb.select(tiny, zero, kb.divF(amax, kb.f32(127)));
  scale =
      kb.select(finite, scale, kb.f32(std::numeric_limits<float>::quiet_NaN()));
  Value usable = kb.broadcast(finite);
  for (int64_t half = 0; half < 2; ++half) {
    Value finiteX = kb.select(usable, halves[half], kb.splatF32(0));
    Value code = kb.roundToI32(kb.mulF(finiteX, kb.broadcast(inverse)));
    row.storeSum(kb.reduceAddI(code), kb.add(kb.mul(block, 2), half));
    Value quads = kb.bitcast(kb.trunc(code, kb.vectorType(kb.i8Type())),
                             kb.vectorType(kb.i32Type(), 4));
    for (int64_t q = 0; q < 4; ++q)
      row.storeCodes(kb.extract(quads, q),
                     kb.add(kb.mul(block, 8), 4 * half + q));
  }
  row.storeScale(scale, block);
}

void emitQuantizeRow(KernelBuilder &kb, Value x, Value buffer, Value row,
                     Value rows, Value k) {
  Value one = kb.i64(1);
  Value stride = kb.select(kb.equal(rows, one), one, kb.i64(kTileRows));
  Value padded = kb.roundUp(k, 64);
  Value rowBytes = kb.add(padded, kb.mul(kb.divU(padded, kBlock), 12));
  // stride is 1 only where row is 0.
  Value lane = kb.remU(row, kTileRows);
  Value tile = kb.offset(buffer, kb.mul(kb.sub(row, lane), rowBytes));
  Value strideBytes = kb.mul(stride, 4);
  Value codes = kb.offset(tile, kb.mul(lane, 4));
  Value scales = kb.offset(codes, kb.mul(padded, stride));
  Value sums = kb.offset(scales, kb.mul(kb.divU(padded, kBlock), strideBytes));
  PackedRow packed{kb, codes, scales, sums, strideBytes};

  Value blocks = kb.divU(k, kBlock);
  Value grouped = kb.mul(kb.divU(blocks, kGroup), kGroup);
  kb.forLoop(
      kb.i64(0), grouped, kb.i64(kGroup),
      [&](Value block) { quantizeGroup(kb, packed, x, block); },
      /*unroll=*/false);
  kb.forLoop(
      grouped, blocks, kb.i64(1),
      [&](Value block) { quantizeBlock(kb, packed, x, block); },
      /*unroll=*/false);
  // Padding up to a multiple of 64: zeros everywhere.
  kb.forLoop(
      blocks, kb.divU(padded, kBlock), kb.i64(1),
      [&](Value block) {
        for (int64_t q = 0; q < 8; ++q)
          packed.storeCodes(kb.i32(0), kb.add(kb.mul(block, 8), q));
        packed.storeScale(kb.f32(0), block);
        for (int64_t half = 0; half < 2; ++half)
          packed.storeSum(kb.i32(0), kb.add(kb.mul(block, 2), half));
      },
      /*unroll=*/false);
}

} // namespace winnow::cpu
