//===- ScoresTest.cpp - How good the results of a model are ---------------===//

#include "winnow/Client/Scores.h"
#include "../RandomNumbers.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace winnow::client;

namespace {

std::vector<float> makeLogits(size_t count, float scale, unsigned seed) {
  return winnow::test::normalNumbers(count, seed, 0, scale);
}

double logSumOf(const std::vector<float> &logits) {
  long double sum = 0;
  float most = *std::max_element(logits.begin(), logits.end());
  for (float logit : logits)
    sum += std::exp((long double)logit - most);
  return double(most + std::log(sum));
}

/// KL(reference || logits) by its formula.
double divergenceOf(const std::vector<float> &reference,
                    const std::vector<float> &logits) {
  long double p = logSumOf(reference), q = logSumOf(logits), sum = 0;
  for (size_t i = 0; i < logits.size(); ++i)
    sum += std::exp(reference[i] - p) * ((reference[i] - p) - (logits[i] - q));
  return double(sum);
}

DecoderScores score(const std::vector<float> &reference,
                    const std::vector<float> &logits, bool &taken) {
  DecoderScores scores(logits.size(), 1);
  OtherLogits other;
  other.logits = reference.data();
  int32_t next = 0;
  std::string error;
  taken = scores.add(logits.data(), other, &next, 1, error);
  EXPECT_EQ(taken, error.empty());
  return scores;
}

TEST(Scores, AreThoseOfTheFormulas) {
  // Counts that are no multiple of what is computed side by side, and logits so
  // far apart that some exponentials are nothing.
  unsigned seed = 1;
  for (size_t count : {1, 15, 16, 17, 1000, 4099})
    for (float scale : {0.01F, 1.F, 8.F, 300.F}) {
      std::vector<float> logits = makeLogits(count, scale, seed++);
      std::vector<float> reference = makeLogits(count, scale, seed++);
      EXPECT_NEAR(logSumOf(logits), LogSum::of(logits.data(), count).logSum,
                  1e-12 * (1 + 10 * scale));
      bool taken = false;
      DecoderScores scores = score(reference, logits, taken);
      ASSERT_TRUE(taken);
      EXPECT_NEAR(divergenceOf(reference, logits), scores.meanDivergence(),
                  1e-11 * (1 + 10 * scale));
      EXPECT_NEAR(logSumOf(logits) - logits[0], scores.surprise,
                  1e-12 * (1 + 10 * scale));
    }
}

TEST(Scores, AgreeWhereTheLargestIsTheSame) {
  std::vector<float> logits = makeLogits(1000, 1, 9), reference = logits;
  for (size_t place : {0, 15, 16, 500, 992, 999}) {
    logits[place] = reference[place] = 10;
    EXPECT_EQ(place, LogSum::of(logits.data(), logits.size()).best);
    bool taken = false;
    EXPECT_EQ(1, score(reference, logits, taken).agreements);
    // Of equal ones the first.
    logits[place] = 11;
    logits[999] = 11;
    EXPECT_EQ(place, LogSum::of(logits.data(), logits.size()).best);
    logits[place] = 9;
    EXPECT_EQ(place == 999 ? 1 : 0, score(reference, logits, taken).agreements);
    logits[place] = reference[place] = logits[999] = 0;
  }
}

TEST(Scores, OfOneselfAreNothing) {
  std::vector<float> logits = makeLogits(257, 4, 3);
  bool taken = false;
  DecoderScores scores = score(logits, logits, taken);
  EXPECT_TRUE(taken);
  EXPECT_EQ(0, scores.meanDivergence());
  EXPECT_EQ(1, scores.agreements);
}

TEST(Scores, WhatTheOtherNeverTakesCountsNothing) {
  std::vector<float> logits = {1, 2, 3, 4}, reference = {1, 2, -1e30F, 4};
  bool taken = false;
  DecoderScores scores = score(reference, logits, taken);
  EXPECT_TRUE(taken);
  EXPECT_NEAR(divergenceOf(reference, logits), scores.meanDivergence(), 1e-12);
  reference[2] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(scores.meanDivergence(),
            score(reference, logits, taken).meanDivergence());
}

TEST(Scores, AreNumbersOrNotTaken) {
  for (float odd : {std::numeric_limits<float>::quiet_NaN(),
                    std::numeric_limits<float>::infinity()})
    for (size_t place : {0, 5, 33}) {
      std::vector<float> logits = makeLogits(40, 1, 5), reference = logits;
      logits[place] = odd;
      bool taken = true;
      score(reference, logits, taken);
      EXPECT_FALSE(taken);
      logits[place] = 0;
      reference[place] = odd;
      score(reference, logits, taken);
      EXPECT_FALSE(taken);
    }
}

} // namespace
