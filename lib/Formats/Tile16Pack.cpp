//===- Tile16Pack.cpp - Rewriting weights into tile16 and back ------------===//
//
// Codes move four at a time: a dword holds four consecutive inputs of a row,
// in the file's order as well as in a line.
//
//===----------------------------------------------------------------------===//

#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Tile16.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace llvm;
using support::endian::read16le;
using support::endian::read32le;
using support::endian::write16le;
using support::endian::write32le;

namespace winnow {

using Codes = Tile16Layout::Codes;
using Scales = Tile16Layout::Scales;
static constexpr int64_t kRows = Tile16Layout::kRows;
static constexpr int64_t kBlock = Tile16Layout::kBlock;
static constexpr int64_t kLine = 64;
static constexpr int64_t kQuads = kBlock / 4;

/// The binary16 bits of a number that binary16 holds exactly (any NaN gives
/// the quiet one).
static uint16_t exactHalf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  uint16_t sign = bits >> 16 & 0x8000;
  int exponent = int(bits >> 23 & 255) - 127;
  uint32_t fraction = bits & 0x7fffff;
  if (exponent == 128)
    return sign | (fraction ? 0x7e00 : 0x7c00);
  if (exponent < -14)
    return sign | uint16_t(std::fabs(value) * 0x1p24f);
  return sign | uint16_t((exponent + 15) << 10 | fraction >> 13);
}

static uint16_t upperHalf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits >> 16;
}

/// Where the byte of a code is among the four of its eight inputs, counted from
/// the number of codes that lie before it in those (`mask`: their bits).
static unsigned placeInOctet(const Tile16Layout &layout, uint8_t mask,
                             unsigned k) {
  bool hasHalves = layout.halfOf == 4;
  uint8_t from = hasHalves ? k / 4 * 4 : 0;
  unsigned before =
      llvm::popcount(uint8_t(mask >> from << from) & ((1u << k) - 1));
  return (hasHalves ? k / 4 * 2 : 0) + before;
}

/// The inputs that have a code are those whose weight is not 0: what a code of
/// 0 stands for is 0, too.
static void packHalf(const Tile16Layout &layout, const uint8_t *from,
                     uint8_t *line) {
  uint32_t all = 0;
  uint8_t zero = uint8_t(layout.zeroPoint);
  uint32_t octets[kBlock / 8] = {};
  for (unsigned octet = 0; octet < kBlock / 8; ++octet) {
    uint8_t mask = 0;
    for (unsigned k = 0; k < 8; ++k)
      mask |= (from[8 * octet + k] != zero) << k;
    for (unsigned k = 0; k < 8; ++k)
      if (mask >> k & 1)
        octets[octet] |= uint32_t(from[8 * octet + k] ^ zero)
                         << 8 * placeInOctet(layout, mask, k);
    all |= uint32_t(mask) << 8 * octet;
  }
  write32le(line, all);
  if (layout.codes == Codes::Half8)
    for (unsigned t = 0; t < 4; ++t)
      write32le(line + (1 + t) * kLine, octets[t]);
  else
    for (unsigned t = 0; t < 2; ++t)
      write32le(line + (1 + t) * kLine, octets[2 * t] | octets[2 * t + 1] << 4);
}

/// The inverse of packHalf.
static void unpackHalf(const Tile16Layout &layout, const uint8_t *line,
                       uint8_t *to) {
  uint32_t all = read32le(line);
  bool isBytes = layout.codes == Codes::Half8;
  for (unsigned k = 0; k < kBlock; ++k) {
    unsigned octet = k / 8;
    uint8_t mask = all >> 8 * octet;
    uint32_t codes =
        isBytes ? read32le(line + (1 + octet) * kLine)
                : read32le(line + (1 + octet / 2) * kLine) >> 4 * (octet % 2) &
                      0x0f0f0f0f;
    uint8_t code = 0;
    if (mask >> k % 8 & 1)
      code = codes >> 8 * (placeInOctet(layout, mask, k % 8) & 3);
    to[k] = code ^ uint8_t(layout.zeroPoint);
  }
}

/// Writes the 32 codes of one row and block; `line` is the row's dword of the
/// block's first line.
static void packCodes(const Tile16Layout &layout, const uint8_t *from,
                      uint8_t *line) {
  uint32_t quad[kQuads];
  for (int64_t q = 0; q < kQuads; ++q)
    quad[q] = read32le(from + 4 * q);
  auto put = [&](int64_t index, uint32_t dword) {
    write32le(line + index * kLine, dword);
  };
  constexpr uint32_t kNibble = 0x0f0f0f0f, kTwo = 0x03030303, kOne = 0x01010101;
  auto nibbles = [&](int64_t first, int64_t lines, int64_t quads) {
    for (int64_t t = 0; t < lines; ++t)
      put(first + t, (quad[quads + 2 * t] & kNibble) |
                         (quad[quads + 2 * t + 1] & kNibble) << 4);
  };
  auto twoBits = [&](int64_t first, int64_t quads, int shift) {
    uint32_t dword = 0;
    for (int64_t q = 0; q < 4; ++q)
      dword |= (quad[quads + q] >> shift & kTwo) << 2 * q;
    put(first, dword);
  };
  auto oneBit = [&](int64_t first, int shift) {
    uint32_t dword = 0;
    for (int64_t q = 0; q < kQuads; ++q)
      dword |= (quad[q] >> shift & kOne) << q;
    put(first, dword);
  };
  switch (layout.codes) {
  case Codes::Half8:
  case Codes::Half4:
    packHalf(layout, from, line);
    break;
  case Codes::U8:
    for (int64_t q = 0; q < kQuads; ++q)
      put(q, quad[q]);
    break;
  case Codes::U4:
    nibbles(0, 4, 0);
    break;
  case Codes::U4U1:
    oneBit(0, 4);
    nibbles(1, 4, 0);
    break;
  case Codes::U4U2:
    for (int64_t half = 0; half < 2; ++half) {
      nibbles(3 * half, 2, 4 * half);
      twoBits(3 * half + 2, 4 * half, 4);
    }
    break;
  case Codes::U2U1:
    oneBit(0, 2);
    twoBits(1, 0, 0);
    twoBits(2, 4, 0);
    break;
  case Codes::U2:
    twoBits(0, 0, 0);
    twoBits(1, 4, 0);
    break;
  case Codes::F32:
  case Codes::F16:
  case Codes::BF16:
    llvm_unreachable("float formats have no codes");
  }
}

/// The inverse of packCodes.
static void unpackCodes(const Tile16Layout &layout, const uint8_t *line,
                        uint8_t *to) {
  if (layout.halfOf)
    return unpackHalf(layout, line, to);
  auto get = [&](int64_t index) { return read32le(line + index * kLine); };
  for (int64_t q = 0; q < kQuads; ++q) {
    uint32_t dword = 0;
    auto nibble = [&](int64_t index) {
      return get(index) >> 4 * (q % 2) & 0x0f0f0f0f;
    };
    auto twoBits = [&](int64_t index) {
      return get(index) >> 2 * (q % 4) & 0x03030303;
    };
    auto oneBit = [&](int64_t index) { return get(index) >> q & 0x01010101; };
    switch (layout.codes) {
    case Codes::U8:
      dword = get(q);
      break;
    case Codes::U4:
      dword = nibble(q / 2);
      break;
    case Codes::U4U1:
      dword = nibble(1 + q / 2) | oneBit(0) << 4;
      break;
    case Codes::U4U2:
      dword = nibble(3 * (q / 4) + q % 4 / 2) | twoBits(3 * (q / 4) + 2) << 4;
      break;
    case Codes::U2U1:
      dword = twoBits(1 + q / 4) | oneBit(0) << 2;
      break;
    case Codes::U2:
      dword = twoBits(q / 4);
      break;
    case Codes::Half8:
    case Codes::Half4:
      llvm_unreachable("unpacked above");
    case Codes::F32:
    case Codes::F16:
    case Codes::BF16:
      llvm_unreachable("float formats have no codes");
    }
    write32le(to + 4 * q, dword);
  }
}

namespace {

/// Up to 256 inputs of one row: what a chunk, or a file block where that is
/// larger, holds.
struct Span {
  uint8_t codes[256];
  float a[16], b[16];
  int subScale[16], subOffset[16];
  float outerScale, outerOffset;
};

/// Rewrites rows of one matrix.
class Packer {
public:
  Packer(const Tile16Layout &layout, const NumberFormat &format, int64_t k)
      : layout(layout), decoder(format), k(k),
        span(std::max<int64_t>(layout.chunk, format.blockElements)) {}

  /// `file`: the row's bytes; `group`: the zeroed group of 16 rows.
  void packRow(const uint8_t *file, int64_t row, uint8_t *group) {
    for (int64_t first = 0; first < k; first += span) {
      int64_t count = std::min(span, k - first);
      read(file, first, count);
      for (int64_t i = 0; i < count; i += layout.chunk)
        packChunk(group + (first + i) / layout.chunk * layout.chunkBytes(), row,
                  i, std::min(layout.chunk, count - i));
    }
  }

private:
  /// Reads `count` inputs from `first` on into `data`.
  void read(const uint8_t *file, int64_t first, int64_t count) {
    const NumberFormat &format = decoder.getFormat();
    int64_t elements = format.blockElements, groups = elements / layout.group;
    int64_t formatGroup = format.groupSize();
    for (int64_t i = 0; i < count; i += elements) {
      const uint8_t *source = file + (first + i) / elements * format.blockBytes;
      decoder.decodeCanonical(source, block);
      uint8_t *codes = data.codes + i;
      if (format.codeMap.kind == CodeMap::Kind::SignedInt)
        for (int64_t e = 0; e < elements; ++e)
          codes[e] = block.codes[e] ^ 0x80;
      else
        for (int64_t e = 0; e < elements; ++e)
          codes[e] = block.codes[e] * format.codeMap.step;
      for (int64_t g = 0; g < groups; ++g) {
        int64_t from = g * layout.group / formatGroup;
        int64_t to = i / layout.group + g;
        data.a[to] = block.a[from];
        data.b[to] = block.b[from];
        if (format.hasIntegerSubScales()) {
          data.subScale[to] = block.subScales[from];
          data.subOffset[to] = block.subOffsets[from];
          data.outerScale = block.outerScale;
          data.outerOffset = block.outerOffset;
        }
      }
    }
  }

  /// Writes inputs [at, at + count) of the span into the chunk.
  void packChunk(uint8_t *chunk, int64_t row, int64_t at, int64_t count) {
    uint8_t *lines = chunk + layout.codesOffset() + 4 * row;
    for (int64_t i = 0; i < count; i += kBlock)
      packCodes(layout, data.codes + at + i,
                lines + i / kBlock * layout.blockCodeBytes());

    uint8_t *scales = chunk + layout.scalesOffset();
    uint8_t *super = chunk + layout.superScaleOffset() + 2 * row;
    int64_t groups = count / layout.group, first = at / layout.group;
    auto half = [&](int64_t index) {
      return scales + 2 * (kRows * index + row);
    };
    auto byte = [&](int64_t index) -> uint8_t & {
      return scales[kRows * index + row];
    };
    for (int64_t g = 0; g < groups; ++g) {
      int64_t s = first + g;
      int sc = data.subScale[s], mn = data.subOffset[s];
      switch (layout.scales) {
      case Scales::F16Min:
        write16le(half(layout.chunk / layout.group + g), exactHalf(data.b[s]));
        [[fallthrough]];
      case Scales::F16:
        write16le(half(g), exactHalf(data.a[s]));
        break;
      case Scales::BF16:
        write16le(half(g), upperHalf(data.a[s]));
        break;
      case Scales::U6:
        byte(g) = (sc & 15) | (mn & 15) << 4;
        byte(8 + g % 4) |= ((sc >> 4) | (mn >> 4) << 2) << (g / 4 * 4);
        break;
      case Scales::S8:
        byte(g) = uint8_t(sc);
        break;
      case Scales::U4Min:
        byte(g) = sc | mn << 4;
        break;
      case Scales::None:
        llvm_unreachable("float formats have no scales");
      }
    }
    if (layout.codesOffset() != 0)
      write16le(super, exactHalf(data.outerScale));
    if (layout.scales == Scales::U6 || layout.scales == Scales::U4Min)
      write16le(super + 2 * kRows, exactHalf(data.outerOffset));
  }

  const Tile16Layout &layout;
  BlockDecoder decoder;
  int64_t k, span;
  CanonicalBlock block = {};
  Span data = {};
};

} // namespace

/// Where input `i` of a row of a group of floats is: [K/chunk][16][chunk].
static int64_t floatIndex(const Tile16Layout &layout, int64_t row, int64_t i) {
  return (i / layout.chunk * kRows + row) * layout.chunk + i % layout.chunk;
}

/// Elements of `size` bytes, [rows][k] in the file.
static void packFloats(const Tile16Layout &layout, const uint8_t *file,
                       int64_t rows, int64_t k, int64_t size, uint8_t *group) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < k; ++i)
      std::memcpy(group + floatIndex(layout, row, i) * size,
                  file + (row * k + i) * size, size);
}

Error relayoutToTile16(StringRef name, int64_t n, int64_t k,
                       ArrayRef<uint8_t> fileBytes, int64_t firstGroup,
                       int64_t groupCount, MutableArrayRef<uint8_t> out) {
  Expected<int64_t> total = tile16Bytes(name, n, k);
  if (!total)
    return total.takeError();
  const Tile16Layout &layout = **Tile16Layout::get(name);
  const NumberFormat &format = *lookupFormat(name);
  int64_t groups = divideCeil(n, kRows), groupBytes = layout.groupBytes(k);
  if (firstGroup < 0 || groupCount < 0 || firstGroup > groups - groupCount)
    return createStringError("row groups " + Twine(firstGroup) + " to " +
                             Twine(firstGroup + groupCount) + " of " +
                             Twine(groups));
  int64_t rows =
      std::min(n, (firstGroup + groupCount) * kRows) - firstGroup * kRows;
  int64_t rowBytes = k / format.blockElements * format.blockBytes;
  if (int64_t(fileBytes.size()) != rows * rowBytes ||
      int64_t(out.size()) != groupCount * groupBytes)
    return createStringError("re-layout of " + Twine(rows) + " rows of " +
                             Twine(rowBytes) + " bytes: got " +
                             Twine(fileBytes.size()) + " bytes and room for " +
                             Twine(out.size()));
  std::memset(out.data(), 0, out.size());
  for (int64_t group = 0; group < groupCount; ++group) {
    const uint8_t *from = fileBytes.data() + group * kRows * rowBytes;
    uint8_t *to = out.data() + group * groupBytes;
    int64_t count = std::min(kRows, rows - group * kRows);
    if (layout.isFloat()) {
      packFloats(layout, from, count, k, format.blockBytes, to);
      continue;
    }
    Packer packer(layout, format, k);
    for (int64_t row = 0; row < count; ++row)
      packer.packRow(from + row * rowBytes, row, to);
  }
  return Error::success();
}

static float halfAt(const uint8_t *at) {
  return storedToFloat(StoredType::F16, read16le(at));
}

/// a and b of scale `g` of the chunk, for one row.
static std::pair<float, float> scaleOf(const Tile16Layout &layout,
                                       const uint8_t *chunk, int64_t row,
                                       int64_t g) {
  const uint8_t *scales = chunk + layout.scalesOffset();
  const uint8_t *super = chunk + layout.superScaleOffset() + 2 * row;
  auto half = [&](int64_t index) { return scales + 2 * (kRows * index + row); };
  auto byte = [&](int64_t index) { return scales[kRows * index + row]; };
  switch (layout.scales) {
  case Scales::F16:
    return {halfAt(half(g)), 0};
  case Scales::BF16:
    return {storedToFloat(StoredType::BF16, read16le(half(g))), 0};
  case Scales::F16Min:
    return {halfAt(half(g)), halfAt(half(layout.chunk / layout.group + g))};
  case Scales::U6: {
    int high = byte(8 + g % 4) >> (g / 4 * 4);
    int sc = (byte(g) & 15) | (high & 3) << 4;
    int mn = byte(g) >> 4 | (high >> 2 & 3) << 4;
    return {halfAt(super) * sc, -(halfAt(super + 2 * kRows) * mn)};
  }
  case Scales::S8:
    return {halfAt(super) * int8_t(byte(g)), 0};
  case Scales::U4Min:
    return {halfAt(super) * (byte(g) & 15),
            -(halfAt(super + 2 * kRows) * (byte(g) >> 4))};
  case Scales::None:
    break;
  }
  llvm_unreachable("float formats have no scales");
}

Error decodeTile16Row(StringRef name, int64_t n, int64_t k,
                      ArrayRef<uint8_t> tile16, int64_t row,
                      MutableArrayRef<float> out) {
  Expected<int64_t> total = tile16Bytes(name, n, k);
  if (!total)
    return total.takeError();
  if (int64_t(tile16.size()) != *total || int64_t(out.size()) != k || row < 0 ||
      row >= n)
    return createStringError("row " + Twine(row) + " of a tile16 matrix of " +
                             Twine(n) + " x " + Twine(k) + " in " +
                             Twine(tile16.size()) + " bytes");
  const Tile16Layout &layout = **Tile16Layout::get(name);
  const NumberFormat &format = *lookupFormat(name);
  const uint8_t *group = tile16.data() + row / kRows * layout.groupBytes(k);
  row %= kRows;
  if (layout.isFloat()) {
    for (int64_t i = 0; i < k; ++i) {
      const uint8_t *at =
          group + floatIndex(layout, row, i) * format.blockBytes;
      out[i] =
          storedToFloat(format.codeMap.floatType,
                        format.blockBytes == 4 ? read32le(at) : read16le(at));
    }
    return Error::success();
  }
  for (int64_t i = 0; i < k; i += kBlock) {
    const uint8_t *chunk = group + i / layout.chunk * layout.chunkBytes();
    int64_t block = i % layout.chunk / kBlock;
    uint8_t codes[kBlock];
    unpackCodes(layout,
                chunk + layout.codesOffset() + block * layout.blockCodeBytes() +
                    4 * row,
                codes);
    for (int64_t e = 0; e < kBlock; ++e) {
      auto [a, b] =
          scaleOf(layout, chunk, row, (block * kBlock + e) / layout.group);
      int code = layout.table ? layout.table[codes[e]] : codes[e];
      // Two statements, so that the compiler cannot fuse them.
      float product = a * float(code - layout.zeroPoint);
      out[i + e] = layout.hasMin() ? product + b : product;
    }
  }
  return Error::success();
}

} // namespace winnow
