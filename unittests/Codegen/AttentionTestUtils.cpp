//===- AttentionTestUtils.cpp - Attention problems and their answers ------===//

#include "AttentionTestUtils.h"

#include "../CacheNumbers.h"
#include "winnow/Formats/Activation.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace winnow::test {

static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
static constexpr float kInfinity = std::numeric_limits<float>::infinity();

AttentionProblem AttentionProblem::random(const cpu::AttentionSpec &spec,
                                          int64_t queries, int64_t keyCount,
                                          unsigned seed) {
  AttentionProblem p;
  p.spec = spec;
  p.queries = queries;
  p.keyCount = keyCount;
  p.capacity = (keyCount + 15) / 16 * 16;
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  auto fill = [&](std::vector<float> &values, int64_t size) {
    values.resize(size);
    for (float &value : values)
      value = normal(random);
  };
  fill(p.query, queries * spec.queryHeads * spec.keyDim);
  fill(p.keys, keyCount * spec.keyHeads * spec.keyDim);
  fill(p.values, keyCount * spec.keyHeads * spec.valueDim);
  fill(p.sinks, spec.queryHeads);
  fill(p.bias, spec.queryHeads * queries * keyCount);
  p.keyPositions.assign(p.capacity, 0);
  p.keySegments.assign(p.capacity, 0);
  for (int64_t j = 0; j < keyCount; ++j) {
    p.keyPositions[j] = j;
    p.keySegments[j] = j * 3 / keyCount;
  }
  for (int64_t i = 0; i < queries; ++i) {
    int64_t j = std::max<int64_t>(0, keyCount - queries) + i;
    p.queryPositions.push_back(j);
    p.querySegments.push_back(j < keyCount ? p.keySegments[j] : 2);
  }
  p.visible.resize(queries * keyCount);
  for (uint8_t &byte : p.visible)
    byte = random() % 3 == 0;
  int64_t words = (queries + 63) / 64;
  p.ancestors.resize(queries * words);
  for (int64_t i = 0; i < queries; ++i)
    for (int64_t node = 0; node <= i; ++node)
      if (node == i || random() % 2)
        p.ancestors[i * words + node / 64] |= uint64_t(1) << (node % 64);
  p.pack();
  return p;
}

void AttentionProblem::store(bool isKey, int64_t head, int64_t slot) {
  winnow_kv_slot cache = {
      packedKeys.data(), packedValues.data(), nullptr, nullptr, 0, capacity};
  winnow_cache_info info = {spec.keyHeads,
                            spec.keyDim,
                            spec.valueDim,
                            capacity,
                            0,
                            int64_t(spec.keyFormat),
                            int64_t(spec.valueFormat)};
  CacheNumbers stored(cache, info, isKey, head, slot);
  int64_t dim = stored.channels();
  float *row = &(isKey ? keys : values)[(slot * spec.keyHeads + head) * dim];
  std::vector<int8_t> codes(dim);
  if (stored.hasScale())
    encodeActivationGroup({row, size_t(dim)}, stored.scale(), codes);
  for (int64_t c = 0; c < dim; ++c) {
    switch (isKey ? spec.keyFormat : spec.valueFormat) {
    case cpu::CacheFormat::F32:
      std::memcpy(stored.at(c), &row[c], sizeof(float));
      break;
    case cpu::CacheFormat::BF16: {
      uint16_t bits = roundToBf16(row[c]);
      std::memcpy(stored.at(c), &bits, sizeof bits);
      break;
    }
    case cpu::CacheFormat::I8:
      std::memcpy(stored.at(c), &codes[c], 1);
      break;
    }
    row[c] = stored.read(c);
  }
}

void AttentionProblem::pack() {
  // All ones are a NaN in every format.
  int64_t slots = spec.keyHeads * capacity;
  packedKeys.assign(slots * getSlotBytes(spec.keyFormat, spec.keyDim), 0xff);
  packedValues.assign(slots * getSlotBytes(spec.valueFormat, spec.valueDim),
                      0xff);
  for (int64_t slot = 0; slot < keyCount; ++slot)
    for (int64_t head = 0; head < spec.keyHeads; ++head)
      for (bool isKey : {true, false})
        store(isKey, head, slot);
}

static bool isVisible(const AttentionProblem &p, int64_t i, int64_t j) {
  const cpu::AttentionSpec &spec = p.spec;
  int64_t q = p.queryPositions[i], k = p.keyPositions[j];
  if (spec.hasSegments && p.querySegments[i] != p.keySegments[j])
    return false;
  switch (spec.mask) {
  case MaskKind::Full:
    return true;
  case MaskKind::Causal:
    return k <= q;
  case MaskKind::SlidingWindow:
    return k <= q && (k < spec.windowSinks || q - k < spec.window);
  case MaskKind::Prefix:
    return k < spec.prefix || k <= q;
  case MaskKind::Grid:
    if (q < spec.windowSinks || k < spec.windowSinks)
      return true;
    q -= spec.windowSinks;
    k -= spec.windowSinks;
    return std::abs(q / spec.gridWidth - k / spec.gridWidth) <= spec.window &&
           std::abs(q % spec.gridWidth - k % spec.gridWidth) <= spec.window;
  case MaskKind::Explicit:
    return p.visible[i * p.keyCount + j];
  case MaskKind::Tree: {
    int64_t node = j - (p.keyCount - p.queries);
    int64_t words = (p.queries + 63) / 64;
    return node < 0 || (p.ancestors[i * words + node / 64] >> (node % 64) & 1);
  }
  }
  return false;
}

AttentionAnswer attentionReference(const AttentionProblem &p) {
  const cpu::AttentionSpec &spec = p.spec;
  int64_t group = spec.queryHeads / spec.keyHeads;
  AttentionAnswer answer;
  answer.output.assign(p.queries * spec.queryHeads * spec.valueDim, 0);
  answer.lse.assign(p.queries * spec.queryHeads, -kInfinity);
  std::vector<double> sums(p.keyCount * spec.keyHeads, 0);
  for (int64_t i = 0; i < p.queries; ++i)
    for (int64_t h = 0; h < spec.queryHeads; ++h) {
      std::vector<std::pair<int64_t, double>> seen;
      double maximum = -INFINITY;
      for (int64_t j = 0; j < p.keyCount; ++j) {
        if (!isVisible(p, i, j))
          continue;
        double score = 0;
        for (int64_t c = 0; c < spec.keyDim; ++c)
          score +=
              double(p.query[(i * spec.queryHeads + h) * spec.keyDim + c]) *
              p.keys[(j * spec.keyHeads + h / group) * spec.keyDim + c];
        score *= spec.scale;
        if (spec.softcap != 0)
          score = spec.softcap * std::tanh(score / spec.softcap);
        if (spec.hasBias)
          score += p.bias[(h * p.queries + i) * p.keyCount + j];
        seen.push_back({j, score});
        maximum = std::max(maximum, score);
      }
      if (seen.empty())
        continue;
      double sum = 0;
      for (auto &[j, score] : seen)
        sum += std::exp(score - maximum);
      answer.lse[i * spec.queryHeads + h] = maximum + std::log(sum);
      if (spec.hasSinks)
        sum += std::exp(double(p.sinks[h]) - maximum);
      std::vector<double> output(spec.valueDim);
      for (auto &[j, score] : seen) {
        double weight = std::exp(score - maximum) / sum;
        sums[j * spec.keyHeads + h / group] += weight;
        for (int64_t c = 0; c < spec.valueDim; ++c)
          output[c] +=
              weight *
              p.values[(j * spec.keyHeads + h / group) * spec.valueDim + c];
      }
      for (int64_t c = 0; c < spec.valueDim; ++c)
        answer.output[(i * spec.queryHeads + h) * spec.valueDim + c] =
            output[c];
    }
  answer.scores.assign(sums.begin(), sums.end());
  return answer;
}

AttentionAnswer runAttention(const AttentionFunctions &functions,
                             const AttentionProblem &p, int64_t threads,
                             int64_t first, int64_t count, int64_t keyCount) {
  const cpu::AttentionSpec &spec = p.spec;
  // Everything that the kernels must write first is NaN.
  int64_t scratchFloats = cpu::attentionThreadScratchBytes(spec) / 4;
  cpu::AttentionSharedBytes bytes = cpu::attentionSharedBytes(spec);
  auto roundUp = [](int64_t n) { return (n + 15) / 16 * 16; };
  std::vector<float> scratch(scratchFloats * threads, kNan);
  std::vector<float> shared(
      (bytes.constant + bytes.perQuery * roundUp(count) +
       bytes.perKey * roundUp(std::min(keyCount, p.splitKeys))) /
              4 +
          1,
      kNan);
  constexpr float canary = 4711;
  shared.back() = canary;
  int64_t row = spec.queryHeads * spec.valueDim, stride = row + 5;
  std::vector<float> output(count * stride, canary);
  AttentionAnswer answer;
  answer.lse.assign(count * spec.queryHeads, kNan);
  answer.scores.assign(keyCount * spec.keyHeads, kNan);

  bool isTree = spec.mask == MaskKind::Tree;
  int64_t words = (p.queries + 63) / 64;
  const void *visible =
      isTree ? static_cast<const void *>(&p.ancestors[first * words])
             : static_cast<const void *>(&p.visible[first * p.keyCount]);
  auto run = [&](AttentionFunction *function) {
    for (int64_t thread = 0; thread < threads; ++thread)
      function(
          &p.query[first * spec.queryHeads * spec.keyDim],
          spec.queryHeads * spec.keyDim, count, &p.queryPositions[first],
          &p.querySegments[first], p.packedKeys.data(), p.packedValues.data(),
          p.keyPositions.data(), p.keySegments.data(), keyCount, p.capacity,
          p.splitKeys, p.sinks.data(), &p.bias[first * p.keyCount],
          p.queries * p.keyCount, p.keyCount,
          /*relativeBias=*/nullptr, visible, isTree ? words : p.keyCount,
          output.data(), stride, answer.lse.data(), answer.scores.data(),
          &scratch[thread * scratchFloats], shared.data(), thread, threads);
  };
  run(functions.compute);
  run(functions.combine);
  if (functions.scores)
    run(functions.scores);
  EXPECT_EQ(shared.back(), canary);
  for (int64_t i = 0; i < count; ++i) {
    const float *begin = &output[i * stride];
    answer.output.insert(answer.output.end(), begin, begin + row);
    for (int64_t c = row; c < stride; ++c)
      EXPECT_EQ(begin[c], canary) << "behind row " << i;
  }
  return answer;
}

AttentionAnswer runAttention(const AttentionFunctions &functions,
                             const AttentionProblem &problem, int64_t threads) {
  return runAttention(functions, problem, threads, 0, problem.queries,
                      problem.keyCount);
}

} // namespace winnow::test
