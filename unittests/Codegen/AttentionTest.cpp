//===- AttentionTest.cpp - Attention kernels against f64 ------------------===//

#include "AttentionTestUtils.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <map>

using namespace winnow;
using namespace winnow::cpu;
using namespace winnow::test;

namespace {

AttentionSpec makeSpec(int64_t queryHeads, int64_t keyHeads, int64_t keyDim,
                       int64_t valueDim, MaskKind mask) {
  AttentionSpec spec;
  spec.queryHeads = queryHeads;
  spec.keyHeads = keyHeads;
  spec.keyDim = keyDim;
  spec.valueDim = valueDim;
  spec.mask = mask;
  spec.scale = 1 / std::sqrt(float(keyDim));
  return spec;
}

/// Specs that have each feature, and head counts and sizes of every kind.
std::vector<AttentionSpec> testSpecs() {
  std::vector<AttentionSpec> specs;
  for (auto [queryHeads, keyHeads, keyDim, valueDim] :
       {std::array<int64_t, 4>{4, 1, 256, 256},
        {2, 2, 20, 28},
        {8, 1, 64, 64},
        {3, 1, 28, 20},
        {12, 1, 16, 40},
        {18, 2, 8, 8},
        {6, 3, 48, 96}})
    specs.push_back(
        makeSpec(queryHeads, keyHeads, keyDim, valueDim, MaskKind::Causal));
  specs.front().wantsLse = true;

  AttentionSpec spec = makeSpec(4, 2, 32, 32, MaskKind::Full);
  specs.push_back(spec);
  spec.mask = MaskKind::SlidingWindow;
  spec.window = 37;
  specs.push_back(spec);
  spec.windowSinks = 4;
  spec.wantsLse = true;
  specs.push_back(spec);
  spec = makeSpec(2, 1, 32, 32, MaskKind::Prefix);
  spec.prefix = 45;
  spec.hasSegments = true;
  specs.push_back(spec);
  spec = makeSpec(2, 2, 32, 32, MaskKind::Tree);
  spec.wantsLse = true;
  specs.push_back(spec);
  spec = makeSpec(4, 4, 32, 32, MaskKind::Grid);
  spec.gridWidth = 13;
  spec.window = 2;
  spec.hasBias = true;
  specs.push_back(spec);
  spec.windowSinks = 3;
  specs.push_back(spec);
  spec = makeSpec(4, 1, 32, 48, MaskKind::Explicit);
  spec.softcap = 2;
  spec.hasSinks = spec.wantsLse = spec.wantsScores = true;
  specs.push_back(spec);
  spec = makeSpec(8, 2, 32, 32, MaskKind::Causal);
  spec.softcap = 5;
  spec.hasSinks = spec.hasSegments = spec.hasBias = true;
  spec.wantsLse = spec.wantsScores = true;
  specs.push_back(spec);

  // Caches of smaller numbers: whole lines of channels and parts of them, one
  // token and tiles, with the scales of one side and of both.
  constexpr CacheFormat f32 = CacheFormat::F32, bf16 = CacheFormat::BF16,
                        i8 = CacheFormat::I8;
  for (auto [keyFormat, valueFormat] :
       {std::pair(bf16, bf16), {i8, i8}, {f32, i8}, {i8, bf16}})
    for (auto [queryHeads, keyHeads, keyDim, valueDim] :
         {std::array<int64_t, 4>{4, 1, 64, 64}, {6, 2, 21, 27}}) {
      spec = makeSpec(queryHeads, keyHeads, keyDim, valueDim,
                      MaskKind::SlidingWindow);
      spec.window = 150;
      spec.hasSegments = keyDim == 21;
      spec.wantsLse = spec.wantsScores = keyDim == 64;
      spec.keyFormat = keyFormat;
      spec.valueFormat = valueFormat;
      specs.push_back(spec);
    }
  return specs;
}

/// The kernels of all specs, compiled once per processor.
JitModule &compiledKernels(const std::string &cpu) {
  static std::map<std::string, std::unique_ptr<JitModule>> modules;
  std::unique_ptr<JitModule> &jit = modules[cpu];
  if (!jit) {
    jit = std::make_unique<JitModule>(cpu);
    for (const AttentionSpec &spec : testSpecs())
      getAttentionKernels(jit->module(), jit->target(), spec);
    EXPECT_TRUE(jit->compile());
  }
  return *jit;
}

AttentionFunctions functionsOf(JitModule &jit, const AttentionSpec &spec) {
  std::string name = spec.name();
  AttentionFunctions functions;
  functions.compute = jit.get<AttentionFunction>(name + "_compute");
  functions.combine = jit.get<AttentionFunction>(name + "_combine");
  functions.scores = spec.wantsScores
                         ? jit.get<AttentionFunction>(name + "_column_sums")
                         : nullptr;
  return functions;
}

class Attention : public testing::TestWithParam<std::string> {
protected:
  AttentionFunctions functionsOf(const AttentionSpec &spec) {
    return ::functionsOf(compiledKernels(GetParam()), spec);
  }

  static void expectNear(const std::vector<float> &found,
                         const std::vector<float> &want, double tolerance,
                         const std::string &what) {
    ASSERT_EQ(found.size(), want.size()) << what;
    for (size_t i = 0; i < want.size(); ++i) {
      if (found[i] == want[i])
        continue;
      ASSERT_NEAR(found[i], want[i],
                  tolerance * std::max(1.0f, std::fabs(want[i])))
          << what << " at " << i;
    }
  }

  static bool sameBits(const std::vector<float> &a,
                       const std::vector<float> &b) {
    return a.size() == b.size() &&
           std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  }

  std::vector<AttentionSpec> specs = testSpecs();
};

TEST_P(Attention, AgreesWithTheDefinition) {
  for (const AttentionSpec &spec : specs) {
    AttentionFunctions functions = functionsOf(spec);
    for (auto [queries, keys] : {std::pair<int64_t, int64_t>{1, 1},
                                 {1, 300},
                                 {3, 17},
                                 {17, 17},
                                 {17, 141},
                                 {70, 70},
                                 {70, 389},
                                 {2, 128},
                                 {4, 700}}) {
      AttentionProblem problem =
          AttentionProblem::random(spec, queries, keys, queries + keys);
      AttentionAnswer want = attentionReference(problem);
      for (int64_t threads : {1, 3}) {
        AttentionAnswer found = runAttention(functions, problem, threads);
        std::string what = spec.name() + " " + std::to_string(queries) + "x" +
                           std::to_string(keys);
        expectNear(found.output, want.output, 1e-5, what);
        if (spec.wantsLse)
          expectNear(found.lse, want.lse, 1e-5, what + " lse");
        if (spec.wantsScores)
          expectNear(found.scores, want.scores, 1e-4, what + " scores");
      }
    }
  }
}

/// Shared memory without room for the keys keeps a call from spreading them
/// over threads; the canary behind it tells.
TEST_P(Attention, MoreKeysThanMemoryAreNotSplit) {
  for (const AttentionSpec &spec : specs) {
    AttentionProblem problem = AttentionProblem::random(spec, 2, 700, 5);
    AttentionAnswer split = runAttention(functionsOf(spec), problem, 3);
    problem.splitKeys = 300;
    AttentionAnswer whole = runAttention(functionsOf(spec), problem, 3);
    EXPECT_TRUE(sameBits(split.output, whole.output)) << spec.name();
  }
}

TEST_P(Attention, BitsDependOnNeitherThreadsNorPieces) {
  for (const AttentionSpec &spec : specs) {
    AttentionFunctions functions = functionsOf(spec);
    AttentionProblem problem = AttentionProblem::random(spec, 70, 389, 3);
    AttentionAnswer whole = runAttention(functions, problem, 1);
    for (int64_t threads : {1, 2, 3, 8}) {
      AttentionAnswer other = runAttention(functions, problem, threads);
      EXPECT_TRUE(sameBits(whole.output, other.output)) << spec.name();
      if (spec.wantsScores)
        EXPECT_TRUE(sameBits(whole.scores, other.scores)) << spec.name();
      // The base of a tree mask follows from the queries of the call.
      if (spec.mask == MaskKind::Tree)
        continue;
      for (int64_t piece : {1, 2, 4, 7, 64}) {
        AttentionAnswer joined;
        for (int64_t first = 0; first < 70; first += piece) {
          int64_t count = std::min<int64_t>(piece, 70 - first);
          // A decoder appends keys piece by piece: later ones are not there
          // yet, and masked where they are.
          int64_t keys = spec.mask == MaskKind::Causal ||
                                 spec.mask == MaskKind::SlidingWindow
                             ? 389 - 70 + first + count
                             : 389;
          AttentionAnswer part =
              runAttention(functions, problem, threads, first, count, keys);
          joined.output.insert(joined.output.end(), part.output.begin(),
                               part.output.end());
          joined.lse.insert(joined.lse.end(), part.lse.begin(), part.lse.end());
        }
        EXPECT_TRUE(sameBits(whole.output, joined.output))
            << spec.name() << " threads " << threads << " pieces of " << piece;
        if (spec.wantsLse)
          EXPECT_TRUE(sameBits(whole.lse, joined.lse)) << spec.name();
      }
    }
  }
}

TEST_P(Attention, BitsDoNotDependOnTheProcessor) {
  for (const AttentionSpec &spec : specs) {
    AttentionProblem problem = AttentionProblem::random(spec, 33, 270, 4);
    AttentionAnswer here = runAttention(functionsOf(spec), problem, 1);
    AttentionAnswer basic = runAttention(
        ::functionsOf(compiledKernels("x86-64-v3"), spec), problem, 1);
    EXPECT_TRUE(sameBits(here.output, basic.output)) << spec.name();
    EXPECT_TRUE(sameBits(here.lse, basic.lse) || !spec.wantsLse);
  }
}

TEST_P(Attention, UnsortedPositionsAndOtherSegments) {
  for (AttentionSpec spec : specs) {
    if (!spec.hasSegments)
      continue;
    AttentionProblem problem = AttentionProblem::random(spec, 9, 333, 5);
    std::reverse(problem.keyPositions.begin(),
                 problem.keyPositions.begin() + 200);
    for (int64_t j = 0; j < 333; ++j)
      problem.keySegments[j] = j % 5;
    for (int64_t i = 0; i < 9; ++i)
      problem.querySegments[i] = i; // 5 to 8 see nothing
    AttentionFunctions functions = functionsOf(spec);
    AttentionAnswer want = attentionReference(problem);
    AttentionAnswer found = runAttention(functions, problem, 2);
    expectNear(found.output, want.output, 1e-5, spec.name());
    int64_t row = spec.queryHeads * spec.valueDim;
    for (int64_t c = 5 * row; c < 9 * row; ++c)
      ASSERT_EQ(found.output[c], 0.0f);
    if (spec.wantsLse)
      EXPECT_EQ(found.lse.back(), -std::numeric_limits<float>::infinity());

    // Keys of other segments do not change a bit.
    AttentionProblem other = problem;
    for (int64_t j = 0; j < 333; ++j)
      if (other.keySegments[j] != 2)
        for (int64_t c = 0; c < spec.keyHeads * spec.valueDim; ++c)
          other.values[j * spec.keyHeads * spec.valueDim + c] += 1;
    other.pack();
    AttentionAnswer changed = runAttention(functions, other, 2);
    EXPECT_EQ(std::memcmp(&changed.output[2 * row], &found.output[2 * row],
                          row * sizeof(float)),
              0);
  }
}

TEST_P(Attention, LargeScores) {
  const AttentionSpec &spec = specs[0];
  AttentionProblem problem = AttentionProblem::random(spec, 5, 300, 9);
  for (float &value : problem.query)
    value *= 1e4f;
  AttentionAnswer found = runAttention(functionsOf(spec), problem, 1);
  for (float value : found.output)
    ASSERT_TRUE(std::isfinite(value));
  for (float value : found.lse)
    ASSERT_TRUE(std::isfinite(value));
}

TEST_P(Attention, NoQueriesOrNoKeys) {
  for (const AttentionSpec &spec : specs) {
    AttentionProblem problem = AttentionProblem::random(spec, 5, 40, 2);
    for (int64_t threads : {1, 3}) {
      runAttention(functionsOf(spec), problem, threads, 0, 0, 40);
      if (spec.mask == MaskKind::Tree)
        continue; // the keys of the queries are always there
      AttentionAnswer found =
          runAttention(functionsOf(spec), problem, threads, 0, 5, 0);
      for (float value : found.output)
        ASSERT_EQ(value, 0.0f);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Attention,
                         testing::ValuesIn(JitModule::runnableTargets()),
                         [](const auto &info) {
                           return targetName(info.param);
                         });

} // namespace
