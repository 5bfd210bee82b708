//===- SamplerTest.cpp - Choosing the next token --------------------------===//

#include "winnow/Generation/Sampler.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <numeric>

using namespace winnow;

static int32_t greedy(const std::vector<float> &logits) {
  return Sampler(SamplingOptions()).sample(logits.data(), logits.size());
}

static SamplingOptions with(double temperature, int64_t topK = 0,
                            double topP = 1, double minP = 0) {
  return {temperature, topK, topP, minP, 7};
}

/// The distribution by the definition in Sampler.h, with a full sort.
static std::map<int32_t, double> defined(const std::vector<float> &logits,
                                         const SamplingOptions &options) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  std::vector<double> p(logits.size());
  for (size_t i = 0; i < p.size(); ++i)
    p[i] = std::exp((logits[i] - logits[order[0]]) / options.temperature);
  if (options.topK && options.topK < static_cast<int64_t>(order.size()))
    order.resize(options.topK);
  double total = 0;
  for (int32_t id : order)
    total += p[id];
  double sum = 0;
  size_t kept = 0;
  while (kept < order.size() && (kept == 0 || sum < options.topP * total))
    sum += p[order[kept++]];
  if (options.topP < 1)
    order.resize(kept);
  std::map<int32_t, double> result;
  total = 0;
  for (int32_t id : order)
    if (p[id] >= options.minP)
      total += result[id] = p[id];
  for (auto &entry : result)
    entry.second /= total;
  return result;
}

static std::vector<float> someLogits(size_t count, uint64_t seed) {
  RandomNumbers random(seed);
  std::vector<float> logits(count);
  for (float &logit : logits)
    logit = static_cast<float>(random.next() * 12 - 6);
  return logits;
}

TEST(RandomNumbers, AreThoseOfSplitMix64) {
  // The published first outputs for the seed 1234567.
  RandomNumbers random(1234567);
  for (uint64_t expected :
       {6457827717110365317ull, 3203168211198807973ull, 9817491932198370423ull})
    EXPECT_EQ(random.next(),
              std::ldexp(static_cast<double>(expected >> 11), -53));
}

TEST(RandomNumbers, AreUniform) {
  RandomNumbers random(1);
  std::vector<int> bins(16, 0);
  for (int i = 0; i < 160000; ++i)
    ++bins[static_cast<size_t>(random.next() * 16)];
  double chiSquared = 0;
  for (int bin : bins)
    chiSquared += (bin - 10000.0) * (bin - 10000.0) / 10000.0;
  EXPECT_LT(chiSquared, 37.7); // 15 degrees of freedom, p = 0.001
}

TEST(Sampler, GreedyTakesTheLowestOfTheLargest) {
  EXPECT_EQ(greedy({1, 5, 5, 2}), 1);
  EXPECT_EQ(greedy({-3}), 0);
  EXPECT_EQ(greedy({-INFINITY, -2, -INFINITY}), 1);
}

TEST(Sampler, LogitsThatAreNoNumbers) {
  EXPECT_EQ(greedy({1, NAN, 2}), -1);
  EXPECT_EQ(greedy({NAN}), -1);
  EXPECT_EQ(greedy({1, INFINITY}), -1);
  EXPECT_EQ(greedy({-INFINITY, -INFINITY}), -1);
  EXPECT_EQ(greedy({}), -1);
  std::vector<float> logits = {1, NAN};
  EXPECT_EQ(Sampler(with(1)).sample(logits.data(), 2), -1);
}

/// Frequencies against the definition, for each filter and for all together.
TEST(Sampler, FollowsItsDefinition) {
  std::vector<float> logits = someLogits(300, 3);
  logits[17] = logits[40]; // a tie
  for (const SamplingOptions &options :
       {with(1), with(0.3), with(2, 10), with(1, 0, 0.7), with(1, 0, 0.97),
        with(1, 0, 1, 0.2), with(1.5, 50, 0.9, 0.05), with(1, 1), with(1, 0, 0),
        with(1, 1000, 1, 1)}) {
    std::map<int32_t, double> expected = defined(logits, options);
    Sampler sampler(options);
    std::map<int32_t, int> counts;
    static constexpr int kDraws = 8000;
    for (int i = 0; i < kDraws; ++i)
      ++counts[sampler.sample(logits.data(), logits.size())];
    for (const auto &entry : counts)
      ASSERT_TRUE(expected.count(entry.first)) << entry.first;
    for (const auto &entry : expected) {
      double p = entry.second;
      double deviation = std::sqrt(kDraws * p * (1 - p)) + 1;
      EXPECT_NEAR(counts[entry.first], kDraws * p, 5 * deviation)
          << entry.first;
    }
  }
}

/// The order of partial sorting must not show: the whole vocabulary is needed.
TEST(Sampler, FlatDistributionsKeepNearlyAll) {
  std::vector<float> logits(1000, 1.0f);
  Sampler sampler(with(1, 0, 0.9));
  int32_t most = 0;
  for (int i = 0; i < 10000; ++i)
    most = std::max(most, sampler.sample(logits.data(), logits.size()));
  EXPECT_EQ(most, 899); // of equal ones the lowest ids
}

TEST(Sampler, TheSeedDecides) {
  std::vector<float> logits = someLogits(50, 9);
  auto draws = [&](uint64_t seed) {
    SamplingOptions options = with(1);
    options.seed = seed;
    Sampler sampler(options);
    std::vector<int32_t> ids;
    for (int i = 0; i < 30; ++i)
      ids.push_back(sampler.sample(logits.data(), logits.size()));
    return ids;
  };
  EXPECT_EQ(draws(5), draws(5));
  EXPECT_NE(draws(5), draws(6));
}

/// A temperature near zero is greedy, also where exp underflows for the rest.
TEST(Sampler, TinyTemperature) {
  std::vector<float> logits = {0, 3, 2.9f};
  Sampler sampler(with(1e-6));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(sampler.sample(logits.data(), 3), 1);
}
