//===- BudgetSearchTest.cpp - A recipe under a budget ---------------------===//
//
// Formats and layers under each budget, and what cannot be.
//
//===----------------------------------------------------------------------===//

#include "KnownWorld.h"

using namespace mlir;
using namespace winnow;
using namespace winnow::test;

TEST_F(BudgetSearchTest, KeepsASize) {
  for (int percent : {90, 50, 30, 20, 16}) {
    std::string budget = llvm::formatv("size={0}%", percent).str();
    FailureOr<SearchResult> result = search(budget);
    ASSERT_TRUE(succeeded(result)) << message;
    uint64_t allowed = kWhole * percent / 100;
    EXPECT_LE(result->found.bytes, allowed);
    double least = best([&](const State &s) { return bytesOf(s) <= allowed; },
                        divergenceOf);
    EXPECT_LE(result->found.divergence, 1.2 * least) << budget;
    // Nothing but the recipe changes, and it is what was measured.
    EXPECT_EQ(kWhole, result->before.bytes);
    EXPECT_TRUE(StringRef(result->recipe).contains(result->found.passes[0]));
  }
}

TEST_F(BudgetSearchTest, KeepsATime) {
  // Plans leave a little of the time, as it differs from run to run.
  for (double surprise : {1.0, 1.15})
    for (double share : {0.9, 0.6, 0.45, 0.35}) {
      evaluator.surprise = surprise;
      FailureOr<SearchResult> result = searchTime(share, kWholeSeconds);
      ASSERT_TRUE(succeeded(result));
      double least = best(
          [&](const State &s) {
            return secondsOf(s) * surprise <= 0.96 * share * kWholeSeconds;
          },
          divergenceOf);
      EXPECT_LE(result->found.divergence, 1.3 * least) << share << surprise;
    }
}

TEST_F(BudgetSearchTest, KeepsSizeAndTime) {
  FailureOr<SearchResult> result = search("size=20%,time=0.45x");
  ASSERT_TRUE(succeeded(result)) << message;
  EXPECT_LE(result->found.bytes, kWhole / 5);
  EXPECT_LE(getSeconds(result->found.time), 0.45 * kWholeSeconds);
  double least = best(
      [&](const State &s) {
        return bytesOf(s) <= kWhole / 5 && secondsOf(s) <= 0.45 * kWholeSeconds;
      },
      divergenceOf);
  EXPECT_LE(result->found.divergence, 1.3 * least);
}

TEST_F(BudgetSearchTest, FindsTheSmallestWithinADivergence) {
  FailureOr<SearchResult> result = search("kl=0.05");
  ASSERT_TRUE(succeeded(result)) << message;
  EXPECT_LE(result->found.divergence, 0.05);
  double least =
      best([](const State &s) { return divergenceOf(s) <= 0.05; }, bytesOf);
  EXPECT_LE(double(result->found.bytes), 1.2 * least);
}

TEST_F(BudgetSearchTest, TellsWhatCannotBe) {
  EXPECT_TRUE(failed(search("size=1%")));
  EXPECT_TRUE(StringRef(message).starts_with("cannot keep the budget: formats "
                                             "and layers that may go leave at "
                                             "least "))
      << message;
  // Before the first run.
  EXPECT_EQ(1, evaluator.runs);
  EXPECT_TRUE(failed(search("time=0.01x")));
  EXPECT_TRUE(StringRef(message).starts_with(
      "cannot keep the budget: the nearest that was found has "))
      << message;
  EXPECT_TRUE(failed(search("size=16%,kl=0.00001")));
  EXPECT_TRUE(StringRef(message).starts_with(
      "cannot keep the budget: the least divergence that was found is "))
      << message;
  evaluator.runs = 0;
  evaluator.stopsAfter = 3;
  EXPECT_TRUE(failed(search("size=50%")));
  EXPECT_EQ("the search was stopped", message);
  EXPECT_EQ(4, evaluator.runs);
}

TEST_F(BudgetSearchTest, ExpectsTheTimesOfWhatPassesMake) {
  RunTime before = llvm::cantFail(evaluator.time(*module));
  for (const char *passes : {"winnow-quantize-weights{format=q4_0 only=a}",
                             "winnow-drop-layers{granularity=mlp layers=1,3}",
                             "winnow-drop-layers{granularity=mlp layers=2},"
                             "winnow-quantize-weights{format=q5_0 only=b|e},"
                             "winnow-quantize-weights{format=q8_0 only=d}"}) {
    OwningOpRef<ModuleOp> changed = module->clone();
    PassManager manager(&context);
    ASSERT_TRUE(succeeded(parsePassPipeline(passes, manager)));
    ASSERT_TRUE(succeeded(manager.run(*changed))) << message;
    auto expected =
        llvm::cantFail(expectSeconds(*module, before, *changed, evaluator));
    ASSERT_TRUE(expected && expected->size() == 1);
    EXPECT_NEAR(secondsOf(stateOf(*changed)), expected->front(), 1e-9)
        << passes;
    EXPECT_LT(expected->front(), kWholeSeconds);
  }
}

TEST_F(BudgetSearchTest, NeedsStatisticsAndServices) {
  EXPECT_TRUE(failed(searchUnderBudget(*module, {})));
  EXPECT_TRUE(StringRef(message).starts_with(
      "a budget needs texts to measure candidates on: "))
      << message;
  (*module)->removeAttr("winnow.statistics");
  EXPECT_TRUE(failed(search("size=50%")));
  EXPECT_TRUE(StringRef(message).starts_with("a budget needs statistics: "))
      << message;
}
