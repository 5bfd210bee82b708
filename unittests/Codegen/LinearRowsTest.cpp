//===- LinearRowsTest.cpp - The rows that linear layers read --------------===//
//
// Activations that are rounded for them, and rows of tables in their layout.
//
//===----------------------------------------------------------------------===//

#include "../RandomWeights.h"
#include "LinearTestUtils.h"

#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Tile16.h"

#include "llvm/ADT/bit.h"

#include <cmath>

using namespace winnow;
using namespace winnow::cpu;
using namespace winnow::test;

namespace {

class LinearRows : public testing::TestWithParam<std::string> {};

/// The layout that Linear.h describes, with the numbers of the host's rule.
TEST_P(LinearRows, QuantizesRowsLikeTheHost) {
  JitModule jit(GetParam());
  std::string name = addRecoder(jit, Activations::A8B32);
  ASSERT_TRUE(jit.compile());
  auto *quantizeRow = jit.get<RecodeFunction>(name);
  ASSERT_TRUE(quantizeRow);
  for (int64_t k : {32, 64, 96, 640})
    for (int64_t m : {1, 2, 8, 11}) {
      int64_t padded = (k + 63) / 64 * 64, tile = m == 1 ? 1 : 8;
      int64_t rowBytes =
          activationBytesPerRow(jit.target(), Activations::A8B32, k);
      Buffer buffer((m + 7) / 8 * 8 * rowBytes);
      for (int64_t row = 0; row < m; ++row) {
        std::vector<float> x = randomRow(k, row);
        switch (row % 5) { // special first blocks
        case 1:
          std::fill_n(x.begin(), 32, 0.0f);
          break;
        case 2:
          x[5] = INFINITY;
          break;
        case 3:
          x[31] = NAN;
          break;
        case 4:
          std::fill_n(x.begin(), 32, 0x1p-140f);
          break;
        default:
          break;
        }
        quantizeRow(x.data(), buffer.data(), row, m, k);
        Quantized expected = quantize(x);
        expected.codes.resize(padded, 0);
        expected.scales.resize(padded / 32, 0.0f);
        const uint8_t *base = buffer.data() + row / tile * tile * rowBytes;
        int64_t lane = row % tile;
        for (int64_t i = 0; i < padded; ++i)
          ASSERT_EQ(int8_t(base[(i / 4 * tile + lane) * 4 + i % 4]),
                    expected.codes[i])
              << "row " << row << " k " << i;
        const uint8_t *scales = base + padded * tile;
        const uint8_t *sums = scales + padded / 32 * tile * 4;
        for (int64_t block = 0; block < padded / 32; ++block) {
          float scale;
          std::memcpy(&scale, scales + (block * tile + lane) * 4, 4);
          if (std::isnan(expected.scales[block]))
            ASSERT_TRUE(std::isnan(scale));
          else
            ASSERT_EQ(scale, expected.scales[block]);
        }
        for (int64_t half = 0; half < padded / 16; ++half) {
          int32_t sum, total = 0;
          std::memcpy(&sum, sums + (half * tile + lane) * 4, 4);
          for (int64_t i = 0; i < 16; ++i)
            total += expected.codes[half * 16 + i];
          ASSERT_EQ(sum, total);
        }
      }
    }
}

/// As Linear.h describes: pairs where the target multiplies them, else f32.
TEST_P(LinearRows, RoundsRowsLikeTheHost) {
  JitModule jit(GetParam());
  std::string name = addRecoder(jit, Activations::BF16);
  ASSERT_TRUE(jit.compile());
  auto *roundRow = jit.get<RecodeFunction>(name);
  ASSERT_TRUE(roundRow);
  // Ties, denormal numbers, what overflows, and a NaN without upper bits.
  const uint32_t kSpecial[] = {0x3f808000, 0x3f818000, 0x3f808001, 0x80000000,
                               0x00000001, 0x00018000, 0x7f7fffff, 0xff7f8000,
                               0x7f800000, 0x7f800001, 0xffc00000};
  for (int64_t k : {1, 15, 16, 37, 64}) {
    constexpr int64_t m = 11;
    int64_t padded = (k + 1) / 2 * 2;
    int64_t rowBytes = padded * (jit.target().avx512Bf16 ? 2 : 4);
    EXPECT_LE(rowBytes,
              activationBytesPerRow(jit.target(), Activations::BF16, k));
    Buffer buffer(m * rowBytes + 1);
    for (int64_t row = 0; row < m; ++row) {
      std::vector<float> x = randomRow(k, row);
      x[row % k] = llvm::bit_cast<float>(kSpecial[row]);
      roundRow(x.data(), buffer.data(), row, m, k);
      x.resize(padded, 0.0f);
      for (int64_t i = 0; i < padded; ++i) {
        uint32_t bits = 0;
        std::memcpy(&bits,
                    buffer.data() + (row * padded + i) * rowBytes / padded,
                    rowBytes / padded);
        ASSERT_EQ(bits, uint32_t(roundToBf16(x[i]))
                            << (jit.target().avx512Bf16 ? 0 : 16))
            << "row " << row << " k " << i << " of " << k;
      }
    }
    EXPECT_EQ(buffer.data()[m * rowBytes], 0xa5) << "beyond the last row";
  }
}

TEST_P(LinearRows, EmbedsRowsOfEveryFormat) {
  JitModule jit(GetParam());
  for (const Tile16Layout &layout : Tile16Layout::all()) {
    auto kernel = getEmbedRowKernel(jit.module(), jit.target(), layout.format);
    ASSERT_TRUE(bool(kernel));
    kernel->setPublic();
  }
  ASSERT_TRUE(jit.compile());
  for (const Tile16Layout &layout : Tile16Layout::all()) {
    const NumberFormat &format = *lookupFormat(layout.format);
    auto *embed =
        jit.get<EmbedFunction>("winnow_embed_row_" + layout.format.str());
    ASSERT_TRUE(embed);
    // Floats have no blocks: an odd width.
    int64_t n = 37,
            k = 3 *
                (format.isFloat() ? 11u : std::max(format.blockElements, 32u));
    std::vector<uint8_t> file = randomWeights(format, n, k, 5);
    std::vector<uint8_t> tile16(*tile16Bytes(layout.format, n, k));
    ASSERT_FALSE(
        relayoutToTile16(layout.format, n, k, file, 0, (n + 15) / 16, tile16));
    int64_t rowBytes = k / format.blockElements * format.blockBytes;
    for (int64_t row : {0, 5, 15, 16, 36}) {
      std::vector<float> expected(k), actual(k + 1, kCanary);
      ASSERT_FALSE(decode(format,
                          llvm::ArrayRef(file).slice(row * rowBytes, rowBytes),
                          expected));
      embed(tile16.data(), row, k, 25.3f, actual.data());
      for (int64_t i = 0; i < k; ++i)
        ASSERT_EQ(actual[i], expected[i] * 25.3f)
            << layout.format.str() << " row " << row << " k " << i;
      ASSERT_EQ(actual[k], kCanary);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, LinearRows,
                         testing::ValuesIn(JitModule::runnableTargets()),
                         [](const auto &info) {
                           return targetName(info.param);
                         });

} // namespace
