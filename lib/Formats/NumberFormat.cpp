//===- NumberFormat.cpp - The table of number formats ---------------------===//

#include "winnow/Formats/NumberFormat.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/ADT/bit.h"

#include <limits>

using namespace llvm;
using namespace winnow;

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

// Values of IQ4_NL and IQ4_XS: the quantiles that ggml fixed.
static constexpr int8_t kIq4Values[16] = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
// E2M1 times two, so that it is a table of integers.
static constexpr int8_t kE2M1Doubled[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                            0, -1, -2, -3, -4, -6, -8, -12};

// Rows name them as the enums do.
// NOLINTBEGIN(readability-identifier-naming)
static constexpr auto Mul = ScaleRole::Mul;
static constexpr auto Add = ScaleRole::Add;
static constexpr auto Sub = ScaleRole::Sub;
static constexpr auto F32 = StoredType::F32;
static constexpr auto F16 = StoredType::F16;
static constexpr auto BF16 = StoredType::BF16;
static constexpr auto UInt = StoredType::UnsignedInt;
static constexpr auto SInt = StoredType::SignedInt;
// NOLINTEND(readability-identifier-naming)

/// The element index in the block; for scales, the index of the scale.
static constexpr IndexFunction i = IndexFunction::index();

/// A little-endian number of whole bytes at this byte.
static constexpr BitParts number(unsigned bytes, unsigned byte) {
  return {{8 * bytes, byte, 0}};
}
/// One byte for each index, from `byte` on.
static constexpr BitParts bytesFrom(unsigned byte) {
  return {{8, byte + i, 0}};
}
/// Two elements in each byte, the first in the low nibble.
static constexpr BitPart nibbles(unsigned byte) {
  return {4, byte + i / 2, 4 * (i % 2)};
}
/// Low nibbles are the first 16 elements, high nibbles the other 16.
static constexpr BitPart nibbles16(unsigned byte) {
  return {4, byte + i % 16, 4 * (i / 16)};
}
/// The same with 32 and 32, for each 64 elements.
static constexpr BitPart nibbles32(unsigned byte) {
  return {4, byte + 32 * (i / 64) + i % 32, 4 * ((i / 32) % 2)};
}
/// Four planes of 32 elements in each 32 bytes.
static constexpr BitPart crumbs32(unsigned byte) {
  return {2, byte + 32 * (i / 128) + i % 32, 2 * ((i / 32) % 4)};
}
/// One bit for each index, from the lowest of `byte` on.
static constexpr BitParts bitsFrom(unsigned byte) {
  return {{1, byte + i / 8, i % 8}};
}
/// Bit n of byte k is bit 4 of element k + 32 n.
static constexpr BitPart bitPlanes32(unsigned byte, unsigned destination) {
  return {1, byte + i % 32, i / 32, destination};
}
// The twelve bytes of eight 6-bit scales and eight 6-bit minimums of Q4_K and
// Q5_K: the first four of each are whole in bytes 0-3 and 4-7; the nibbles of
// the others are in bytes 8-11, their upper bits in the spare bits of 0-7.
static constexpr BitParts scale6(unsigned byte) {
  return {{4, byte + i + 4 * (i / 4), 0},
          {2, byte + i % 4, 4 + 2 * (i / 4), 4}};
}
static constexpr BitParts minimum6(unsigned byte) {
  return {{4, byte + 4 + i, 4 * (i / 4)},
          {2, byte + 4 + i % 4, 4 + 2 * (i / 4), 4}};
}

/// The name, elements and bytes of a block; then the code map and where the
/// codes are; then the scale chain.
static constexpr NumberFormat kFormats[] = {
    NumberFormat("f32", 1, 4).gguf(0).floats(F32),
    NumberFormat("f16", 1, 2).gguf(1).floats(F16),
    NumberFormat("bf16", 1, 2).gguf(30).floats(BF16),

    NumberFormat("q4_0", 32, 18)
        .gguf(2)
        .affine(4, 8, {nibbles16(2)})
        .scale(Mul, F16, 32, number(2, 0)),
    NumberFormat("q4_1", 32, 20)
        .gguf(3)
        .affine(4, 0, {nibbles16(4)})
        .scale(Mul, F16, 32, number(2, 0))
        .scale(Add, F16, 32, number(2, 2)),
    NumberFormat("q5_0", 32, 22)
        .gguf(6)
        .affine(5, 16, {nibbles16(6), {1, 2 + i / 8, i % 8, 4}})
        .scale(Mul, F16, 32, number(2, 0)),
    NumberFormat("q5_1", 32, 24)
        .gguf(7)
        .affine(5, 0, {nibbles16(8), {1, 4 + i / 8, i % 8, 4}})
        .scale(Mul, F16, 32, number(2, 0))
        .scale(Add, F16, 32, number(2, 2)),
    NumberFormat("q8_0", 32, 34)
        .gguf(8)
        .signedInt(8, bytesFrom(2))
        .scale(Mul, F16, 32, number(2, 0)),

    NumberFormat("q2_k", 256, 84)
        .gguf(10)
        .affine(2, 0, {crumbs32(16)})
        .scale(Mul, F16, 256, number(2, 80))
        .scale(Mul, UInt, 16, {{4, i, 0}})
        .scale(Sub, F16, 256, number(2, 82))
        .scale(Sub, UInt, 16, {{4, i, 4}}),
    NumberFormat("q3_k", 256, 110)
        .gguf(11)
        .affine(3, 4, {crumbs32(32), bitPlanes32(0, 2)})
        .scale(Mul, F16, 256, number(2, 108))
        .scale(Mul, UInt, 16,
               {{4, 96 + i % 8, 4 * (i / 8)}, {2, 104 + i % 4, 2 * (i / 4), 4}},
               32),
    NumberFormat("q4_k", 256, 144)
        .gguf(12)
        .affine(4, 0, {nibbles32(16)})
        .scale(Mul, F16, 256, number(2, 0))
        .scale(Mul, UInt, 32, scale6(4))
        .scale(Sub, F16, 256, number(2, 2))
        .scale(Sub, UInt, 32, minimum6(4)),
    NumberFormat("q5_k", 256, 176)
        .gguf(13)
        .affine(5, 0, {nibbles32(48), bitPlanes32(16, 4)})
        .scale(Mul, F16, 256, number(2, 0))
        .scale(Mul, UInt, 32, scale6(4))
        .scale(Sub, F16, 256, number(2, 2))
        .scale(Sub, UInt, 32, minimum6(4)),
    NumberFormat("q6_k", 256, 210)
        .gguf(14)
        .affine(6, 32,
                {{4, 64 * (i / 128) + i % 64, 4 * ((i / 64) % 2)},
                 {2, 128 + 32 * (i / 128) + i % 32, 2 * ((i / 32) % 4), 4}})
        .scale(Mul, F16, 256, number(2, 208))
        .scale(Mul, SInt, 16, bytesFrom(192)),

    NumberFormat("iq4_nl", 32, 18)
        .gguf(20)
        .tabulated(4, kIq4Values, {nibbles16(2)})
        .scale(Mul, F16, 32, number(2, 0)),
    NumberFormat("iq4_xs", 256, 136)
        .gguf(23)
        .tabulated(4, kIq4Values,
                   {{4, 8 + 16 * (i / 32) + i % 16, 4 * ((i / 16) % 2)}})
        .scale(Mul, F16, 256, number(2, 0))
        .scale(Mul, UInt, 32,
               {{4, 4 + i / 2, 4 * (i % 2)}, {2, 2 + i / 4, 2 * (i % 4), 4}},
               32),

    NumberFormat("tq1_0", 256, 54)
        .gguf(34)
        .base3()
        .scale(Mul, F16, 256, number(2, 52)),
    NumberFormat("tq2_0", 256, 66)
        .gguf(35)
        .affine(2, 1, {crumbs32(0)})
        .scale(Mul, F16, 256, number(2, 64)),
    NumberFormat("q1_0", 128, 18)
        .gguf(41)
        .affine(1, 1, {{1, 2 + i / 8, i % 8}}, /*step=*/2)
        .scale(Mul, F16, 128, number(2, 0)),
    NumberFormat("q2_0", 64, 18)
        .gguf(42)
        .affine(2, 1, {{2, 2 + i / 4, 2 * (i % 4)}})
        .scale(Mul, F16, 64, number(2, 0)),

    NumberFormat("mxfp4", 32, 17)
        .gguf(39)
        .tabulated(4, kE2M1Doubled, {nibbles16(1)})
        .scale(Mul, StoredType::E8M0Half, 32, number(1, 0)),
    NumberFormat("nvfp4", 64, 36)
        .gguf(40)
        .tabulated(4, kE2M1Doubled,
                   {{4, 4 + 8 * (i / 16) + i % 8, 4 * ((i / 8) % 2)}})
        .scale(Mul, StoredType::UE4M3Half, 16, bytesFrom(0)),

    // Symmetric integers with a scale for 32 to 128 inputs, as GPTQ and AWQ
    // choose groups: the scale, then the codes in the order of the inputs.
    // Eight bits for 32 inputs are q8_0.
    NumberFormat("int4_g32", 32, 18)
        .affine(4, 8, {nibbles(2)})
        .scale(Mul, F16, 32, number(2, 0)),
    NumberFormat("int4_g64", 64, 34)
        .affine(4, 8, {nibbles(2)})
        .scale(Mul, F16, 64, number(2, 0)),
    NumberFormat("int4_g128", 128, 66)
        .affine(4, 8, {nibbles(2)})
        .scale(Mul, F16, 128, number(2, 0)),
    NumberFormat("int8_g128", 128, 130)
        .signedInt(8, bytesFrom(2))
        .scale(Mul, F16, 128, number(2, 0)),

    // The same where only two of four, or four of eight, inputs have a code:
    // the scale, a bit for each input, and the codes of those whose bit is 1.
    NumberFormat("int4_g32_2of4", 32, 14)
        .affine(4, 8, {nibbles(6)})
        .sparse(2, 4, bitsFrom(2))
        .scale(Mul, F16, 32, number(2, 0)),
    NumberFormat("int4_g32_4of8", 32, 14)
        .affine(4, 8, {nibbles(6)})
        .sparse(4, 8, bitsFrom(2))
        .scale(Mul, F16, 32, number(2, 0)),
    NumberFormat("int8_g32_2of4", 32, 22)
        .signedInt(8, bytesFrom(6))
        .sparse(2, 4, bitsFrom(2))
        .scale(Mul, F16, 32, number(2, 0)),
    NumberFormat("int8_g32_4of8", 32, 22)
        .signedInt(8, bytesFrom(6))
        .sparse(4, 8, bitsFrom(2))
        .scale(Mul, F16, 32, number(2, 0)),

    // Activations; see Activation.h.
    NumberFormat("a8_b32", 32, 36)
        .signedInt(8, bytesFrom(4))
        .scale(Mul, F32, 32, number(4, 0)),
};

ArrayRef<NumberFormat> winnow::allFormats() { return kFormats; }

const NumberFormat *winnow::lookupFormat(StringRef name) {
  for (const NumberFormat &format : kFormats)
    if (format.name == name)
      return &format;
  return nullptr;
}

const NumberFormat *winnow::formatOfGgufType(uint32_t type) {
  for (const NumberFormat &format : kFormats)
    if (format.ggufType == type)
      return &format;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Stored floats
//===----------------------------------------------------------------------===//

static float halfToFloat(uint32_t bits) {
  uint32_t sign = (bits & 0x8000) << 16, exponent = (bits >> 10) & 31,
           mantissa = bits & 0x3FF;
  if (exponent == 31) // infinity or NaN
    return bit_cast<float>(sign | 0x7F800000 | mantissa << 13);
  if (exponent != 0)
    return bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  float magnitude = float(mantissa) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

static float halfOfUnsignedE4M3(uint32_t bits) {
  uint32_t exponent = (bits >> 3) & 15, mantissa = bits & 7;
  if (bits == 0x7F)
    return 0;
  if (exponent == 0)
    return float(mantissa) * 0x1p-10f;
  return bit_cast<float>((exponent + 119) << 23 | mantissa << 20);
}

float winnow::storedToFloat(StoredType type, uint32_t bits) {
  switch (type) {
  case StoredType::F32:
    return bit_cast<float>(bits);
  case StoredType::F16:
    return halfToFloat(bits);
  case StoredType::BF16:
    return bit_cast<float>(bits << 16);
  case StoredType::E8M0Half:
    // 2^-128 and 2^-127 are subnormal; 255 is 2^127, not NaN.
    return bit_cast<float>(bits < 2 ? 0x00200000u << bits : (bits - 1) << 23);
  case StoredType::UE4M3Half:
    return halfOfUnsignedE4M3(bits);
  case StoredType::UnsignedInt:
  case StoredType::SignedInt:
    break;
  }
  llvm_unreachable("an integer is not a stored float");
}

/// Half to even; a NaN becomes quiet and keeps the upper bits of its payload.
static uint32_t floatToHalf(float value) {
  uint32_t bits = bit_cast<uint32_t>(value), sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000)
    return sign | 0x7E00 | (magnitude >> 13 & 0x3FF);
  if (magnitude >= 0x477FF000) // rounds to 2^16 or more
    return sign | 0x7C00;
  if (magnitude < 0x38800000) {
    // Below 2^-14: an f32 whose last bit is 2^-24 rounds for us.
    float rounded = bit_cast<float>(magnitude) + 0.5f;
    return sign | (bit_cast<uint32_t>(rounded) - 0x3F000000);
  }
  uint32_t rebased = magnitude - (112u << 23);
  return sign | ((rebased + 0xFFF + (rebased >> 13 & 1)) >> 13);
}

static uint32_t floatToBrain(float value) {
  uint32_t bits = bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000)
    return bits >> 16 | 0x40;
  return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}

uint32_t winnow::floatToStored(StoredType type, float value) {
  switch (type) {
  case StoredType::F32:
    return bit_cast<uint32_t>(value);
  case StoredType::F16:
    return floatToHalf(value);
  case StoredType::BF16:
    return floatToBrain(value);
  case StoredType::E8M0Half:
  case StoredType::UE4M3Half: {
    uint32_t last = type == StoredType::E8M0Half ? 0xFE : 0x7E, bits = 0;
    while (bits < last && storedToFloat(type, bits + 1) <= value)
      ++bits;
    return bits;
  }
  case StoredType::UnsignedInt:
  case StoredType::SignedInt:
    break;
  }
  llvm_unreachable("an integer is not a stored float");
}

//===----------------------------------------------------------------------===//
// What follows from a row
//===----------------------------------------------------------------------===//

int CodeMap::valueOf(unsigned code) const {
  switch (kind) {
  case Kind::AffineInt:
    return step * int(code) - zero;
  case Kind::SignedInt: {
    unsigned sign = 1u << (bits - 1);
    return int(code ^ sign) - int(sign);
  }
  case Kind::Table:
    return table[code];
  case Kind::Float:
    break;
  }
  llvm_unreachable("a float has no integer value");
}

unsigned NumberFormat::groupSize() const {
  unsigned size = blockElements;
  for (const ScaleLevel &level : scales)
    size = std::min(size, level.granularity);
  return size;
}

std::optional<unsigned> NumberFormat::codeOfZero() const {
  for (unsigned code = 0; code < 1u << codeMap.bits; ++code)
    if (codeMap.valueOf(code) == 0)
      return code;
  return std::nullopt;
}

bool NumberFormat::hasOffset() const {
  return any_of(scales, [](const ScaleLevel &level) {
    return level.role != ScaleRole::Mul;
  });
}

bool NumberFormat::hasIntegerSubScales() const {
  return any_of(scales, [](const ScaleLevel &level) {
    return level.isInteger() && level.role != ScaleRole::ZeroPoint;
  });
}

DotClass NumberFormat::dotClass() const {
  if (isFloat())
    return DotClass::Float;
  if (hasIntegerSubScales())
    return DotClass::IntegerSubScales;
  return codeMap.kind == CodeMap::Kind::Table ? DotClass::IntegerTable
                                              : DotClass::IntegerOffset;
}

Expected<uint64_t> NumberFormat::bytesPerRow(int64_t elements) const {
  return bytesOf(1, elements);
}

Expected<uint64_t> NumberFormat::bytesOf(int64_t rows, int64_t elements) const {
  auto fail = [&](const Twine &why) {
    return createStringError(name + ": " + Twine(rows) + " rows of " +
                             Twine(elements) + " elements " + why);
  };
  if (rows < 0 || elements < 0)
    return fail("have a negative count");
  if (elements % blockElements != 0)
    return fail("are no multiple of its block of " + Twine(blockElements));
  constexpr uint64_t limit = std::numeric_limits<int64_t>::max();
  uint64_t blocks = uint64_t(elements) / blockElements;
  if (blocks > limit / blockBytes ||
      (blocks != 0 && uint64_t(rows) > limit / (blocks * blockBytes)))
    return fail("need more than 2^63 bytes");
  return uint64_t(rows) * blocks * blockBytes;
}
