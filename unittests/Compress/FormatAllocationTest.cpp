//===- FormatAllocationTest.cpp - Formats under a budget ------------------===//

#include "FormatAllocation.h"

#include "gtest/gtest.h"

#include <cmath>
#include <optional>
#include <random>

using namespace winnow;
using llvm::ArrayRef;
using llvm::SmallVector;

namespace {

using Weights = SmallVector<SmallVector<FormatOption>>;

uint64_t bytesOf(const Weights &weights, ArrayRef<unsigned> chosen) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < weights.size(); ++i)
    bytes += weights[i][chosen[i]].bytes;
  return bytes;
}

double errorOf(const Weights &weights, ArrayRef<unsigned> chosen) {
  double error = 0;
  for (size_t i = 0; i < weights.size(); ++i)
    error += weights[i][chosen[i]].error;
  return error;
}

/// The least sum of errors of all assignments that fit; nothing if none does.
std::optional<double> searchAll(const Weights &weights, uint64_t budget,
                                uint64_t overhead) {
  std::optional<double> best;
  SmallVector<unsigned> chosen(weights.size());
  for (;;) {
    if (bytesOf(weights, chosen) + overhead <= budget) {
      double error = errorOf(weights, chosen);
      if (!best || error < *best)
        best = error;
    }
    size_t i = 0;
    while (i < weights.size() && ++chosen[i] == weights[i].size())
      chosen[i++] = 0;
    if (i == weights.size())
      return best;
  }
}

TEST(FormatAllocation, IsWithinTheBoundOfTheBest) {
  std::mt19937 random(7);
  unsigned optimal = 0, all = 0;
  for (unsigned round = 0; round < 400; ++round) {
    Weights weights(2 + random() % 5);
    uint64_t most = 0, least = 0;
    for (auto &options : weights) {
      for (unsigned i = 0, n = 1 + random() % 4; i < n; ++i)
        options.push_back({64 * (1 + random() % 64),
                           std::exp2(-double(random() % 1000) / 100)});
      auto byBytes = [](const FormatOption &a, const FormatOption &b) {
        return a.bytes < b.bytes;
      };
      most += llvm::max_element(options, byBytes)->bytes;
      least += llvm::min_element(options, byBytes)->bytes;
    }
    constexpr uint64_t kOverhead = 4096;
    auto sizeOf = [&](ArrayRef<unsigned> chosen) {
      return kOverhead + bytesOf(weights, chosen);
    };
    uint64_t budget = kOverhead + least + random() % (most - least + 1);
    FormatAllocation found = allocateFormats(weights, budget, sizeOf);
    ASSERT_EQ(found.size, sizeOf(found.chosen));
    ASSERT_LE(found.size, budget);
    double best = *searchAll(weights, budget, kOverhead);
    double mine = errorOf(weights, found.chosen);
    EXPECT_GE(mine, best - 1e-12);
    EXPECT_LE(mine, best + found.bound + 1e-12);
    optimal += mine <= best + 1e-12;
    ++all;

    // What does not fit is told with the least that does.
    FormatAllocation none =
        allocateFormats(weights, kOverhead + least - 1, sizeOf);
    EXPECT_EQ(none.size, kOverhead + least);
  }
  // The second part makes up for most of what the first one wastes.
  EXPECT_GT(optimal, all * 3 / 4);
}

TEST(FormatAllocation, TakesTheLeastErrorWhereThereIsRoom) {
  Weights weights = {{{64, 1}, {128, 0}, {192, 0}}, {{64, 0.5}, {32, 0.5}}};
  auto sizeOf = [&](ArrayRef<unsigned> chosen) {
    return bytesOf(weights, chosen);
  };
  FormatAllocation found = allocateFormats(weights, 1000, sizeOf);
  // Of equals the smaller one.
  EXPECT_EQ(found.chosen, (SmallVector<unsigned>{1, 1}));
  EXPECT_EQ(found.bound, 0);
  EXPECT_EQ(found.size, 160u);
}

} // namespace
