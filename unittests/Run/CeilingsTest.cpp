//===- CeilingsTest.cpp - Measuring what a machine can do -----------------===//
//
// No speed is expected here; that every loop runs, stays in its buffer and
// reports something is.
//
//===----------------------------------------------------------------------===//

#include "ceilings/ArithmeticPeaks.h"
#include "ceilings/ReadBandwidth.h"
#include "ceilings/Team.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

using namespace winnow::ceilings;

namespace {
class Ceilings : public testing::TestWithParam<InstructionSet> {};
} // namespace

TEST_P(Ceilings, ReadBandwidth) {
  for (int threads : {1, 3}) {
    ReadSettings settings;
    settings.threads = threads;
    settings.bytes = 16 << 20;
    settings.widest = GetParam();
    ReadBandwidth read = measureReadBandwidth(settings);
    EXPECT_GT(read.bytesPerSecond, 1e6);
    EXPECT_LE(read.bytes, settings.bytes);
    EXPECT_GT(read.bytes, settings.bytes * 9 / 10);
    EXPECT_GE(read.streams, 1);
  }
}

TEST_P(Ceilings, Arithmetic) {
  for (const ArithmeticPeak &peak : measureArithmeticPeaks(1, GetParam())) {
    EXPECT_GT(peak.operationsPerSecond, 1e6) << peak.key;
    bool narrow = GetParam() != InstructionSet::Avx512;
    EXPECT_FALSE(narrow && peak.instruction.find("zmm") != std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Ceilings,
                         testing::Values(InstructionSet::Baseline,
                                         InstructionSet::Avx2,
                                         InstructionSet::Avx512));

TEST(CeilingsLimits, NothingToMeasure) {
  EXPECT_EQ(measureReadBandwidth({0}).bytesPerSecond, 0);
  EXPECT_EQ(measureReadBandwidth({4, 1000}).bytesPerSecond, 0);
  EXPECT_TRUE(measureArithmeticPeaks(0).empty());
}

TEST(Team, AllThreadsAtTheSameTime) {
  std::vector<int> calls(4, 0);
  std::atomic<int> inside{0};
  double seconds = timeTeam(4, [&](int thread) {
    ++calls[thread];
    ++inside;
    while (inside < 4) // returns only where all are there together
      std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  EXPECT_EQ(calls, std::vector<int>(4, 1));
  EXPECT_GE(seconds, 0.005);
}
