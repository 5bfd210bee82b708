//===- HashTest.cpp - The hash of the weights -----------------------------===//

#include "winnow/Runtime/Hash.h"

#include <gtest/gtest.h>
#include <set>
#include <string>

static uint64_t hashOf(const std::string &data) {
  winnow_hash hash;
  winnow_hash_begin(&hash);
  winnow_hash_update(&hash, data.data(), data.size());
  return winnow_hash_finish(&hash);
}

static std::string someBytes(size_t size) {
  std::string data(size, '\0');
  uint32_t state = 12345;
  for (char &c : data) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return data;
}

TEST(Hash, DoesNotDependOnTheCuts) {
  std::string data = someBytes(1000);
  for (size_t step : {1, 3, 8, 31, 32, 33, 64, 100, 999}) {
    winnow_hash hash;
    winnow_hash_begin(&hash);
    for (size_t at = 0; at < data.size(); at += step)
      winnow_hash_update(&hash, data.data() + at,
                         std::min(step, data.size() - at));
    winnow_hash_update(&hash, nullptr, 0);
    EXPECT_EQ(winnow_hash_finish(&hash), hashOf(data)) << step;
  }
}

TEST(Hash, EveryBitAndTheLengthCount) {
  std::string data = someBytes(67);
  std::set<uint64_t> seen = {hashOf(data)};
  for (size_t bit = 0; bit < data.size() * 8; ++bit) {
    std::string changed = data;
    changed[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    EXPECT_TRUE(seen.insert(hashOf(changed)).second) << bit;
  }
  for (size_t zeros = 1; zeros < 40; ++zeros)
    EXPECT_TRUE(seen.insert(hashOf(data + std::string(zeros, '\0'))).second);
}

/// Two flips of the top bit, which a plain multiplication could cancel.
TEST(Hash, TopBitsDoNotCancel) {
  std::string data = someBytes(256);
  std::string changed = data;
  changed[7] ^= static_cast<char>(0x80);
  changed[39] ^= static_cast<char>(0x80);
  EXPECT_NE(hashOf(data), hashOf(changed));
}

/// The definition once more, word by word, in a different form.
TEST(Hash, AgreesWithItsDefinition) {
  std::string data = someBytes(77);
  std::string padded = data;
  padded.resize(96, '\0');
  uint64_t lanes[4] = {0x243f6a8885a308d3ull, 0x13198a2e03707344ull,
                       0xa4093822299f31d0ull, 0x082efa98ec4e6c89ull};
  auto step = [](uint64_t lane, uint64_t word) {
    uint64_t product = (lane ^ word) * 15485907386658061715ull;
    return product ^ product / 4294967296u;
  };
  for (size_t word = 0; word < padded.size() / 8; ++word) {
    uint64_t value = 0;
    for (int byte = 7; byte >= 0; --byte)
      value = value * 256 + static_cast<uint8_t>(padded[8 * word + byte]);
    lanes[word % 4] = step(lanes[word % 4], value);
  }
  uint64_t value = data.size();
  for (uint64_t lane : lanes)
    value = step(value, lane);
  EXPECT_EQ(hashOf(data), value);
}
