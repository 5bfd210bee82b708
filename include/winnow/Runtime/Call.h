/*===- Call.h - What generated code and the runtime agree on --------*- C -*-===
 *
 * Private to an artifact: generated entry points read these structs at fixed
 * offsets, which the code generator takes from this header and a unit test
 * pins.
 *
 *===----------------------------------------------------------------------===*/

#ifndef WINNOW_RUNTIME_CALL_H
#define WINNOW_RUNTIME_CALL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keys come in blocks of this many slots, one slot a vector lane. */
enum { WINNOW_KV_BLOCK = 16 };

/* Attention adds up keys in chunks of this many slots. In a chunked cache each
 * chunk belongs to one segment, so that what is computed for a segment does not
 * depend on others, bit for bit. */
enum { WINNOW_KV_CHUNK = 128 };

/* The segment of a slot that no token has taken; those of tokens are not
 * negative. */
enum { WINNOW_KV_NO_SEGMENT = -1 };

/* How keys or values are stored. I8: codes with one f32 scale for the channels
 * of a head and slot; a number is code * scale. */
enum { WINNOW_KV_F32 = 0, WINNOW_KV_BF16 = 1, WINNOW_KV_I8 = 2 };

/* Bytes of one number, and of the scale of a head and slot. */
static inline int64_t winnow_kv_number_bytes(int64_t format) {
  return format == WINNOW_KV_F32 ? 4 : format == WINNOW_KV_BF16 ? 2 : 1;
}
static inline int64_t winnow_kv_scale_bytes(int64_t format) {
  return format == WINNOW_KV_I8 ? 4 : 0;
}
/* Bytes of the keys or the values of one head and slot. */
static inline int64_t winnow_kv_slot_bytes(int64_t format, int64_t channels) {
  return channels * winnow_kv_number_bytes(format) +
         winnow_kv_scale_bytes(format);
}

/* The storage of one cache. Slots [0, length) are written. Memory that was
 * never written reads as zero. In a chunked cache some of the slots belong to
 * no token: their segment is WINNOW_KV_NO_SEGMENT.
 *   keys    [head][slot / 16] { scales [16], numbers [channel][16] }
 *   values  [head][slot / 16] { scales [16], numbers [16][channel] }
 * The 16 are the slots of a block; formats without scales leave them out.
 * Strides between heads follow from `capacity`, a multiple of 16. */
typedef struct winnow_kv_slot {
  uint8_t *keys;
  uint8_t *values;
  int32_t *positions; /* [capacity] */
  int32_t *segments;  /* [capacity] */
  int64_t length;
  int64_t capacity;
} winnow_kv_slot;

/* One call of an entry point, shared by all its threads. */
typedef struct winnow_call {
  const void *const *inputs; /* one per tensor argument, in order; row-major */
  void *const *outputs;      /* one per tensor result, in order; row-major */
  const int64_t *dims;       /* values of the named dimensions, in order */
  winnow_kv_slot *caches;    /* one per cache argument, in order */
  const uint8_t *weights;    /* start of the tensor data of NAME.weights */
  uint8_t *arena;            /* see winnow_entry.arena_* ; 64-byte aligned */
  uint8_t *scratch;          /* thread t owns [t, t+1) * scratch_stride */
  int64_t scratch_stride;    /* a multiple of 64 */
  /* Waits until every thread of the call has come here. */
  void (*barrier)(void *team, int32_t thread);
  void *team;
  /* A barrier that tells all threads alike whether the call is cancelled: where
   * it does not return 0, the entry returns at once. Only used before the entry
   * has written any output or advanced a cache. */
  int32_t (*checkpoint)(void *team, int32_t thread);
  const int32_t *slots; /* chunked caches: the slot of each new token */
  int64_t slot_end;     /* chunked caches: the length after the call */
  int64_t split_keys; /* keys of a cache that the arena has room to spread over
                       * threads: the least capacity of a cache */
} winnow_call;

/* Generated: every thread of the team runs it with its own number. At the end
 * thread 0 advances the length of the caches that the entry appends to. */
typedef void (*winnow_entry_function)(const winnow_call *call, int32_t thread,
                                      int32_t threads);

enum { WINNOW_MAX_RANK = 4 };

/* A tensor argument or result of an entry point. */
typedef struct winnow_tensor_info {
  const char *name;
  int32_t dtype; /* winnow_dtype */
  int32_t rank;
  int64_t shape[WINNOW_MAX_RANK]; /* >= 0: fixed; -1-i: the named dimension i */
} winnow_tensor_info;

/* A cache argument of an entry point. */
typedef struct winnow_cache_info {
  int64_t heads, key_dim, value_dim;
  int64_t capacity; /* in tokens */
  int64_t chunked; /* 1: new tokens go to winnow_call.slots, one for each row of
                    * the entry's segments; 0: they follow the ones before */
  int64_t key_format, value_format; /* WINNOW_KV_F32, ... */
} winnow_cache_info;

/* What a tensor argument of i32 chooses from: its numbers are in [0, rows). An
 * argument that chooses from several tensors has a bound for each. */
typedef struct winnow_index_bound {
  int64_t input; /* the argument's number among the inputs */
  int64_t rows;  /* >= 0: fixed; -1-i: the named dimension i */
} winnow_index_bound;

/* An entry point. The arena takes sum over named dimensions i of
 * arena_bytes_per[i] * round_up(dims[i], 16), plus arena_bytes. Scratch per
 * thread is likewise affine. */
typedef struct winnow_entry {
  const char *name;
  winnow_entry_function function;
  const winnow_tensor_info *inputs;
  const winnow_tensor_info *outputs;
  const winnow_cache_info *caches;
  const char *const *dim_names;
  const int64_t *arena_bytes_per;
  const int64_t *scratch_bytes_per;
  int64_t arena_bytes;
  int64_t scratch_bytes;
  int32_t input_count, output_count, cache_count, dim_count;
  int32_t segments_input; /* the i32 [T] that chunked caches go by */
  int32_t bound_count;
  const winnow_index_bound *bounds;
} winnow_entry;

/* Bits of winnow_artifact.cpu_features: what the code needs of a processor. */
enum {
  WINNOW_CPU_AVX2_FMA_F16C = 1 << 0,
  WINNOW_CPU_AVX512_FBWVLDQ = 1 << 1, /* F, BW, VL, DQ, CD */
  WINNOW_CPU_AVX512_VNNI = 1 << 2,
  WINNOW_CPU_AVX512_BF16 = 1 << 3,
  WINNOW_CPU_AVX_VNNI = 1 << 4,
  WINNOW_CPU_AMX_INT8 = 1 << 5,
  WINNOW_CPU_AMX_BF16 = 1 << 6,
  WINNOW_CPU_AVX512_VBMI = 1 << 7,
  WINNOW_CPU_AVX512_FP16 = 1 << 8,
  WINNOW_CPU_BMI2 = 1 << 9
};

/* The one hidden global `winnow_artifact` that the compiler emits and the
 * runtime reads. A decoder has an entry "forward" with inputs named
 *   ids [T] i32, positions [T] i32, segments [T] i32, rows [R] i32
 * and one output, logits [R, vocabulary] f32: row i of it belongs to token
 * rows[i] of the call. R may be 0. It may have an entry "forward_embeddings"
 * with the same inputs, outputs, caches and dimensions, but for embeddings [T,
 * width] f32 in place of ids: what the model makes of ids first. It may have an
 * entry "prompt" with the input prunable [T] i32 more, which leaves out tokens
 * of 1 or more and appends fewer to some caches. Both share the caches of
 * "forward". */
typedef struct winnow_artifact_info {
  uint32_t abi_version;
  uint32_t cpu_features;
  uint64_t build_id[2]; /* equal to the one in the header of NAME.weights */
  const char *name;
  const char *architecture;
  const char *target_cpu;
  const char *manifest_json;
  const winnow_entry *entries;
  int32_t entry_count;
  int32_t reserved;
  int64_t vocabulary;
  int64_t context;
  int64_t weight_bytes; /* of the tensor data */
  int64_t checkpoint_bytes_per_token;
} winnow_artifact_info;

extern const winnow_artifact_info winnow_artifact
    __attribute__((visibility("hidden")));

/* The runtime's functions for winnow_artifact; NAME_winnow_api, the one symbol
 * that an artifact exports, returns its result. */
struct winnow_api;
const struct winnow_api *winnow_runtime_api(void)
    __attribute__((visibility("hidden")));

#ifdef __cplusplus
}
#endif

#endif /* WINNOW_RUNTIME_CALL_H */
