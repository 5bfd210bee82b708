//===- EncodeTest.cpp - Encoded numbers against what they were ------------===//

#include "winnow/Formats/Encode.h"
#include "../Errors.h"
#include "../RandomNumbers.h"
#include "winnow/Formats/Activation.h"
#include "winnow/Formats/Decode.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace llvm;
using namespace winnow;

namespace {

std::vector<float> roundTrip(const NumberFormat &format, ArrayRef<float> x) {
  std::vector<uint8_t> bytes(cantFail(format.bytesPerRow(int64_t(x.size()))));
  EXPECT_EQ(messageOf(encode(format, x, bytes)), "") << format.name.str();
  std::vector<float> decoded(x.size());
  EXPECT_EQ(messageOf(decode(format, bytes, decoded)), "");
  return decoded;
}

std::string refusal(StringRef name, ArrayRef<float> x) {
  const NumberFormat &format = *lookupFormat(name);
  std::vector<uint8_t> bytes(cantFail(format.bytesPerRow(int64_t(x.size()))));
  return messageOf(encode(format, x, bytes));
}

std::vector<float> normalNumbers(size_t count, float deviation) {
  return test::normalNumbers(count, 7, 0, deviation);
}

/// Root mean square of x - y over that of x.
double relativeError(ArrayRef<float> x, ArrayRef<float> y) {
  double error = 0, size = 0;
  for (auto [p, q] : zip_equal(x, y)) {
    error += (double(p) - q) * (double(p) - q);
    size += double(p) * p;
  }
  return std::sqrt(error / size);
}

/// But for sparse ones, whose elements are mostly off: SparseFormatTest.cpp.
std::vector<const NumberFormat *> codedFormats() {
  std::vector<const NumberFormat *> formats;
  for (StringRef name : encodableFormats())
    if (!lookupFormat(name)->isFloat() && !lookupFormat(name)->isSparse())
      formats.push_back(lookupFormat(name));
  return formats;
}

} // namespace

TEST(Encode, StoredFloatsRoundHalfToEven) {
  std::mt19937 random(3);
  for (unsigned i = 0; i < 400000; ++i) {
    // Bits of all kinds, and neighbours of what f16 and bf16 hold.
    uint32_t bits = random();
    if (i % 2)
      bits = (bits & 0xFFFFE000) + (i % 6 == 1 ? 0x1000 : i % 6) - 1;
    float value = bit_cast<float>(bits);
    if (std::isnan(value))
      continue;
    auto expected = [&](const fltSemantics &semantics) {
      APFloat number(value);
      bool losesInfo;
      number.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
      return number.bitcastToAPInt().getZExtValue();
    };
    ASSERT_EQ(floatToStored(StoredType::F16, value),
              expected(APFloat::IEEEhalf()))
        << value;
    ASSERT_EQ(floatToStored(StoredType::BF16, value),
              expected(APFloat::BFloat()))
        << value;
  }
  for (StoredType type : {StoredType::F16, StoredType::BF16})
    for (uint32_t bits : {0x7F800001u, 0xFFFFFFFFu, 0x7FC00000u}) {
      float stored =
          storedToFloat(type, floatToStored(type, bit_cast<float>(bits)));
      EXPECT_TRUE(std::isnan(stored)) << bits;
      EXPECT_EQ(std::signbit(stored), bits >> 31 == 1) << bits;
    }
}

TEST(Encode, WrittenBitsAreRead) {
  for (const NumberFormat &format : allFormats()) {
    if (format.packing != Packing::Bits)
      continue;
    // All bits but those written stay as they are.
    std::vector<uint8_t> block(format.blockBytes, 0xFF);
    uint32_t ones = (uint64_t(1) << format.codeMap.bits) - 1;
    for (unsigned i = 0; i < format.storedElements(); ++i) {
      writeBits(format.code, block.data(), i, ones & (37 * i + 5));
      ASSERT_EQ(readBits(format.code, block.data(), i), ones & (37 * i + 5));
      if (i)
        ASSERT_EQ(readBits(format.code, block.data(), i - 1),
                  ones & (37 * (i - 1) + 5));
    }
    for (const ScaleLevel &level : format.scales)
      ASSERT_EQ(readBits(level.parts, block.data(), 0),
                readBits(level.parts,
                         std::vector<uint8_t>(format.blockBytes, 0xFF).data(),
                         0));
  }
}

TEST(Encode, ErrorsAreThoseOfTheCodes) {
  // Of a good scalar quantizer of so many levels for normal numbers, about
  // 1.3 / levels, and the worst that the formats' scales add.
  std::vector<float> x = normalNumbers(64 * 256, 0.02f);
  for (const NumberFormat *format : codedFormats()) {
    double error = relativeError(x, roundTrip(*format, x));
    double levels = std::ldexp(1.0, int(format->codeMap.bits));
    EXPECT_LT(error, 2.2 / levels) << format->name.str();
    EXPECT_GT(error, 0.4 / levels) << format->name.str();
  }
  EXPECT_EQ(roundTrip(*lookupFormat("f32"), x), x);
  EXPECT_LT(relativeError(x, roundTrip(*lookupFormat("f16"), x)), 3e-4);
  EXPECT_LT(relativeError(x, roundTrip(*lookupFormat("bf16"), x)), 3e-3);
}

TEST(Encode, NoWorseThanTheScaleThatJustHoldsAll) {
  // The plain rule for symmetric formats: scale = largest / last code.
  std::vector<float> x = normalNumbers(64 * 256, 1);
  for (auto [name, last] : {std::pair("q8_0", 127), std::pair("q4_0", 7)}) {
    std::vector<float> plain(x);
    for (size_t first = 0; first < x.size(); first += 32) {
      float largest = 0;
      for (size_t k = first; k < first + 32; ++k)
        largest = std::max(largest, std::fabs(x[k]));
      float scale = storedToFloat(
          StoredType::F16, floatToStored(StoredType::F16, largest / last));
      for (size_t k = first; k < first + 32; ++k)
        plain[k] = scale * std::nearbyint(x[k] / scale);
    }
    EXPECT_LT(relativeError(x, roundTrip(*lookupFormat(name), x)),
              relativeError(x, plain))
        << name;
  }
}

TEST(Encode, PowersOfTwoChangeScalesAlone) {
  std::vector<float> x = normalNumbers(4 * 256, 1), scaled(x);
  for (float &number : scaled)
    number *= 8;
  for (const NumberFormat *format : codedFormats()) {
    std::vector<float> decoded = roundTrip(*format, x);
    for (float &number : decoded)
      number *= 8;
    EXPECT_EQ(roundTrip(*format, scaled), decoded) << format->name.str();
  }
}

TEST(Encode, ZerosAndConstants) {
  for (const NumberFormat *format : codedFormats()) {
    SCOPED_TRACE(format->name.str());
    std::vector<float> zeros(256, 0.0f), tiny(256, 0x1p-140f);
    for (float decoded : roundTrip(*format, zeros))
      ASSERT_EQ(decoded, 0);
    // Below every scale; E8M0 reaches furthest down.
    for (float decoded : roundTrip(*format, tiny))
      ASSERT_LE(std::fabs(decoded), 0x1p-120f);
    for (float constant : {0.75f, -0.75f, 1.0f, -3.5f}) {
      std::vector<float> same(256, constant);
      for (float decoded : roundTrip(*format, same))
        ASSERT_NEAR(decoded, constant, 0.15 * std::fabs(constant));
    }
    // One number among zeros, which Q1_0 does not have.
    if (format->codeMap.bits == 1)
      continue;
    zeros[77] = -5;
    EXPECT_NEAR(roundTrip(*format, zeros)[77], -5, 1);
  }
}

TEST(Encode, RefusesWhatCannotBeStored) {
  std::vector<float> x(256, 1.0f);
  x[200] = NAN;
  for (const NumberFormat *format : codedFormats())
    EXPECT_NE(refusal(format->name, x), "") << format->name.str();
  EXPECT_EQ(refusal("q4_k", x), "element 0 and on: nan has no code in q4_k");
  x[200] = -INFINITY;
  EXPECT_EQ(refusal("q8_0", x), "element 192 and on: -INF has no code in q8_0");
  x[200] = 1e9f;
  EXPECT_EQ(refusal("q4_0", x),
            "element 192 and on: numbers up to 1.000000E+09 need a larger "
            "scale than q4_0 can store");
  EXPECT_NE(refusal("q5_1", x), "");
  EXPECT_NE(refusal("q6_k", x), "");
  EXPECT_NE(refusal("nvfp4", x), "");
  // The scales of MXFP4 reach as far as f32.
  x[200] = 1e38f;
  EXPECT_NEAR(roundTrip(*lookupFormat("mxfp4"), x)[200] / 1e38f, 1, 0.2);
  EXPECT_EQ(refusal("f16", x),
            "element 200 and on: 1.000000E+38 is too large for f16");
  EXPECT_EQ(refusal("bf16", x), "");
  EXPECT_EQ(refusal("tq1_0", x), "nothing can be encoded in 'tq1_0'");
  EXPECT_EQ(refusal("a8_b32", x), "nothing can be encoded in 'a8_b32'");
  // Floats have codes for what is not finite.
  x[200] = INFINITY;
  EXPECT_EQ(roundTrip(*lookupFormat("f16"), x)[200], INFINITY);
  std::vector<uint8_t> bytes(17);
  EXPECT_EQ(messageOf(encode(*lookupFormat("q4_0"), ArrayRef(x).take_front(32),
                             bytes)),
            "q4_0: 32 elements are 18 bytes, found 17");
}
