//===- Tile16Test.cpp - The kernels' weight layout ------------------------===//

#include "../RandomWeights.h"

#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Tile16.h"

#include <gtest/gtest.h>

using namespace winnow;
using namespace winnow::test;

namespace {

std::string message(llvm::Error error) { return toString(std::move(error)); }

class Tile16 : public testing::TestWithParam<std::string> {};

std::vector<std::string> formatNames() {
  std::vector<std::string> names;
  for (const Tile16Layout &layout : Tile16Layout::all())
    names.push_back(layout.format.str());
  return names;
}

/// Re-laid out weights decode to the very bits of the file's weights, whether
/// rewritten in one piece or group by group.
TEST_P(Tile16, DecodesLikeTheFile) {
  const NumberFormat &format = *lookupFormat(GetParam());
  const Tile16Layout &layout = **Tile16Layout::get(GetParam());
  for (int64_t n : {1, 16, 37})
    for (int64_t blocks : {1, 3, 4}) {
      int64_t k = blocks * std::max(format.blockElements, 32u);
      int64_t rowBytes = k / format.blockElements * format.blockBytes;
      std::vector<uint8_t> file = randomWeights(format, n, k, n * 10 + blocks);
      std::vector<uint8_t> out(*tile16Bytes(GetParam(), n, k), 0xcc);
      int64_t groups = (n + 15) / 16, groupBytes = layout.groupBytes(k);
      ASSERT_EQ(int64_t(out.size()), groups * groupBytes);
      ASSERT_FALSE(relayoutToTile16(GetParam(), n, k, file, 0, groups, out));
      for (int64_t g = 0; g < groups; ++g) {
        std::vector<uint8_t> piece(groupBytes, 0xdd);
        int64_t first = g * 16, last = std::min(n, first + 16);
        ASSERT_FALSE(
            relayoutToTile16(GetParam(), n, k,
                             llvm::ArrayRef(file).slice(
                                 first * rowBytes, (last - first) * rowBytes),
                             g, 1, piece));
        ASSERT_EQ(0,
                  std::memcmp(piece.data(), &out[g * groupBytes], groupBytes));
      }
      std::vector<float> expected(k), actual(k);
      for (int64_t row = 0; row < n; ++row) {
        ASSERT_FALSE(
            decode(format, llvm::ArrayRef(file).slice(row * rowBytes, rowBytes),
                   expected));
        ASSERT_FALSE(decodeTile16Row(GetParam(), n, k, out, row, actual));
        for (int64_t i = 0; i < k; ++i)
          ASSERT_EQ(0, std::memcmp(&expected[i], &actual[i], 4))
              << "row " << row << ", k " << i << ": " << expected[i] << " and "
              << actual[i];
      }
    }
}

/// The sizes that the header promises.
TEST_P(Tile16, BitsPerWeight) {
  const NumberFormat &format = *lookupFormat(GetParam());
  double bits = *tile16Bytes(GetParam(), 1024, 2048) * 8.0 / (1024 * 2048);
  double file = format.bitsPerWeight();
  double allowed = file < 2.5 ? 2.5 : GetParam() == "nvfp4" ? 5.0 : 1.06 * file;
  EXPECT_GE(bits, file);
  EXPECT_LE(bits, allowed);
}

INSTANTIATE_TEST_SUITE_P(Formats, Tile16, testing::ValuesIn(formatNames()),
                         [](const auto &info) { return info.param; });

TEST(Tile16Errors, AreReported) {
  EXPECT_EQ(message(tile16Bytes("iq2_xxs", 16, 256).takeError()),
            "number format 'iq2_xxs' has no tile16 layout");
  EXPECT_EQ(message(tile16Bytes("q4_k", 16, 96).takeError()),
            "a q4_k matrix of 16 x 96: the second size must be a positive "
            "multiple of 256 and the first positive");
  EXPECT_EQ(message(tile16Bytes("q8_0", 0, 32).takeError()),
            "a q8_0 matrix of 0 x 32: the second size must be a positive "
            "multiple of 32 and the first positive");
  EXPECT_EQ(message(tile16Bytes("q8_0", int64_t(1) << 60, 1024).takeError()),
            "a q8_0 matrix of 1152921504606846976 x 1024 is too large");
  std::vector<uint8_t> file(34 * 5), out(1088);
  EXPECT_EQ(message(relayoutToTile16("q8_0", 6, 32, file, 0, 1, out)),
            "re-layout of 6 rows of 34 bytes: got 170 bytes and room for 1088");
  EXPECT_EQ(message(relayoutToTile16("q8_0", 5, 32, file, 1, 1, out)),
            "row groups 1 to 2 of 1");
  EXPECT_EQ(message(relayoutToTile16("q8_0", 5, 32, file, 0, 1, out)), "");
  std::vector<float> row(32);
  EXPECT_EQ(message(decodeTile16Row("q8_0", 5, 32, out, 5, row)),
            "row 5 of a tile16 matrix of 5 x 32 in 1088 bytes");
}

} // namespace
