//===- Decode.cpp - Block formats to numbers ------------------------------===//

#include "winnow/Formats/Decode.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"

#include <cstring>

using namespace llvm;
using namespace winnow;

/// The ternary digit i of TQ1_0, 0 to 2. A byte holds the fraction
/// 0.d0 d1 d2 d3 d4 in base 3, scaled to 256 and rounded up: multiplying by
/// 3^n modulo 256 shifts the first n digits out, and the carry of a further
/// multiplication by 3 is the digit. The digits of 32 bytes make 160 elements,
/// those of the next 16 make 80, and four digits each of the last 4 make 16.
static uint8_t readBase3(const uint8_t *block, unsigned i) {
  static const uint8_t power[5] = {1, 3, 9, 27, 81};
  uint8_t byte;
  unsigned digit;
  if (i < 160) {
    byte = block[i % 32];
    digit = i / 32;
  } else if (i < 240) {
    byte = block[32 + i % 16];
    digit = (i - 160) / 16;
  } else {
    byte = block[48 + i % 4];
    digit = (i - 240) / 4;
  }
  uint8_t shifted = uint8_t(byte * power[digit]);
  return (shifted * 3) >> 8;
}

BlockDecoder::BlockDecoder(const NumberFormat &format)
    : format(format), groupSize(format.groupSize()) {
  if (format.isFloat())
    return;
  for (unsigned code = 0; code < 1u << format.codeMap.bits; ++code)
    valueOf[code] = int8_t(format.codeMap.valueOf(code));
  for (const BitPart &part : format.code)
    for (unsigned i = 0; i < format.storedElements(); ++i)
      slots.push_back({uint16_t(part.byte(i)), uint8_t(part.shift(i))});
  consecutiveBytes = format.code.size() == 1 && format.code[0].width == 8;
  for (unsigned i = 0; consecutiveBytes && i < format.storedElements(); ++i)
    consecutiveBytes =
        slots[i].shift == 0 && slots[i].byte == slots[0].byte + i;
  if (format.isSparse())
    zeroCode = uint8_t(*format.codeOfZero());
}

void BlockDecoder::readCodes(const uint8_t *block, uint8_t *codes) const {
  unsigned count = format.storedElements();
  if (format.packing == Packing::Base3) {
    for (unsigned i = 0; i < count; ++i)
      codes[i] = readBase3(block, i);
    return;
  }
  if (consecutiveBytes) {
    std::memcpy(codes, block + slots[0].byte, count);
    return;
  }
  std::memset(codes, 0, count);
  const Slot *slot = slots.data();
  for (const BitPart &part : format.code) {
    unsigned mask = (1u << part.width) - 1, destination = part.destination;
    for (unsigned i = 0; i < count; ++i, ++slot) {
      unsigned bits = block[slot->byte] >> slot->shift;
      // A code of up to 8 bits may straddle two bytes.
      if (slot->shift + part.width > 8)
        bits |= unsigned(block[slot->byte + 1]) << (8 - slot->shift);
      codes[i] |= uint8_t((bits & mask) << destination);
    }
  }
}

// In place: codes move up, so the last ones go first. A mask is data: where it
// has too many bits the rest have no code.
void BlockDecoder::spreadCodes(const uint8_t *block, uint8_t *codes) const {
  const SparsePattern &pattern = format.pattern;
  for (unsigned group = format.blockElements / pattern.of; group-- > 0;) {
    uint8_t stored[kMaxBlockElements];
    std::memcpy(stored, codes + group * pattern.kept, pattern.kept);
    unsigned next = 0;
    for (unsigned k = 0; k < pattern.of; ++k) {
      unsigned element = group * pattern.of + k;
      bool has = readBits(pattern.mask, block, element) && next < pattern.kept;
      codes[element] = has ? stored[next++] : zeroCode;
    }
  }
}

/// The stored integer of an integer level, its zero point subtracted.
static int readInteger(const ScaleLevel &level, const uint8_t *block,
                       unsigned index) {
  int value = int(readBits(level.parts, block, index));
  if (level.type == StoredType::SignedInt) {
    unsigned bits = 0;
    for (const BitPart &part : level.parts)
      bits = std::max(bits, part.destination + part.width);
    value = int(SignExtend32(uint32_t(value), bits));
  }
  return value - level.zero;
}

void BlockDecoder::readScales(const uint8_t *block, CanonicalBlock &out) const {
  unsigned groups = format.groupsPerBlock();
  out.outerScale = 1;
  out.outerOffset = 0;
  for (unsigned g = 0; g < groups; ++g) {
    out.a[g] = 1;
    out.b[g] = 0;
    out.subScales[g] = 1;
    out.subOffsets[g] = format.hasOffset() ? 1 : 0;
  }

  // The first factor of a product replaces the 1 that stands for an empty
  // one; 1 * x is x, so only the offset needs to know which is first.
  bool firstOffset = true;
  for (const ScaleLevel &level : format.scales) {
    bool toOffset =
        level.role == ScaleRole::Add || level.role == ScaleRole::Sub;
    // The sign goes with the first factor: negation is exact.
    bool negate = level.role == ScaleRole::Sub && firstOffset;
    unsigned span = level.granularity / groupSize;
    for (unsigned g = 0; g < groups; g += span) {
      unsigned index = g / span;
      int integer = 0;
      float number;
      if (level.isInteger()) {
        integer = readInteger(level, block, index);
        number = float(integer);
      } else {
        number = storedToFloat(level.type, readBits(level.parts, block, index));
      }
      for (unsigned h = g; h < g + span; ++h) {
        if (level.role == ScaleRole::Mul) {
          out.a[h] *= number;
          if (level.isInteger())
            out.subScales[h] = int16_t(integer);
          else
            out.outerScale = out.a[h];
        } else if (toOffset) {
          out.b[h] =
              firstOffset ? (negate ? -number : number) : out.b[h] * number;
          if (level.isInteger())
            out.subOffsets[h] = int16_t(integer);
          else
            out.outerOffset =
                level.role == ScaleRole::Sub ? -out.b[h] : out.b[h];
        } else {
          out.b[h] = -(out.a[h] * number);
        }
      }
    }
    firstOffset &= !toOffset;
  }
}

void BlockDecoder::decodeCanonical(const uint8_t *block,
                                   CanonicalBlock &out) const {
  readCodes(block, out.codes);
  if (format.isSparse())
    spreadCodes(block, out.codes);
  for (unsigned i = 0; i < format.blockElements; ++i)
    out.values[i] = valueOf[out.codes[i]];
  readScales(block, out);
}

void BlockDecoder::decode(const uint8_t *block, float *out) const {
  if (format.isFloat()) {
    *out = storedToFloat(format.codeMap.floatType,
                         readBits(format.code, block, 0));
    return;
  }
  CanonicalBlock canonical;
  decodeCanonical(block, canonical);
  bool hasOffset = format.hasOffset();
  const int8_t *value = canonical.values;
  for (unsigned g = 0; g < format.groupsPerBlock(); ++g) {
    float a = canonical.a[g], b = canonical.b[g];
    // An absent offset is not 0: adding 0 would turn -0 into 0.
    if (hasOffset)
      for (unsigned k = 0; k < groupSize; ++k)
        *out++ = a * float(*value++) + b;
    else
      for (unsigned k = 0; k < groupSize; ++k)
        *out++ = a * float(*value++);
  }
}

Error winnow::decode(const NumberFormat &format, ArrayRef<uint8_t> bytes,
                     MutableArrayRef<float> out) {
  Expected<uint64_t> expected = format.bytesPerRow(int64_t(out.size()));
  if (!expected)
    return expected.takeError();
  if (*expected != bytes.size())
    return createStringError(format.name + ": " + Twine(out.size()) +
                             " elements are " + Twine(*expected) +
                             " bytes, found " + Twine(bytes.size()));
  BlockDecoder decoder(format);
  const uint8_t *block = bytes.data();
  for (size_t k = 0; k < out.size();
       k += format.blockElements, block += format.blockBytes)
    decoder.decode(block, out.data() + k);
  return Error::success();
}
