//===- NumberFormatTest.cpp - The table and what follows from it ----------===//

#include "winnow/Formats/NumberFormat.h"
#include "../Errors.h"

#include "llvm/ADT/StringSet.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace llvm;
using namespace winnow;

namespace {
constexpr IndexFunction i = IndexFunction::index();
// NOLINTBEGIN(readability-identifier-naming): as the enums name them.
constexpr auto Mul = ScaleRole::Mul;
constexpr auto F16 = StoredType::F16;
// NOLINTEND(readability-identifier-naming)
} // namespace

TEST(NumberFormat, RowsAreWellFormedAndUseEveryBit) {
  StringSet<> names;
  for (const NumberFormat &format : allFormats()) {
    EXPECT_EQ(messageOf(verifyFormat(format)), "");
    EXPECT_TRUE(names.insert(format.name).second) << format.name.str();
    EXPECT_EQ(lookupFormat(format.name), &format);
    if (format.ggufType)
      EXPECT_EQ(formatOfGgufType(*format.ggufType), &format);
    if (format.packing == Packing::Base3)
      continue;
    // No bit is used twice, so a full count means that all are used.
    unsigned bits = format.storedElements() * format.codeMap.bits;
    if (format.isSparse())
      bits += format.blockElements;
    for (const ScaleLevel &level : format.scales)
      for (const BitPart &part : level.parts)
        bits += part.width * (format.blockElements / level.granularity);
    EXPECT_EQ(bits, 8 * format.blockBytes) << format.name.str();
  }
  EXPECT_EQ(lookupFormat("q4_K"), nullptr);
  EXPECT_EQ(formatOfGgufType(9), nullptr);
  EXPECT_EQ(formatOfGgufType(31), nullptr);
}

TEST(NumberFormat, DotClasses) {
  auto classOf = [](StringRef name) { return lookupFormat(name)->dotClass(); };
  for (const char *name : {"f32", "f16", "bf16"})
    EXPECT_EQ(classOf(name), DotClass::Float) << name;
  for (const char *name : {"q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "tq1_0",
                           "tq2_0", "q1_0", "q2_0", "int4_g64", "int8_g128",
                           "int4_g32_2of4", "int8_g32_4of8", "a8_b32"})
    EXPECT_EQ(classOf(name), DotClass::IntegerOffset) << name;
  for (const char *name : {"iq4_nl", "mxfp4", "nvfp4"})
    EXPECT_EQ(classOf(name), DotClass::IntegerTable) << name;
  for (const char *name : {"q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_xs"})
    EXPECT_EQ(classOf(name), DotClass::IntegerSubScales) << name;
}

TEST(NumberFormat, SizesOfRows) {
  const NumberFormat &format = *lookupFormat("q6_k");
  EXPECT_DOUBLE_EQ(format.bitsPerWeight(), 6.5625);
  EXPECT_EQ(format.groupSize(), 16u);
  EXPECT_EQ(cantFail(format.bytesPerRow(512)), 420u);
  EXPECT_EQ(cantFail(format.bytesPerRow(0)), 0u);
  EXPECT_EQ(cantFail(format.bytesOf(3, 256)), 630u);
  EXPECT_EQ(messageOf(format.bytesPerRow(640)),
            "q6_k: 1 rows of 640 elements are no multiple of its block of 256");
  EXPECT_NE(messageOf(format.bytesPerRow(-256)), "");
  EXPECT_NE(messageOf(format.bytesOf(-1, 256)), "");
  EXPECT_NE(messageOf(format.bytesOf(int64_t(1) << 40, int64_t(1) << 40)), "");
  EXPECT_NE(messageOf(lookupFormat("f32")->bytesPerRow(int64_t(1) << 61)), "");
}

TEST(NumberFormat, StoredFloatsAreExact) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    int exponent = bits >> 10 & 31, mantissa = bits & 0x3FF;
    if (exponent == 31)
      continue;
    double magnitude = exponent ? std::ldexp(1024 + mantissa, exponent - 25)
                                : std::ldexp(mantissa, -24);
    double value = bits & 0x8000 ? -magnitude : magnitude;
    float decoded = storedToFloat(F16, bits);
    ASSERT_EQ(decoded, value) << bits;
    ASSERT_EQ(std::signbit(decoded), (bits & 0x8000) != 0) << bits;
  }
  EXPECT_EQ(storedToFloat(F16, 0xFC00), -INFINITY);
  EXPECT_TRUE(std::isnan(storedToFloat(F16, 0x7C01)));
  for (uint32_t bits = 0; bits < 256; ++bits)
    EXPECT_EQ(storedToFloat(StoredType::E8M0Half, bits),
              std::ldexp(1.0, int(bits) - 128));
}

TEST(NumberFormat, IndexFunctions) {
  constexpr IndexFunction nested = (i % 128) / 32;
  constexpr IndexFunction sum = 64 * (i / 128) + i % 64 + 5;
  constexpr IndexFunction stream = 3 * i % 8;
  for (unsigned k = 0; k < 256; ++k) {
    EXPECT_EQ(nested(k), k % 128 / 32);
    EXPECT_EQ(sum(k), 64 * (k / 128) + k % 64 + 5);
    EXPECT_EQ(stream(k), 3 * k % 8);
  }
}

TEST(NumberFormat, VerifierNamesWhatIsWrong) {
  constexpr NumberFormat base("bad", 16, 10);
  constexpr BitPart nibbles = {4, i / 2, 4 * (i % 2)};
  auto expectFailure = [](const NumberFormat &format, const char *what) {
    EXPECT_EQ(messageOf(verifyFormat(format)),
              "number format 'bad': " + std::string(what));
  };
  EXPECT_EQ(
      messageOf(verifyFormat(
          base.affine(4, 8, {nibbles}).scale(Mul, F16, 16, {{16, 8, 0}}))),
      "");
  expectFailure(NumberFormat("bad", 0, 10),
                "a block of 0 elements in 10 bytes");
  expectFailure(base.affine(9, 0, {nibbles}), "codes of 9 bits");
  expectFailure(base.affine(4, 200, {nibbles}),
                "code 0 is -200, more than 8 signed bits");
  expectFailure(base.tabulated(4, {}, {nibbles}),
                "the table has 0 entries, expected 16");
  expectFailure(base.affine(5, 0, {nibbles}), "code: parts do not fill 5 bits");
  expectFailure(base.affine(4, 0, {{4, i, 0}}),
                "code 10 lies outside the block");
  expectFailure(base.affine(4, 0, {nibbles, nibbles}), "code: parts overlap");
  expectFailure(base.affine(4, 0, {nibbles}).scale(Mul, F16, 16, {{16, 7, 0}}),
                "scale 0 shares bit 56 with another number");
  expectFailure(base.affine(4, 0, {nibbles}).scale(Mul, F16, 5, {{16, 8, 0}}),
                "a scale for each 5 elements of a block of 16");
  expectFailure(base.affine(4, 0, {nibbles})
                    .scale(Mul, StoredType::UnsignedInt, 16, {{16, 8, 0}}),
                "integer scales have at most 8 bits");
  expectFailure(base.affine(4, 0, {{5, i / 2, 0}}),
                "code: a part exceeds the 4 bits of the integer");
  expectFailure(NumberFormat("bad", 2, 4).floats(StoredType::F32),
                "floats have blocks of one element, and neither scales nor "
                "masks");
  expectFailure(base.base3(), "base-3 packing is for 256 elements in 52 bytes");
  constexpr NumberFormat two =
      NumberFormat("bad", 16, 12).affine(4, 0, {nibbles});
  expectFailure(two.scale(ScaleRole::ZeroPoint, F16, 16, {{16, 8, 0}})
                    .scale(Mul, F16, 16, {{16, 10, 0}}),
                "a zero point multiplies a, so it comes last");
  expectFailure(two.scale(ScaleRole::Add, F16, 16, {{16, 8, 0}})
                    .scale(ScaleRole::Sub, F16, 16, {{16, 10, 0}}),
                "more than one rule for the offset");
  expectFailure(NumberFormat("bad", 32, 48)
                    .affine(4, 0, {nibbles})
                    .scale(Mul, StoredType::E8M0Half, 1, {{8, i + 16, 0}}),
                "more than 16 groups");
}
