//===- AttentionTestUtils.h - Attention problems and their answers===//

#ifndef WINNOW_UNITTESTS_CODEGEN_ATTENTIONTESTUTILS_H
#define WINNOW_UNITTESTS_CODEGEN_ATTENTIONTESTUTILS_H

#include "JitTest.h"

#include "winnow/Codegen/Cpu/Attention.h"

#include <cstdint>
#include <vector>

namespace winnow::test {

/// The C view of an attention kernel: the fields of cpu::AttentionArguments.
using AttentionFunction =
    void(const float *query, int64_t queryStride, int64_t queries,
         const int32_t *queryPositions, const int32_t *querySegments,
         const void *keys, const void *values, const int32_t *keyPositions,
         const int32_t *keySegments, int64_t keyCount, int64_t capacity,
         int64_t splitKeys, const float *sinks, const float *bias,
         int64_t biasHeadStride, int64_t biasQueryStride,
         const float *relativeBias, const void *visible, int64_t visibleStride,
         float *output, int64_t outputStride, float *lse, float *columnSums,
         void *threadScratch, void *shared, int64_t thread, int64_t threads);

struct AttentionFunctions {
  AttentionFunction *compute, *combine, *scores;
};

/// The inputs of an attention, in plain layouts. A key row that is not there
/// yet is NaN in the packed arrays, which are as in winnow_kv_slot.
struct AttentionProblem {
  cpu::AttentionSpec spec;
  int64_t queries = 0, keyCount = 0, capacity = 0;
  int64_t splitKeys = INT64_MAX;
  std::vector<float> query;        ///< [T][queryHeads][keyDim]
  std::vector<float> keys, values; ///< [S][keyHeads][dim]
  std::vector<uint8_t> packedKeys, packedValues;
  std::vector<int32_t> queryPositions, querySegments;
  std::vector<int32_t> keyPositions, keySegments; ///< [capacity]
  std::vector<float> sinks, bias;                 ///< bias: [queryHeads][T][S]
  std::vector<uint8_t> visible;                   ///< explicit: [T][S]
  std::vector<uint64_t> ancestors;                ///< tree: [T][ceil(T / 64)]

  /// Random values; the last `queries` of the keys belong to the queries.
  static AttentionProblem random(const cpu::AttentionSpec &spec,
                                 int64_t queries, int64_t keyCount,
                                 unsigned seed);
  /// Stores keys and values, and makes them what is read then.
  void pack();

private:
  void store(bool isKey, int64_t head, int64_t slot);
};

struct AttentionAnswer {
  std::vector<float> output; ///< [T][queryHeads][valueDim]
  std::vector<float> lse;    ///< [T][queryHeads]
  std::vector<float> scores; ///< [S][keyHeads]
};

/// The definition, in f64.
AttentionAnswer attentionReference(const AttentionProblem &problem);

/// Runs the kernels for queries [first, first + count) of the problem, seeing
/// the first `keyCount` keys, one thread after another.
AttentionAnswer runAttention(const AttentionFunctions &functions,
                             const AttentionProblem &problem, int64_t threads,
                             int64_t first, int64_t count, int64_t keyCount);

/// All queries at once.
AttentionAnswer runAttention(const AttentionFunctions &functions,
                             const AttentionProblem &problem, int64_t threads);

} // namespace winnow::test

#endif // WINNOW_UNITTESTS_CODEGEN_ATTENTIONTESTUTILS_H
