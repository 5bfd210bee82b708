//===- BudgetChangesTest.cpp - Passes on the whole model in a search ------===//
//
// Smaller caches, tokens and channels that leave.
//
//===----------------------------------------------------------------------===//

#include "KnownWorld.h"

using namespace mlir;
using namespace winnow;
using namespace winnow::test;

TEST_F(BudgetSearchTest, MakesCachesSmaller) {
  parse(Extra::Cache);
  double whole = kWholeSeconds + kCacheSeconds[0];
  for (double share : {0.8, 0.6, 0.4}) {
    FailureOr<SearchResult> result = searchTime(share, whole);
    ASSERT_TRUE(succeeded(result));
    double least = INFINITY;
    for (unsigned cache : {0, 1, 2})
      least = std::min(least, kCacheErrors[cache] +
                                  best(
                                      [&](const State &s) {
                                        return secondsOf(s) +
                                                   kCacheSeconds[cache] <=
                                               0.96 * share * whole;
                                      },
                                      divergenceOf));
    EXPECT_LE(result->found.divergence, 1.3 * least) << share;
    EXPECT_TRUE(StringRef(result->recipe).contains("winnow-kv-format"));
  }
  // Caches are not in the file.
  FailureOr<SearchResult> small = search("size=30%");
  ASSERT_TRUE(succeeded(small)) << message;
  EXPECT_FALSE(StringRef(small->recipe).contains("winnow-kv-format"));
}

TEST_F(BudgetSearchTest, LeavesTokensOut) {
  parse(Extra::Attention);
  for (double share : {0.7, 0.4, 0.2}) {
    FailureOr<SearchResult> result = searchTime(share, kWholeSeconds);
    ASSERT_TRUE(succeeded(result));
    double least = INFINITY;
    for (auto [rows, error] :
         {std::pair(1.0, 0.0), {0.75, kQuarterError}, {0.5, kHalfError}})
      least = std::min(least, error + best(
                                          [&, rows = rows](const State &s) {
                                            return secondsOf(s) * rows <=
                                                   0.96 * share * kWholeSeconds;
                                          },
                                          divergenceOf));
    EXPECT_LE(result->found.divergence, 1.3 * least) << share;
    EXPECT_EQ(share < 0.5,
              StringRef(result->recipe).contains("winnow-prune-tokens"))
        << result->recipe;
  }
}

/// The least divergence of plans of all layers and the wide one that `fits`.
static double
bestWide(llvm::function_ref<bool(const State &, const Wide &)> fits,
         llvm::function_ref<double(llvm::function_ref<bool(const State &)>)>
             bestOfOthers) {
  double least = INFINITY;
  for (unsigned up = 0; up < 4; ++up)
    for (unsigned down = 0; down < 4; ++down)
      for (double share : {1.0, 0.9, 0.75}) {
        Wide wide = {up, down, share};
        least = std::min(least, wide.divergence() +
                                    bestOfOthers([&](const State &state) {
                                      return fits(state, wide);
                                    }));
      }
  return least;
}

TEST_F(BudgetSearchTest, LeavesChannelsOut) {
  parse(Extra::Mlp);
  auto bestOfOthers = [](llvm::function_ref<bool(const State &)> fits) {
    return best(fits, divergenceOf);
  };
  uint64_t whole = kWhole + Wide().bytes();
  bool narrows = false;
  for (int percent : {60, 25, 20}) {
    std::string budget = llvm::formatv("size={0}%", percent).str();
    FailureOr<SearchResult> result = search(budget);
    ASSERT_TRUE(succeeded(result)) << message;
    EXPECT_EQ(whole, result->before.bytes);
    uint64_t allowed = whole * percent / 100;
    EXPECT_LE(result->found.bytes, allowed);
    double least = bestWide(
        [&](const State &state, const Wide &wide) {
          return bytesOf(state) + wide.bytes() <= allowed;
        },
        bestOfOthers);
    EXPECT_LE(result->found.divergence, 1.3 * least) << budget;
    narrows |= StringRef(result->recipe).contains("winnow-sparsify{keep=0.");
  }
  EXPECT_TRUE(narrows);
  double wholeSeconds = kWholeSeconds + Wide().seconds();
  for (double share : {0.6, 0.35}) {
    FailureOr<SearchResult> result = searchTime(share, wholeSeconds);
    ASSERT_TRUE(succeeded(result));
    double least = bestWide(
        [&](const State &state, const Wide &wide) {
          return secondsOf(state) + wide.seconds() <=
                 0.96 * share * wholeSeconds;
        },
        bestOfOthers);
    EXPECT_LE(result->found.divergence, 1.3 * least) << share << result->recipe;
  }
}
