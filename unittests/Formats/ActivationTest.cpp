//===- ActivationTest.cpp - Rounded activations ---------------------------===//

#include "winnow/Formats/Activation.h"
#include "../Errors.h"
#include "winnow/Formats/Decode.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace llvm;
using namespace winnow;

TEST(Activation, RoundsToNearestEven) {
  std::vector<float> values(32, 0.0f);
  values[0] = -127.0f; // scale 1, so that halves are exact
  values[1] = 0.5f;
  values[2] = 1.5f;
  values[3] = -2.5f;
  values[4] = 126.5f;
  float scale;
  std::vector<int8_t> codes(32);
  encodeActivationGroup(values, scale, codes);
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ(codes[0], -127);
  EXPECT_EQ(codes[1], 0);
  EXPECT_EQ(codes[2], 2);
  EXPECT_EQ(codes[3], -2);
  EXPECT_EQ(codes[4], 126);
}

TEST(Activation, ErrorIsAtMostHalfAStep) {
  const NumberFormat &format = *lookupFormat("a8_b32");
  std::mt19937 generator(7);
  std::normal_distribution<float> normal;
  for (int exponent = -119; exponent <= 120; ++exponent) {
    std::vector<float> values(64), decoded(64);
    for (float &value : values)
      value = std::ldexp(normal(generator), exponent);
    std::vector<uint8_t> bytes(72);
    ASSERT_EQ(messageOf(encodeActivation(format, values, bytes)), "");
    ASSERT_EQ(messageOf(decode(format, bytes, decoded)), "");
    for (unsigned group = 0; group < 2; ++group) {
      double largest = 0;
      for (unsigned k = 0; k < 32; ++k)
        largest = std::max(largest, std::fabs(double(values[32 * group + k])));
      for (unsigned k = 32 * group; k < 32 * group + 32; ++k)
        // Half a step, and the roundings of the scale, its reciprocal and the
        // products.
        EXPECT_LE(std::fabs(double(decoded[k]) - values[k]),
                  largest / 127 * 0.5 + largest * 0x1p-21)
            << exponent;
    }
  }
}

TEST(Activation, ZeroTinyAndNonFiniteGroups) {
  float scale = 5;
  std::vector<int8_t> codes(32, 1);
  std::vector<int8_t> zeros(32, 0);
  std::vector<float> values(32, -0.0f);
  encodeActivationGroup(values, scale, codes);
  EXPECT_EQ(scale, 0.0f);
  EXPECT_EQ(codes, zeros);

  values[3] = std::nextafter(kActivationFloor, 0.0f);
  encodeActivationGroup(values, scale, codes);
  EXPECT_EQ(scale, 0.0f);
  EXPECT_EQ(codes, zeros);

  values[3] = -kActivationFloor;
  encodeActivationGroup(values, scale, codes);
  EXPECT_EQ(scale, kActivationFloor / 127.0f);
  EXPECT_EQ(codes[3], -127);

  for (float special : {INFINITY, -INFINITY, NAN}) {
    values.assign(32, 1.0f);
    values[31] = special;
    encodeActivationGroup(values, scale, codes);
    EXPECT_TRUE(std::isnan(scale));
    EXPECT_EQ(codes, zeros);
    // Every number of the group then reads as NaN.
    std::vector<uint8_t> bytes(36);
    std::vector<float> decoded(32);
    const NumberFormat &format = *lookupFormat("a8_b32");
    ASSERT_EQ(messageOf(encodeActivation(format, values, bytes)), "");
    ASSERT_EQ(messageOf(decode(format, bytes, decoded)), "");
    for (float number : decoded)
      EXPECT_TRUE(std::isnan(number));
  }
}

TEST(Activation, RoundsToTheNearestBf16) {
  // The significand of bf16 has 8 bits, so 1 + 2^-8 and 1 + 3 * 2^-8 are ties.
  EXPECT_EQ(roundToBf16(1 + 0x1p-8f), 0x3f80);
  EXPECT_EQ(roundToBf16(-(1 + 3 * 0x1p-8f)), 0xbf82);
  EXPECT_EQ(roundToBf16(std::nextafter(1 + 0x1p-8f, 2.0f)), 0x3f81);
  EXPECT_EQ(roundToBf16(-0.0f), 0x8000);
  EXPECT_EQ(roundToBf16(0x1p-133f), 0x0001); // the smallest of bf16
  EXPECT_EQ(roundToBf16(0x1.fep127f), 0x7f7f);
  EXPECT_EQ(roundToBf16(std::nextafter(0x1.ffp127f, 0.0f)), 0x7f7f);
  EXPECT_EQ(roundToBf16(0x1.ffp127f), 0x7f80);
  EXPECT_EQ(roundToBf16(-INFINITY), 0xff80);
  // A NaN that only has low bits stays one.
  EXPECT_EQ(roundToBf16(bit_cast<float>(0xff800001u)), 0xffc0);

  const NumberFormat &format = *lookupFormat("bf16");
  std::mt19937 generator(7);
  std::normal_distribution<float> normal;
  for (int exponent = -100; exponent <= 120; exponent += 20) {
    std::vector<float> values(65), decoded(65);
    for (float &value : values)
      value = std::ldexp(normal(generator), exponent);
    std::vector<uint8_t> bytes(130);
    ASSERT_EQ(messageOf(encodeActivation(format, values, bytes)), "");
    ASSERT_EQ(messageOf(decode(format, bytes, decoded)), "");
    for (auto [value, rounded] : zip_equal(values, decoded))
      EXPECT_LE(std::fabs(double(rounded) - value), std::fabs(value) * 0x1p-8);
  }
}

TEST(Activation, RefusesWrongSizesAndFormats) {
  const NumberFormat &format = *lookupFormat("a8_b32");
  std::vector<float> values(40);
  std::vector<uint8_t> bytes(36);
  EXPECT_NE(messageOf(encodeActivation(format, values, bytes)), "");
  values.resize(32);
  EXPECT_EQ(messageOf(encodeActivation(format, values, bytes)), "");
  bytes.resize(35);
  EXPECT_NE(messageOf(encodeActivation(format, values, bytes)), "");
  EXPECT_EQ(messageOf(encodeActivation(*lookupFormat("q8_0"), values, bytes)),
            "'q8_0' is not a format for "
            "activations");
}
