//===- QuantizeRowTest.cpp - Rounding activations against the rule --------===//

#include "JitTest.h"

#include "winnow/Codegen/Cpu/Linear.h"
#include "winnow/Formats/Activation.h"

#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace winnow;
using namespace winnow::cpu;
using namespace winnow::test;

namespace {

class QuantizeRow : public testing::TestWithParam<std::string> {};

/// Blocks of every kind: ordinary, wide, tiny, zero, infinite and NaN.
std::vector<float> testRow(int64_t length, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> row(length);
  for (float &x : row)
    x = normal(random);
  for (int64_t block = 0; block < length / 32; ++block) {
    float *x = &row[32 * block];
    switch (random() % 8) {
    case 0:
      for (int i = 0; i < 32; ++i)
        x[i] *= 1e37f;
      break;
    case 1:
      for (int i = 0; i < 32; ++i)
        x[i] *= 0x1p-124f;
      break;
    case 2:
      std::fill(x, x + 32, -0.0f);
      break;
    case 3:
      x[random() % 32] = -std::numeric_limits<float>::infinity();
      break;
    case 4:
      x[random() % 32] = std::numeric_limits<float>::quiet_NaN();
      break;
    }
  }
  return row;
}

TEST_P(QuantizeRow, FollowsTheRule) {
  JitModule jit(GetParam());
  std::string name =
      getRecodeRowKernel(jit.module(), jit.target(), Activations::A8B32)
          .getSymName()
          .str();
  ASSERT_TRUE(jit.compile());
  auto *kernel =
      jit.get<void(const float *, void *, int64_t, int64_t, int64_t)>(name);
  for (int64_t k : {32, 96, 128, 160, 640, 896})
    for (int64_t rows : {1, 3, 8, 9}) {
      int64_t stride = rows == 1 ? 1 : 8, padded = (k + 63) / 64 * 64;
      std::vector<uint8_t> buffer(
          (rows + 7) / 8 * 8 *
                  activationBytesPerRow(jit.target(), Activations::A8B32, k) +
              64,
          0xEE);
      for (int64_t r = 0; r < rows; ++r)
        kernel(testRow(k, 10 * r + k).data(), buffer.data(), r, rows, k);
      for (int64_t r = 0; r < rows; ++r) {
        std::vector<float> x = testRow(k, 10 * r + k);
        int64_t tileBytes = stride * (padded + padded / 32 * 12);
        const uint8_t *codes = &buffer[r / 8 * tileBytes];
        const uint8_t *scales = codes + padded * stride;
        const uint8_t *sums = scales + padded / 32 * 4 * stride;
        auto read32 = [&](const uint8_t *plane, int64_t index) {
          uint32_t value;
          std::memcpy(&value, plane + (index * stride + r % 8) * 4, 4);
          return value;
        };
        for (int64_t block = 0; block < padded / 32; ++block) {
          int8_t want[32] = {};
          float scale = 0;
          if (block < k / 32)
            encodeActivationGroup(llvm::ArrayRef(x).slice(32 * block, 32),
                                  scale, want);
          uint32_t bits = read32(scales, block);
          float found;
          std::memcpy(&found, &bits, 4);
          if (scale == scale)
            ASSERT_EQ(found, scale) << k << " block " << block;
          else
            ASSERT_NE(found, found) << k << " block " << block;
          int32_t sum[2] = {};
          for (int64_t q = 0; q < 8; ++q) {
            uint32_t quad = read32(codes, 8 * block + q);
            ASSERT_EQ(std::memcmp(&quad, &want[4 * q], 4), 0)
                << k << " block " << block << " quad " << q;
            for (int64_t j = 0; j < 4; ++j)
              sum[q / 4] += want[4 * q + j];
          }
          for (int64_t half = 0; half < 2; ++half)
            ASSERT_EQ(int32_t(read32(sums, 2 * block + half)), sum[half]);
        }
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Targets, QuantizeRow,
                         testing::ValuesIn(JitModule::runnableTargets()),
                         [](const auto &info) {
                           return targetName(info.param);
                         });

} // namespace
