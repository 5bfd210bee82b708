//===- Tile16Emitter.cpp - Emits the decoding of tile16 blocks ------------===//

#include "Tile16Emitter.h"

#include "llvm/ADT/STLExtras.h"

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

Value Tile16Emitter::lookup(Value codes) {
  SmallVector<int8_t> entries;
  int64_t copies = oneRow() ? 1 : kb.target().avx512 ? 4 : 2;
  for (int64_t copy = 0; copy < copies; ++copy)
    llvm::append_range(entries, ArrayRef<uint8_t>(layout.table, 16));
  Value table = kb.vectorI8(entries);
  Type bytes = table.getType();
  if (oneRow()) {
    Value index = kb.bitcast(kb.broadcast(codes, 4), bytes);
    Value found =
        kb.intrinsic("llvm.x86.ssse3.pshuf.b.128", bytes, {table, index});
    return kb.extract(kb.bitcast(found, kb.vectorType(kb.i32Type(), 4)), 0);
  }
  auto index = kb.bitcast(codes, kb.vectorType(kb.i8Type(), 64));
  Type words = lanesOf(kb.i32Type());
  if (kb.target().avx512)
    return kb.bitcast(
        kb.intrinsic("llvm.x86.avx512.pshuf.b.512", bytes, {table, index}),
        words);
  auto half = [&](int64_t first) {
    return kb.intrinsic("llvm.x86.avx2.pshuf.b", bytes,
                        {table, kb.slice(index, first, 32)});
  };
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, 64));
  return kb.bitcast(kb.shuffle(half(0), half(32), all), words);
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
