//===- Tile16Emitter.cpp - Emits the decoding of tile16 blocks ------------===//

#include "Tile16Emitter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace winnow::cpu {

using Codes = Tile16Layout::Codes;
using Scales = Tile16Layout::Scales;
static constexpr int64_t kRows = Tile16Layout::kRows;
static constexpr int64_t kLine = 64;
static constexpr int32_t kOneBit = 0x01010101;
static constexpr int32_t kTwoBits = 0x03030303;
static constexpr int32_t kNibble = 0x0f0f0f0f;

Type Tile16Emitter::lanesOf(Type element) {
  return oneRow() ? element : Type(kb.vectorType(element));
}

Value Tile16Emitter::splat(int32_t value) {
  return oneRow() ? kb.i32(value) : kb.splatI32(value);
}

Value Tile16Emitter::laneAddress(Value ptr, int64_t elementBytes) {
  return oneRow() ? kb.offset(ptr, kb.mul(row, elementBytes)) : ptr;
}

Value Tile16Emitter::loadLine(BlockCodes &codes, int64_t index) {
  Value &value = codes.loaded[index];
  if (value)
    return value;
  Value line = kb.offset(codes.lines, index * kLine);
  if (prefetchDistance)
    kb.prefetch(kb.offset(line, prefetchDistance));
  value = kb.load(lanesOf(kb.i32Type()), laneAddress(line, 4), 4);
  return value;
}

Value Tile16Emitter::loadByte(Value ptr) {
  return kb.load(lanesOf(kb.i8Type()), laneAddress(ptr, 1));
}

Value Tile16Emitter::loadHalf(Value ptr) {
  Value address = laneAddress(ptr, 2);
  Type f32 = lanesOf(kb.f32Type());
  if (layout.scales == Scales::BF16) {
    Value bits = kb.zext(kb.load(lanesOf(kb.i16Type()), address, 2),
                         lanesOf(kb.i32Type()));
    return kb.bitcast(kb.shl(bits, splat(16)), f32);
  }
  return kb.extF(kb.load(lanesOf(kb.f16Type()), address, 2), f32);
}

/// (value >> shiftRight) & mask; a negative shift goes left.
Value Tile16Emitter::masked(Value value, int64_t shiftRight, int32_t mask) {
  if (shiftRight > 0)
    value = kb.shrU(value, splat(shiftRight));
  if (shiftRight < 0)
    value = kb.shl(value, splat(-shiftRight));
  return kb.andI(value, splat(mask));
}

Value Tile16Emitter::toBytes(Value lanes) {
  return oneRow()
             ? kb.bitcast(kb.broadcast(lanes, 4), kb.vectorType(kb.i8Type()))
             : kb.bitcast(lanes, kb.vectorType(kb.i8Type(), 64));
}

Value Tile16Emitter::fromBytes(Value bytes) {
  return oneRow()
             ? kb.extract(kb.bitcast(bytes, kb.vectorType(kb.i32Type(), 4)), 0)
             : kb.bitcast(bytes, lanesOf(kb.i32Type()));
}

Value Tile16Emitter::shuffleBytes(Value table, Value index) {
  if (oneRow())
    return kb.intrinsic("llvm.x86.ssse3.pshuf.b.128", table.getType(),
                        {table, index});
  if (kb.target().avx512)
    return kb.intrinsic("llvm.x86.avx512.pshuf.b.512", table.getType(),
                        {table, index});
  auto half = [&](int64_t first) {
    Value part = kb.slice(table, first, 32);
    return kb.intrinsic("llvm.x86.avx2.pshuf.b", part.getType(),
                        {part, kb.slice(index, first, 32)});
  };
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, 64));
  return kb.shuffle(half(0), half(32), all);
}

Value Tile16Emitter::lookup(Value codes) {
  SmallVector<int8_t> entries;
  for (int64_t copy = 0; copy < (oneRow() ? 1 : 4); ++copy)
    llvm::append_range(entries, ArrayRef<uint8_t>(layout.table, 16));
  return fromBytes(shuffleBytes(kb.vectorI8(entries), toBytes(codes)));
}

Value Tile16Emitter::lookupDwords(ArrayRef<int32_t> table, Value index) {
  if (oneRow())
    index = kb.broadcast(index);
  Value found;
  if (kb.target().avx512) {
    found = kb.intrinsic("llvm.x86.avx512.permvar.si.512", index.getType(),
                         {kb.vectorI32(table), index});
  } else {
    auto half = [&](int64_t first) {
      Value part = kb.slice(index, first, 8);
      auto from = [&](int64_t entry) {
        return kb.intrinsic("llvm.x86.avx2.permd", part.getType(),
                            {kb.vectorI32(table.slice(entry, 8)), part});
      };
      Value upper = kb.andI(part, kb.splatI32(8, 8));
      return kb.select(kb.equal(upper, kb.splatI32(0, 8)), from(0), from(8));
    };
    SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, kRows));
    found = kb.shuffle(half(0), half(8), all);
  }
  return oneRow() ? kb.extract(found, 0) : found;
}

Value Tile16Emitter::spread(BlockCodes &codes, Value stored, int64_t q) {
  Value mask = loadLine(codes, 0);
  bool isUpper = q % 2, hasHalves = layout.halfOf == 4;
  // Which of the stored bytes each input of the quad has, and how many the
  // quad has, by its four bits of the mask.
  SmallVector<int32_t> places, counts;
  for (int32_t bits = 0; bits < 16; ++bits) {
    uint32_t place = 0, next = isUpper && hasHalves ? 2 : 0;
    for (int32_t k = 0; k < 4; ++k)
      place |= (bits >> k & 1 ? next++ : 0x80) << 8 * k;
    places.push_back(int32_t(place));
    counts.push_back(llvm::popcount(uint32_t(bits)) * kOneBit);
  }
  auto quadBits = [&](int64_t quad) {
    return quad == 0 ? mask : kb.shrU(mask, splat(4 * quad));
  };
  Value index = lookupDwords(places, quadBits(q));
  if (isUpper && !hasHalves)
    index = kb.add(index, lookupDwords(counts, quadBits(q - 1)));
  if (!oneRow()) {
    // Each row has its own four of the 16 bytes that are shuffled together.
    SmallVector<int32_t> rows;
    for (int32_t r = 0; r < kRows; ++r)
      rows.push_back(r % 4 * 4 * kOneBit);
    index = kb.orI(index, kb.vectorI32(rows));
  }
  Value found = fromBytes(shuffleBytes(toBytes(stored), toBytes(index)));
  // In unsigned numbers: 128 in each byte has the sign bit.
  uint32_t zero = uint32_t(layout.zeroPoint) * uint32_t(kOneBit);
  return kb.xorI(found, splat(int32_t(zero)));
}

/// The lines of a chunk that hold no codes, which loadLine asks for itself.
void Tile16Emitter::prefetchScales(Value chunk) {
  if (!prefetchDistance)
    return;
  int64_t codes = layout.blocksPerChunk() * layout.blockCodeBytes();
  int64_t first = layout.codesOffset() == 0 ? codes : 0;
  for (int64_t at = 0; at < layout.chunkBytes() - codes; at += kLine)
    kb.prefetch(kb.offset(chunk, first + at + prefetchDistance));
}

Tile16Emitter::ChunkScales Tile16Emitter::loadChunkScales(Value chunk) {
  ChunkScales shared;
  prefetchScales(chunk);
  if (layout.codesOffset() == 0)
    return shared;
  Value super = kb.offset(chunk, layout.superScaleOffset());
  shared.d = loadHalf(super);
  if (layout.hasMin())
    shared.minusDmin = kb.negF(loadHalf(kb.offset(super, 2 * kRows)));
  return shared;
}

Tile16Emitter::BlockScales
Tile16Emitter::loadScales(Value chunk, const ChunkScales &shared, Value block) {
  BlockScales scales;
  Value base = kb.offset(chunk, layout.scalesOffset());
  Type i32 = lanesOf(kb.i32Type()), f32 = lanesOf(kb.f32Type());
  auto scaled = [&](Value factor, Value integer) {
    return kb.mulF(factor, kb.toFloat(integer, f32));
  };
  for (int64_t half = 0; half < layout.scalesPerBlock(); ++half) {
    Value group = kb.add(kb.divU(kb.mul(block, layout.scalesPerBlock()),
                                 layout.blocksPerScale()),
                         half);
    Value halves = kb.offset(base, kb.mul(group, 2 * kRows));
    Value bytes = kb.offset(base, kb.mul(group, kRows));
    switch (layout.scales) {
    case Scales::F16:
    case Scales::BF16:
      scales.a.push_back(loadHalf(halves));
      break;
    case Scales::F16Min:
      scales.a.push_back(loadHalf(halves));
      scales.b.push_back(
          loadHalf(kb.offset(halves, layout.chunk / layout.group * 2 * kRows)));
      break;
    case Scales::S8:
      scales.a.push_back(scaled(shared.d, kb.sext(loadByte(bytes), i32)));
      break;
    case Scales::U4Min: {
      Value both = kb.zext(loadByte(bytes), i32);
      scales.a.push_back(scaled(shared.d, masked(both, 0, 15)));
      scales.b.push_back(scaled(shared.minusDmin, kb.shrU(both, splat(4))));
      break;
    }
    case Scales::U6: {
      Value low = kb.zext(loadByte(bytes), i32);
      Value highBytes =
          kb.offset(base, kb.add(kb.mul(kb.remU(group, 4), kRows), 8 * kRows));
      Value high = kb.zext(loadByte(highBytes), i32);
      Value shift = kb.trunc(kb.mul(kb.divU(group, 4), 4), kb.i32Type());
      high = kb.shrU(high, oneRow() ? shift : kb.broadcast(shift));
      Value sc = kb.orI(masked(low, 0, 15), masked(high, -4, 0x30));
      Value mn = kb.orI(kb.shrU(low, splat(4)), masked(high, -2, 0x30));
      scales.a.push_back(scaled(shared.d, sc));
      scales.b.push_back(scaled(shared.minusDmin, mn));
      break;
    }
    case Scales::None:
      break;
    }
  }
  return scales;
}

Tile16Emitter::BlockCodes Tile16Emitter::codesOf(Value chunk, Value block) {
  BlockCodes codes;
  codes.lines =
      kb.offset(kb.offset(chunk, kb.mul(block, layout.blockCodeBytes())),
                layout.codesOffset());
  codes.loaded.resize(layout.blockCodeBytes() / kLine);
  return codes;
}

Value Tile16Emitter::quad(BlockCodes &codes, int64_t q) {
  auto nibble = [&](int64_t line) {
    return masked(loadLine(codes, line), 4 * (q % 2), kNibble);
  };
  auto twoBits = [&](int64_t line) {
    return masked(loadLine(codes, line), 2 * (q % 4), kTwoBits);
  };
  /// Bit q of each byte of `line` as bit `at`.
  auto oneBit = [&](int64_t line, int64_t at) {
    return masked(loadLine(codes, line), q - at, kOneBit << at);
  };
  Value value;
  switch (layout.codes) {
  case Codes::U8:
    value = loadLine(codes, q);
    break;
  case Codes::U4:
    value = nibble(q / 2);
    break;
  case Codes::U4U1: {
    Value high = oneBit(0, 4);
    value = kb.orI(nibble(1 + q / 2), high);
    break;
  }
  case Codes::U4U2: {
    int64_t first = 3 * (q / 4);
    Value low = nibble(first + q % 4 / 2);
    Value high =
        masked(loadLine(codes, first + 2), 2 * (q % 4) - 4, kTwoBits << 4);
    value = kb.orI(low, high);
    break;
  }
  case Codes::U2:
    value = twoBits(q / 4);
    break;
  case Codes::U2U1: {
    Value high = oneBit(0, 2);
    value = kb.orI(twoBits(1 + q / 4), high);
    break;
  }
  case Codes::Half8:
    value = spread(codes, loadLine(codes, 1 + q / 2), q);
    break;
  case Codes::Half4:
    value = spread(
        codes, masked(loadLine(codes, 1 + q / 4), q / 2 % 2 * 4, kNibble), q);
    break;
  case Codes::F32:
  case Codes::F16:
  case Codes::BF16:
    llvm_unreachable("float formats have no codes");
  }
  return layout.table ? lookup(value) : value;
}

Tile16Emitter::Values Tile16Emitter::loadCodes(Value chunk, Value block) {
  BlockCodes codes = codesOf(chunk, block);
  Values quads;
  for (int64_t q = 0; q < 8; ++q)
    quads.push_back(quad(codes, q));
  return quads;
}

Value Tile16Emitter::decode(Value quad, int64_t j, Value a, Value b) {
  Value code = j == 3 ? kb.shrU(quad, splat(24)) : masked(quad, 8 * j, 255);
  if (layout.zeroPoint)
    code = kb.sub(code, splat(layout.zeroPoint));
  Value weight = kb.mulF(a, kb.toFloat(code, lanesOf(kb.f32Type())));
  return b ? kb.addF(weight, b) : weight;
}

Tile16Emitter::Values Tile16Emitter::loadFloats(Value chunk) {
  Type f32 = lanesOf(kb.f32Type());
  if (layout.codes == Codes::F32)
    return {kb.load(f32, laneAddress(chunk, 4), 4)};
  if (layout.codes == Codes::F16)
    return {loadHalf(chunk)};
  Value pairs = kb.load(lanesOf(kb.i32Type()), laneAddress(chunk, 4), 4);
  return {kb.bitcast(kb.shl(pairs, splat(16)), f32),
          kb.bitcast(kb.andI(pairs, splat(0xffff0000)), f32)};
}

} // namespace winnow::cpu
