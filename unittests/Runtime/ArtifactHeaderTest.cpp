//===- ArtifactHeaderTest.cpp - Layouts that others rely on ---------------===//

#include "winnow/Artifact.h"
#include "winnow/Runtime/Call.h"

#include <gtest/gtest.h>

extern "C" size_t winnow_test_sizes(int which);

TEST(ArtifactHeader, SizesAgreeBetweenCAndCpp) {
  EXPECT_EQ(winnow_test_sizes(0), sizeof(winnow_api));
  EXPECT_EQ(winnow_test_sizes(1), sizeof(winnow_session_options));
  EXPECT_EQ(winnow_test_sizes(2), sizeof(winnow_model_info));
  EXPECT_EQ(winnow_test_sizes(3), sizeof(winnow_error));
  EXPECT_EQ(winnow_test_sizes(4), sizeof(winnow_tensor));
  EXPECT_EQ(winnow_test_sizes(5), sizeof(winnow_tokens));
}

// Callers of version 1 rely on these; a change needs a new WINNOW_ABI_VERSION.
static_assert(WINNOW_ABI_VERSION == 1, "");
static_assert(offsetof(winnow_api, open) == 8, "");
static_assert(offsetof(winnow_api, invoke) == 104, "");
static_assert(offsetof(winnow_api, set_profiler) == 112, "");
static_assert(offsetof(winnow_api, status_name) == 120, "");
static_assert(offsetof(winnow_session_options, allocator) == 40, "");
static_assert(sizeof(winnow_allocator) == 24, "");
static_assert(offsetof(winnow_model_info, embedding_width) == 88, "");
static_assert(offsetof(winnow_model_info, pooled_width) == 104, "");
static_assert(offsetof(winnow_model_info, prunes_prompts) == 112, "");
static_assert(offsetof(winnow_api, encode) == 192, "");
static_assert(offsetof(winnow_api, prefill_prompt) == 200, "");
static_assert(sizeof(winnow_error) == 504, "");
static_assert(sizeof(winnow_tensor) == 48, "");
static_assert(sizeof(winnow_tokens) == 32, "");

// Generated code reads these at fixed offsets.
static_assert(offsetof(winnow_kv_slot, keys) == 0, "");
static_assert(offsetof(winnow_kv_slot, values) == 8, "");
static_assert(offsetof(winnow_kv_slot, positions) == 16, "");
static_assert(offsetof(winnow_kv_slot, segments) == 24, "");
static_assert(offsetof(winnow_kv_slot, length) == 32, "");
static_assert(offsetof(winnow_kv_slot, capacity) == 40, "");
static_assert(sizeof(winnow_kv_slot) == 48, "");

static_assert(offsetof(winnow_call, inputs) == 0, "");
static_assert(offsetof(winnow_call, outputs) == 8, "");
static_assert(offsetof(winnow_call, dims) == 16, "");
static_assert(offsetof(winnow_call, caches) == 24, "");
static_assert(offsetof(winnow_call, weights) == 32, "");
static_assert(offsetof(winnow_call, arena) == 40, "");
static_assert(offsetof(winnow_call, scratch) == 48, "");
static_assert(offsetof(winnow_call, scratch_stride) == 56, "");
static_assert(offsetof(winnow_call, barrier) == 64, "");
static_assert(offsetof(winnow_call, team) == 72, "");
static_assert(offsetof(winnow_call, checkpoint) == 80, "");
static_assert(offsetof(winnow_call, slots) == 88, "");
static_assert(offsetof(winnow_call, slot_end) == 96, "");
static_assert(offsetof(winnow_call, split_keys) == 104, "");
static_assert(sizeof(winnow_call) == 112, "");

// The compiler emits constants of these types.
static_assert(offsetof(winnow_tensor_info, dtype) == 8, "");
static_assert(offsetof(winnow_tensor_info, rank) == 12, "");
static_assert(offsetof(winnow_tensor_info, shape) == 16, "");
static_assert(sizeof(winnow_tensor_info) == 48, "");
static_assert(offsetof(winnow_cache_info, chunked) == 32, "");
static_assert(offsetof(winnow_cache_info, key_format) == 40, "");
static_assert(offsetof(winnow_cache_info, value_format) == 48, "");
static_assert(sizeof(winnow_cache_info) == 56, "");
static_assert(offsetof(winnow_entry, function) == 8, "");
static_assert(offsetof(winnow_entry, inputs) == 16, "");
static_assert(offsetof(winnow_entry, outputs) == 24, "");
static_assert(offsetof(winnow_entry, caches) == 32, "");
static_assert(offsetof(winnow_entry, dim_names) == 40, "");
static_assert(offsetof(winnow_entry, arena_bytes_per) == 48, "");
static_assert(offsetof(winnow_entry, scratch_bytes_per) == 56, "");
static_assert(offsetof(winnow_entry, arena_bytes) == 64, "");
static_assert(offsetof(winnow_entry, scratch_bytes) == 72, "");
static_assert(offsetof(winnow_entry, input_count) == 80, "");
static_assert(offsetof(winnow_entry, segments_input) == 96, "");
static_assert(offsetof(winnow_entry, bound_count) == 100, "");
static_assert(offsetof(winnow_entry, bounds) == 104, "");
static_assert(sizeof(winnow_entry) == 112, "");
static_assert(offsetof(winnow_index_bound, rows) == 8, "");
static_assert(sizeof(winnow_index_bound) == 16, "");
static_assert(offsetof(winnow_artifact_info, build_id) == 8, "");
static_assert(offsetof(winnow_artifact_info, name) == 24, "");
static_assert(offsetof(winnow_artifact_info, entries) == 56, "");
static_assert(offsetof(winnow_artifact_info, entry_count) == 64, "");
static_assert(offsetof(winnow_artifact_info, vocabulary) == 72, "");
static_assert(offsetof(winnow_artifact_info, context) == 80, "");
static_assert(offsetof(winnow_artifact_info, weight_bytes) == 88, "");
static_assert(offsetof(winnow_artifact_info, checkpoint_bytes_per_token) == 96,
              "");
static_assert(sizeof(winnow_artifact_info) == 104, "");
