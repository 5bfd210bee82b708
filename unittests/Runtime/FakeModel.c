/*===- FakeModel.c - What the compiler would have generated ---------*- C -*-===
 *
 * A decoder so small that its logits can be written down: every token stores
 * key[head][channel] = id + 1 + head + channel and value likewise plus the
 * position, and the logit of word v at a row is the sum over all slots that the
 * row may see (position <= its own, equal segment) of
 *     keys + values + v * weights[0]
 * over heads, channels and caches. All sums are of small integers and exact, so
 * they depend on no order. The work is shared by the threads in the way of
 * generated code: stores, checkpoint, sums, barrier, then thread 0 advances the
 * lengths. Every intermediate goes through the arena and the scratch.
 *
 *===----------------------------------------------------------------------===*/

#include "FakeModel.h"

#include "winnow/Artifact.h"

#include <string.h>

static int64_t keyIndex(const winnow_kv_slot *cache, int64_t head, int64_t slot,
                        int64_t channel, int64_t dim) {
  return ((head * (cache->capacity / WINNOW_KV_BLOCK) +
           slot / WINNOW_KV_BLOCK) *
              dim +
          channel) *
             WINNOW_KV_BLOCK +
         slot % WINNOW_KV_BLOCK;
}

static const winnow_cache_info kCaches[] = {
    {1, 4, 4, FAKE_CONTEXT, 1, WINNOW_KV_F32, WINNOW_KV_F32},
    {2, 3, 2, FAKE_CONTEXT, 1, WINNOW_KV_F32, WINNOW_KV_F32}};

/* An id, or the sum of a row of embeddings, takes the place of "id" above. */
typedef float (*IdFunction)(const winnow_call *call, int64_t token);

static float readId(const winnow_call *call, int64_t token) {
  return (float)((const int32_t *)call->inputs[0])[token];
}

static float readRow(const winnow_call *call, int64_t token) {
  const float *row = (const float *)call->inputs[0] + token * FAKE_WIDTH;
  return row[0] + row[1];
}

static float *keysOf(const winnow_kv_slot *cache) {
  return (float *)cache->keys;
}

static float *valuesOf(const winnow_kv_slot *cache) {
  return (float *)cache->values;
}

static void store(const winnow_call *call, int64_t token, float id) {
  const int32_t *positions = call->inputs[1];
  const int32_t *segments = call->inputs[2];
  for (int c = 0; c < 2; ++c) {
    winnow_kv_slot *cache = &call->caches[c];
    const winnow_cache_info *info = &kCaches[c];
    int64_t slot = call->slots[token];
    for (int64_t head = 0; head < info->heads; ++head) {
      for (int64_t k = 0; k < info->key_dim; ++k)
        keysOf(cache)[keyIndex(cache, head, slot, k, info->key_dim)] =
            id + (float)(1 + head + k);
      for (int64_t k = 0; k < info->value_dim; ++k)
        valuesOf(cache)[(head * cache->capacity + slot) * info->value_dim + k] =
            id + (float)(1 + head + k + positions[token]);
    }
    cache->positions[slot] = positions[token];
    cache->segments[slot] = segments[token];
  }
}

static float slotSum(const winnow_kv_slot *cache, const winnow_cache_info *info,
                     int64_t slot) {
  float sum = 0;
  for (int64_t head = 0; head < info->heads; ++head) {
    for (int64_t k = 0; k < info->key_dim; ++k)
      sum += keysOf(cache)[keyIndex(cache, head, slot, k, info->key_dim)];
    for (int64_t k = 0; k < info->value_dim; ++k)
      sum += valuesOf(
          cache)[(head * cache->capacity + slot) * info->value_dim + k];
  }
  return sum;
}

static void compute(const winnow_call *call, int32_t thread, int32_t threads,
                    IdFunction id) {
  int64_t tokens = call->dims[0], rows = call->dims[1];
  const int32_t *positions = call->inputs[1];
  const int32_t *segments = call->inputs[2];
  const int32_t *wanted = call->inputs[3];
  float *logits = call->outputs[0];
  float weight = *(const float *)call->weights;
  float *visible = (float *)(call->scratch + thread * call->scratch_stride);
  float *sums = (float *)call->arena; /* [tokens], rounded up to 16 */

  for (int64_t i = thread; i < tokens; i += threads)
    store(call, i, id(call, i));
  if (call->checkpoint(call->team, thread))
    return;
  for (int64_t i = thread; i < tokens; i += threads) {
    int64_t length = call->slot_end;
    float sum = 0;
    int64_t count = 0;
    for (int c = 0; c < 2; ++c)
      for (int64_t slot = 0; slot < length; ++slot)
        if (call->caches[c].positions[slot] <= positions[i] &&
            call->caches[c].segments[slot] == segments[i]) {
          visible[count++ % 16] = slotSum(&call->caches[c], &kCaches[c], slot);
          sum += visible[(count - 1) % 16];
        }
    sums[i] = sum;
  }
  call->barrier(call->team, thread);
  for (int64_t r = thread; r < rows; r += threads)
    for (int64_t v = 0; v < FAKE_VOCABULARY; ++v)
      logits[r * FAKE_VOCABULARY + v] = sums[wanted[r]] + (float)v * weight;
  call->barrier(call->team, thread);
  if (thread == 0)
    for (int c = 0; c < 2; ++c)
      call->caches[c].length = call->slot_end;
}

static void forward(const winnow_call *call, int32_t thread, int32_t threads) {
  compute(call, thread, threads, readId);
}

static void forwardEmbeddings(const winnow_call *call, int32_t thread,
                              int32_t threads) {
  compute(call, thread, threads, readRow);
}

/* y = x + 1 on [N, 3]. */
static void increment(const winnow_call *call, int32_t thread,
                      int32_t threads) {
  const float *x = call->inputs[0];
  float *y = call->outputs[0];
  for (int64_t i = thread; i < call->dims[0] * 3; i += threads)
    y[i] = x[i] + 1;
}

/* The entry "enormous" is the same with intermediate results for which no
 * machine has room. */

/* Appends its positions and segments to two caches of 16 tokens, of which the
 * second one is chunked, and gives the new lengths. */
static void append(const winnow_call *call, int32_t thread, int32_t threads) {
  winnow_kv_slot *plain = &call->caches[0], *chunked = &call->caches[1];
  const int32_t *positions = call->inputs[0], *segments = call->inputs[1];
  int64_t *lengths = call->outputs[0];
  if (thread != 0)
    return;
  for (int64_t i = 0; i < call->dims[0]; ++i) {
    plain->positions[plain->length + i] = positions[i];
    plain->segments[plain->length + i] = segments[i];
    chunked->positions[call->slots[i]] = positions[i];
    chunked->segments[call->slots[i]] = segments[i];
    valuesOf(chunked)[call->slots[i]] = (float)positions[i];
  }
  plain->length += call->dims[0];
  chunked->length = call->slot_end;
  lengths[0] = plain->length;
  lengths[1] = chunked->length;
}

/* y[m] = x[rows[m]] on x [N, 3], of which the first four rows can be chosen. */
static void choose(const winnow_call *call, int32_t thread, int32_t threads) {
  const float *x = call->inputs[0];
  const int32_t *rows = call->inputs[1];
  float *y = call->outputs[0];
  for (int64_t m = thread; m < call->dims[1]; m += threads)
    memcpy(y + m * 3, x + rows[m] * 3, 3 * sizeof(float));
}

static const winnow_tensor_info kForwardInputs[] = {
    {"ids", WINNOW_I32, 1, {-1}},
    {"positions", WINNOW_I32, 1, {-1}},
    {"segments", WINNOW_I32, 1, {-1}},
    {"rows", WINNOW_I32, 1, {-2}}};
static const winnow_tensor_info kEmbeddingsInputs[] = {
    {"embeddings", WINNOW_F32, 2, {-1, FAKE_WIDTH}},
    {"positions", WINNOW_I32, 1, {-1}},
    {"segments", WINNOW_I32, 1, {-1}},
    {"rows", WINNOW_I32, 1, {-2}}};
static const winnow_tensor_info kForwardOutputs[] = {
    {"logits", WINNOW_F32, 2, {-2, FAKE_VOCABULARY}}};
static const char *const kForwardDims[] = {"T", "R"};
static const int64_t kForwardArena[] = {sizeof(float), 0};
static const int64_t kNothing[] = {0, 0};

static const winnow_tensor_info kIncrementInputs[] = {
    {"x", WINNOW_F32, 2, {-1, 3}}};
static const winnow_tensor_info kIncrementOutputs[] = {
    {"y", WINNOW_F32, 2, {-1, 3}}};
static const char *const kOneDim[] = {"N"};

static const winnow_tensor_info kAppendInputs[] = {
    {"positions", WINNOW_I32, 1, {-1}}, {"segments", WINNOW_I32, 1, {-1}}};
static const winnow_tensor_info kAppendOutputs[] = {
    {"lengths", WINNOW_I64, 1, {2}}};
static const winnow_cache_info kAppendCaches[] = {
    {1, 1, 1, 16, 0, WINNOW_KV_F32, WINNOW_KV_F32},
    {1, 1, 1, 16, 1, WINNOW_KV_F32, WINNOW_KV_F32}};

static const winnow_tensor_info kChooseInputs[] = {
    {"x", WINNOW_F32, 2, {-1, 3}}, {"rows", WINNOW_I32, 1, {-2}}};
static const winnow_tensor_info kChooseOutputs[] = {
    {"y", WINNOW_F32, 2, {-2, 3}}};
static const winnow_index_bound kChooseBounds[] = {{1, -1}, {1, 4}};
static const char *const kChooseDims[] = {"N", "M"};

static const winnow_entry kEntries[] = {
    {"increment", increment, kIncrementInputs, kIncrementOutputs, NULL, kOneDim,
     kNothing, kNothing, 0, 0, 1, 1, 0, 1, 0, 0, NULL},
    {"forward", forward, kForwardInputs, kForwardOutputs, kCaches, kForwardDims,
     kForwardArena, kNothing, 0, 16 * sizeof(float), 4, 1, 2, 2, 2, 0, NULL},
    {"append", append, kAppendInputs, kAppendOutputs, kAppendCaches, kOneDim,
     kNothing, kNothing, 0, 0, 2, 1, 2, 1, 1, 0, NULL},
    {"enormous", increment, kIncrementInputs, kIncrementOutputs, NULL, kOneDim,
     kNothing, kNothing, (int64_t)1 << 60, 0, 1, 1, 0, 1, 0, 0, NULL},
    {"forward_embeddings", forwardEmbeddings, kEmbeddingsInputs,
     kForwardOutputs, kCaches, kForwardDims, kForwardArena, kNothing, 0,
     16 * sizeof(float), 4, 1, 2, 2, 2, 0, NULL},
    {"choose", choose, kChooseInputs, kChooseOutputs, NULL, kChooseDims,
     kNothing, kNothing, 0, 0, 2, 1, 0, 2, 0, 2, kChooseBounds}};

const winnow_artifact_info winnow_artifact = {
    WINNOW_ABI_VERSION,
    0,
    {FAKE_BUILD_ID_0, FAKE_BUILD_ID_1},
    "fake",
    "fake-architecture",
    "x86-64",
    "{\"name\": \"fake\"}",
    kEntries,
    6,
    0,
    FAKE_VOCABULARY,
    FAKE_CONTEXT,
    FAKE_WEIGHT_BYTES,
    1234};
