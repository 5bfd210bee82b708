//===- VerifyFormat.cpp - Is a number format well formed? -----------------===//

#include "winnow/Formats/NumberFormat.h"

#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;
using namespace winnow;

static Error fail(const NumberFormat &format, const Twine &what) {
  return createStringError("number format '" + format.name + "': " + what);
}

/// Marks the bits of `count` stored integers in `used`.
static Error claim(const NumberFormat &format, const Twine &what,
                   const BitParts &parts, unsigned count, unsigned bits,
                   BitVector &used) {
  uint64_t filled = 0;
  for (const BitPart &part : parts) {
    if (part.width == 0 || part.destination + part.width > bits)
      return fail(format, what + ": a part exceeds the " + Twine(bits) +
                              " bits of the integer");
    uint64_t mask = ((uint64_t(1) << part.width) - 1) << part.destination;
    if (filled & mask)
      return fail(format, what + ": parts overlap");
    filled |= mask;
  }
  if (filled != (uint64_t(1) << bits) - 1)
    return fail(format, what + ": parts do not fill " + Twine(bits) + " bits");
  for (unsigned i = 0; i < count; ++i) {
    for (const BitPart &part : parts) {
      unsigned shift = part.shift(i);
      uint64_t begin = uint64_t(8) * part.byte(i) + shift;
      if (shift >= 8 || begin + part.width > used.size())
        return fail(format, what + " " + Twine(i) + " lies outside the block");
      for (uint64_t bit = begin; bit < begin + part.width; ++bit) {
        if (used.test(bit))
          return fail(format, what + " " + Twine(i) + " shares bit " +
                                  Twine(bit) + " with another number");
        used.set(bit);
      }
    }
  }
  return Error::success();
}

static unsigned widthOf(const NumberFormat &format, const ScaleLevel &level) {
  switch (level.type) {
  case StoredType::F32:
    return 32;
  case StoredType::F16:
  case StoredType::BF16:
    return 16;
  case StoredType::E8M0Half:
  case StoredType::UE4M3Half:
    return 8;
  case StoredType::UnsignedInt:
  case StoredType::SignedInt:
    break;
  }
  unsigned width = 0;
  for (const BitPart &part : level.parts)
    width = std::max(width, part.destination + part.width);
  return width;
}

static Error verifyCodeMap(const NumberFormat &format) {
  const CodeMap &map = format.codeMap;
  if (map.bits < 1 || map.bits > 8)
    return fail(format, "codes of " + Twine(map.bits) + " bits");
  if (map.kind == CodeMap::Kind::Table && map.table.size() != 1u << map.bits)
    return fail(format, "the table has " + Twine(map.table.size()) +
                            " entries, expected " + Twine(1u << map.bits));
  for (unsigned code = 0; code < 1u << map.bits; ++code)
    if (map.valueOf(code) < -128 || map.valueOf(code) > 127)
      return fail(format, "code " + Twine(code) + " is " +
                              Twine(map.valueOf(code)) +
                              ", more than 8 signed bits");
  return Error::success();
}

/// Claims the mask, if there is one.
static Error verifyPattern(const NumberFormat &format, BitVector &used) {
  const SparsePattern &pattern = format.pattern;
  if (!format.isSparse())
    return Error::success();
  if (pattern.kept == 0 || pattern.kept > pattern.of ||
      format.blockElements % pattern.of != 0)
    return fail(format, Twine(pattern.kept) + " of " + Twine(pattern.of) +
                            " elements of a block of " +
                            Twine(format.blockElements));
  if (format.packing != Packing::Bits || format.hasOffset() ||
      !format.codeOfZero())
    return fail(format, "elements without codes are 0, so it needs a code of "
                        "value 0, and neither offsets nor other packings");
  return claim(format, "mask", pattern.mask, format.blockElements, 1, used);
}

Error winnow::verifyFormat(const NumberFormat &format) {
  if (format.blockElements == 0 || format.blockElements > kMaxBlockElements ||
      format.blockBytes == 0 || format.blockBytes > 4 * kMaxBlockElements)
    return fail(format, "a block of " + Twine(format.blockElements) +
                            " elements in " + Twine(format.blockBytes) +
                            " bytes");
  BitVector used(8 * format.blockBytes);
  if (format.isFloat()) {
    if (format.blockElements != 1 || !format.scales.empty() ||
        format.isSparse())
      return fail(format, "floats have blocks of one element, and neither "
                          "scales nor masks");
    return claim(format, "element", format.code, 1, format.codeMap.bits, used);
  }

  if (Error error = verifyCodeMap(format))
    return error;
  if (Error error = verifyPattern(format, used))
    return error;
  if (format.packing == Packing::Base3) {
    if (format.blockElements != 256 || format.blockBytes < 52)
      return fail(format, "base-3 packing is for 256 elements in 52 bytes");
    used.set(0, 8 * 52);
  } else if (Error error =
                 claim(format, "code", format.code, format.storedElements(),
                       format.codeMap.bits, used)) {
    return error;
  }

  bool hasRole[4] = {};
  for (const ScaleLevel &level : format.scales) {
    if (hasRole[unsigned(ScaleRole::ZeroPoint)])
      return fail(format, "a zero point multiplies a, so it comes last");
    if (level.granularity == 0 ||
        format.blockElements % level.granularity != 0 ||
        level.granularity % format.groupSize() != 0)
      return fail(format, "a scale for each " + Twine(level.granularity) +
                              " elements of a block of " +
                              Twine(format.blockElements));
    unsigned width = widthOf(format, level);
    if (level.isInteger() && (width > 8 || level.zero < 0 || level.zero > 255))
      return fail(format, "integer scales have at most 8 bits");
    if (Error error =
            claim(format, "scale", level.parts,
                  format.blockElements / level.granularity, width, used))
      return error;
    hasRole[unsigned(level.role)] = true;
  }
  if (hasRole[unsigned(ScaleRole::Add)] + hasRole[unsigned(ScaleRole::Sub)] +
          hasRole[unsigned(ScaleRole::ZeroPoint)] >
      1)
    return fail(format, "more than one rule for the offset");
  if (format.groupsPerBlock() > kMaxBlockGroups)
    return fail(format, "more than " + Twine(kMaxBlockGroups) + " groups");
  return Error::success();
}
