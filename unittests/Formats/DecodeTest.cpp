//===- DecodeTest.cpp - Decoded blocks against recorded decodes -----------===//

#include "winnow/Formats/Decode.h"
#include "../Errors.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace llvm;
using namespace winnow;

namespace {

/// A file of scripts/make_format_goldens.py.
struct Golden {
  std::vector<uint8_t> bytes;
  std::vector<float> numbers;
};

Golden readGolden(const NumberFormat &format) {
  Golden golden;
  auto file =
      MemoryBuffer::getFile(WINNOW_GOLDEN_DIR "/" + format.name + ".golden");
  if (!file) {
    ADD_FAILURE() << "no golden file for " << format.name.str();
    return golden;
  }
  StringRef data = (*file)->getBuffer();
  size_t blocks = support::endian::read32le(data.data());
  size_t size = blocks * format.blockBytes;
  size_t count = blocks * format.blockElements;
  EXPECT_EQ(data.size(), 4 + size + 4 * count) << format.name.str();
  if (data.size() != 4 + size + 4 * count)
    return golden;
  golden.bytes.assign(data.bytes_begin() + 4, data.bytes_begin() + 4 + size);
  for (size_t k = 0; k < count; ++k)
    golden.numbers.push_back(bit_cast<float>(
        support::endian::read32le(data.data() + 4 + size + 4 * k)));
  return golden;
}

bool sameBits(float left, float right) {
  if (std::isnan(left) || std::isnan(right))
    return std::isnan(left) && std::isnan(right);
  return bit_cast<uint32_t>(left) == bit_cast<uint32_t>(right);
}

} // namespace

TEST(Decode, MatchesRecordedDecodesBitForBit) {
  unsigned compared = 0;
  for (const NumberFormat &format : allFormats()) {
    if (!format.ggufType)
      continue;
    SCOPED_TRACE(format.name.str());
    Golden golden = readGolden(format);
    std::vector<float> decoded(golden.numbers.size());
    ASSERT_EQ(messageOf(decode(format, golden.bytes, decoded)), "");
    for (size_t k = 0; k < decoded.size(); ++k)
      ASSERT_TRUE(sameBits(decoded[k], golden.numbers[k]))
          << "element " << k << ": " << decoded[k] << ", recorded "
          << golden.numbers[k];
    ++compared;
  }
  EXPECT_EQ(compared, 21u);
}

TEST(Decode, CanonicalFormGivesTheSameNumbers) {
  for (const NumberFormat &format : allFormats()) {
    if (!format.ggufType || format.isFloat())
      continue;
    SCOPED_TRACE(format.name.str());
    Golden golden = readGolden(format);
    BlockDecoder decoder(format);
    CanonicalBlock canonical;
    size_t blocks = golden.bytes.size() / format.blockBytes;
    for (size_t block = 0; block < blocks; ++block) {
      decoder.decodeCanonical(&golden.bytes[block * format.blockBytes],
                              canonical);
      for (unsigned k = 0; k < format.blockElements; ++k) {
        unsigned g = k / format.groupSize();
        EXPECT_EQ(canonical.values[k],
                  format.codeMap.valueOf(canonical.codes[k]));
        // Stored in a volatile so that no compiler fuses the two operations.
        volatile float product = canonical.a[g] * float(canonical.values[k]);
        float number = format.hasOffset() ? product + canonical.b[g] : product;
        ASSERT_TRUE(
            sameBits(number, golden.numbers[block * format.blockElements + k]));
        if (format.hasIntegerSubScales()) {
          ASSERT_TRUE(
              sameBits(canonical.a[g],
                       canonical.outerScale * float(canonical.subScales[g])));
          if (format.hasOffset())
            ASSERT_TRUE(sameBits(
                canonical.b[g],
                -(canonical.outerOffset * float(canonical.subOffsets[g]))));
        }
      }
    }
  }
}

TEST(Decode, RefusesPartsOfBlocks) {
  const NumberFormat &format = *lookupFormat("q4_0");
  std::vector<uint8_t> bytes(36);
  std::vector<float> numbers(64);
  EXPECT_EQ(messageOf(decode(format, bytes, numbers)), "");
  EXPECT_EQ(messageOf(decode(format, ArrayRef(bytes).drop_back(), numbers)),
            "q4_0: 64 elements are 36 bytes, "
            "found 35");
  EXPECT_EQ(
      messageOf(decode(format, bytes, MutableArrayRef(numbers).drop_back())),
      "q4_0: 1 rows of 63 elements are no multiple of its "
      "block of 32");
}

// A format that is not in the table: 3-bit codes as one bit stream, so that
// some straddle bytes, with a zero point for each 8 elements.
TEST(Decode, ADeclaredFormatNeedsNoCode) {
  constexpr IndexFunction i = IndexFunction::index();
  constexpr NumberFormat format =
      NumberFormat("int3_zp8", 16, 11)
          .affine(3, 0, {{3, 4 + 3 * i / 8, 3 * i % 8}})
          .scale(ScaleRole::Mul, StoredType::F32, 16, {{32, 0, 0}})
          .scale(ScaleRole::ZeroPoint, StoredType::UnsignedInt, 8,
                 {{3, 10, 4 * i}});
  ASSERT_EQ(messageOf(verifyFormat(format)), "");
  EXPECT_EQ(format.dotClass(), DotClass::IntegerOffset);
  EXPECT_EQ(format.groupSize(), 8u);

  std::vector<uint8_t> block(11);
  support::endian::write32le(block.data(), bit_cast<uint32_t>(-0.75f));
  uint64_t stream = 0;
  for (unsigned k = 0; k < 16; ++k)
    stream |= uint64_t(k * 5 % 8) << (3 * k);
  for (unsigned k = 0; k < 6; ++k)
    block[4 + k] = uint8_t(stream >> (8 * k));
  block[10] = 3 | 6 << 4;

  float numbers[16];
  ASSERT_EQ(messageOf(decode(format, block, numbers)), "");
  for (unsigned k = 0; k < 16; ++k)
    EXPECT_EQ(numbers[k], -0.75f * (int(k * 5 % 8) - (k < 8 ? 3 : 6))) << k;
}
