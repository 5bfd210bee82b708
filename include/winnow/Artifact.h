/*===- Artifact.h - C ABI of a compiled model -----------------------*- C -*-===
 *
 * A compiled model NAME is a shared library NAME.so with one exported function,
 *
 *     const winnow_api *NAME_winnow_api(void);
 *
 * and a file NAME.weights. Everything else is reached through the struct of
 * functions that it returns. Nothing here throws, allocates on the caller's
 * behalf without a matching release, or prints.
 *
 * Threads: a model is immutable and may be shared; a session belongs to one
 * thread at a time. Sessions do not share anything but the model.
 *
 * Every function that returns a status takes null for `error`; without a
 * failure the error's status is WINNOW_OK and its message empty. Pointers that
 * must not be null are checked.
 *
 *===----------------------------------------------------------------------===*/

#ifndef WINNOW_ARTIFACT_H
#define WINNOW_ARTIFACT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a struct or a function below changes its meaning. New functions
 * are appended to winnow_api, which tells its own size. */
#define WINNOW_ABI_VERSION 1u

/* Enums that a caller passes hold any int, in C++ as in C, so that a number
 * without a name can be refused. */
#ifdef __cplusplus
#define WINNOW_INT_ENUM : int
#else
#define WINNOW_INT_ENUM
#endif

/* Codes keep their numbers and names for ever; docs/Errors.md says what to do
 * about each. status_name gives the name as text. */
typedef enum winnow_status WINNOW_INT_ENUM {
  WINNOW_OK = 0,
  WINNOW_INVALID_ARGUMENT = 1, /* a null pointer, a bad count, an unknown name */
  WINNOW_IO_ERROR = 2,         /* a file cannot be opened, read, written or mapped */
  WINNOW_BAD_FILE = 3,         /* weights or a state are truncated or malformed */
  WINNOW_MISMATCH = 4,         /* weights or a state belong to another artifact */
  WINNOW_ABI_MISMATCH = 5,     /* the caller was built for another ABI version */
  WINNOW_UNSUPPORTED_CPU = 6,  /* this processor lacks instructions of the code */
  WINNOW_OUT_OF_MEMORY = 7,    /* an allocation or a thread was refused */
  WINNOW_TOKEN_OUT_OF_RANGE = 8, /* a token id outside of the vocabulary */
  WINNOW_CONTEXT_OVERRUN = 9,  /* more tokens than the session's context */
  WINNOW_UNSUPPORTED = 10,     /* the model has no such entry point */
  WINNOW_CANCELLED = 11,       /* the session's cancel callback asked for it */
  WINNOW_INDEX_OUT_OF_RANGE = 12 /* an input of invoke chooses a row that is none */
} winnow_status;

/* Where a call fails, it says why: one line, no final newline. */
typedef struct winnow_error {
  winnow_status status;
  char message[500];
} winnow_error;

typedef struct winnow_model winnow_model;
typedef struct winnow_session winnow_session;

/* Runs `part(context, index, count)` for every index in [0, count), all of them
 * at the same time on different threads (parts wait for each other), and
 * returns when all have returned. */
typedef void (*winnow_executor)(void *executor_context, int32_t count,
                                void (*part)(void *context, int32_t index,
                                             int32_t count),
                                void *context);

/* Where memory comes from; both functions or neither. `allocate` returns `size`
 * bytes (at least 1) that read as zero, at a multiple of `alignment` (a power of
 * two, at most 4096), or null: the call then fails with WINNOW_OUT_OF_MEMORY and
 * changes nothing. Sizes follow the context, so memory should be reserved and
 * become real where it is touched, as with mmap. `release` gets what `allocate`
 * returned and the same size; everything is released by session_destroy and
 * close. Weights are mapped and do not come from here, nor do the stacks of
 * threads. Called only within calls of the model or session, by their thread. */
typedef struct winnow_allocator {
  void *context;
  void *(*allocate)(void *context, size_t size, size_t alignment);
  void (*release)(void *context, void *data, size_t size);
} winnow_allocator;

typedef enum winnow_log_level {
  WINNOW_LOG_INFO = 0,   /* what was opened, made, saved or loaded */
  WINNOW_LOG_WARNING = 1 /* it works, but slower than it could */
} winnow_log_level;

/* Gets one line without a final newline, valid during the call. Failures are
 * returned and not logged. */
typedef void (*winnow_log)(void *log_context, winnow_log_level level,
                           const char *message);

/* Asked between the pieces of a prompt and between the layers of a piece, by the
 * part that runs index 0 of the call (without an executor: the caller's
 * thread). Anything but 0 ends the call with WINNOW_CANCELLED; the session is
 * as before, its logits included. It must not call the session. */
typedef int (*winnow_cancel)(void *cancel_context);

/* Zeros are defaults; struct_size must be set. */
typedef struct winnow_model_options {
  uint32_t struct_size; /* sizeof(winnow_model_options) */
  const winnow_allocator *allocator; /* copied; null: the system's */
  winnow_log log;       /* null: no log */
  void *log_context;
} winnow_model_options;

/* Zeros are defaults; struct_size must be set. A session reserves address space
 * for its whole context, and takes memory as tokens are stored. */
typedef struct winnow_session_options {
  uint32_t struct_size;  /* sizeof(winnow_session_options) */
  int32_t threads;       /* 0: one per processor that the process may use */
  int64_t context;       /* tokens, at most the artifact's; 0: the artifact's */
  int64_t piece;         /* longest internal piece of a prompt in tokens; memory
                            grows with it, results do not depend on it; 0: 256 */
  winnow_executor executor; /* null: the session's own pool */
  void *executor_context;
  const winnow_allocator *allocator; /* copied; null: the model's */
  winnow_cancel cancel;     /* null: calls cannot be cancelled */
  void *cancel_context;
  winnow_log log;           /* null: the model's */
  void *log_context;
} winnow_session_options;

/* Which rows of a call get logits. */
typedef enum winnow_rows WINNOW_INT_ENUM {
  WINNOW_ROWS_LAST = 0,
  WINNOW_ROWS_ALL = 1,
  WINNOW_ROWS_NONE = 2
} winnow_rows;

/* New tokens for a session, read during the call only. positions: in
 * [0, context of the artifact); null continues from the length of the session.
 * segments: at least 0, null is segment 0 for all; a token sees the tokens of
 * its own segment only, and its logits have the bits that it would have without
 * the others. Each segment takes cache memory in chunks of 128 tokens. */
typedef struct winnow_tokens {
  const int32_t *ids;       /* [count] */
  const int32_t *positions; /* [count] or null */
  const int32_t *segments;  /* [count] or null */
  int64_t count;
} winnow_tokens;

/* Tokens [first, last) of a call, counted from 0. */
typedef struct winnow_span {
  int64_t first, last;
} winnow_span;

/* Rows in place of token ids (of an image, say), read during the call only. A
 * row is what the model's table of embeddings gives for an id times the model's
 * scale (the square root of the width in Gemma, 1 elsewhere): exactly these
 * numbers give exactly the logits of the ids. */
typedef struct winnow_embeddings {
  const float *rows;        /* [count, width] */
  int64_t width;            /* winnow_model_info.embedding_width */
  const int32_t *positions; /* as in winnow_tokens */
  const int32_t *segments;
  int64_t count;
} winnow_embeddings;

/* Texts for winnow_api.encode, read during the call only: the tokens of one
 * after those of the other. */
typedef struct winnow_texts {
  const int32_t *ids;     /* [sum of lengths] */
  const int64_t *lengths; /* [count], each from 1 to the session's context */
  int64_t count;          /* at least 1 */
} winnow_texts;

/* A dense row-major array for winnow_api.invoke. */
typedef enum winnow_dtype WINNOW_INT_ENUM {
  WINNOW_F32 = 0,
  WINNOW_I32 = 1,
  WINNOW_I64 = 2,
  WINNOW_I1 = 3
} winnow_dtype;
typedef struct winnow_tensor {
  winnow_dtype dtype;
  int32_t rank;         /* at most 4 */
  int64_t shape[4];
  void *data;           /* invoke: inputs are read, outputs written in place */
} winnow_tensor;

typedef struct winnow_model_info {
  uint32_t struct_size;
  const char *name;            /* as given to -o */
  const char *architecture;    /* "gemma3", ... or "" for a plain program */
  const char *target_cpu;
  const char *manifest_json;   /* the whole manifest */
  int64_t vocabulary;          /* ids are in [0, vocabulary); 0: no decoder */
  int64_t context;             /* tokens that the artifact was compiled for */
  int64_t layers;              /* KV caches */
  int64_t weight_bytes;        /* size of NAME.weights */
  int64_t kv_bytes_per_token;
  int64_t checkpoint_bytes_per_token; /* stored bytes that one decoded token reads */
  int64_t embedding_width;     /* of winnow_embeddings; 0: takes ids only */
  int64_t hidden_width;        /* numbers per token that encode gives; 0: no encoder
                                  of texts */
  int64_t pooled_width;        /* numbers per text that encode gives; 0: none */
  int64_t prunes_prompts;      /* 1: prefill_prompt leaves tokens out */
} winnow_model_info;

/* A thread of a session comes to a stage of an entry point or leaves it. Stages
 * lie between the barriers of a call, numbered from 0; what each does and costs
 * says "stages" of the entry in the manifest. */
typedef struct winnow_stage {
  const char *entry;   /* name of the entry point */
  const int64_t *dims; /* values of its named dimensions, in order */
  int64_t past;        /* tokens that its caches held before the call */
  int32_t stage;
  int32_t thread;
  int32_t leaves; /* 0: begins now, 1: ends now */
} winnow_stage;

/* Called on the session's threads, by all of them at the same time. */
typedef void (*winnow_profiler)(void *profiler_context,
                                const winnow_stage *stage);

typedef struct winnow_api {
  uint32_t abi_version; /* WINNOW_ABI_VERSION of the artifact */
  uint32_t struct_size; /* sizeof(winnow_api) of the artifact */

  /* Maps `weights_path` and pairs it with this library. On success *model is
   * released by close, after all its sessions. abi_version is the caller's
   * WINNOW_ABI_VERSION. */
  winnow_status (*open)(uint32_t abi_version, const char *weights_path,
                        winnow_model **model, winnow_error *error);
  void (*close)(winnow_model *model);
  /* Valid until close; info->struct_size is set by the caller. */
  winnow_status (*info)(const winnow_model *model, winnow_model_info *info);
  /* Hashes every byte of the weights and compares with the manifest. */
  winnow_status (*verify)(const winnow_model *model, winnow_error *error);

  /* options may be null. */
  winnow_status (*session_create)(winnow_model *model,
                                  const winnow_session_options *options,
                                  winnow_session **session, winnow_error *error);
  void (*session_destroy)(winnow_session *session);

  /* Appends tokens and computes. Atomic: on failure the session is as before,
   * its logits included. */
  winnow_status (*prefill)(winnow_session *session, const winnow_tokens *tokens,
                           winnow_rows rows, winnow_error *error);
  /* prefill of one token with logits. */
  winnow_status (*decode)(winnow_session *session, int32_t id,
                          winnow_error *error);
  /* The logits of the last prefill or decode: float32 [*rows, vocabulary],
   * owned by the session, valid until its next call; they lie at the same
   * address as long as the session lives. Where there are none
   * (WINNOW_ROWS_NONE, nothing computed yet, truncated since) *rows is 0 and
   * *data null. */
  winnow_status (*logits)(winnow_session *session, const float **data,
                          int64_t *rows, winnow_error *error);
  /* Tokens stored in the session. */
  int64_t (*length)(const winnow_session *session);
  /* Forgets all tokens from `length` on, in the order in which they came;
   * `length` is at most the session's. What follows is the same, bit by bit, as
   * in a session that never saw them. */
  winnow_status (*truncate)(winnow_session *session, int64_t length,
                            winnow_error *error);
  winnow_status (*reset)(winnow_session *session);

  /* Runs any entry point but a decoder's on plain arrays. Outputs are allocated
   * by the caller with the shapes that result; shapes that do not agree with the
   * entry point or with one another are an error, and so are numbers of an i32
   * input that choose rows which the tensor they choose from does not have. An
   * entry point with caches
   * appends to its own, which the session keeps until reset; it may append as
   * many tokens as its longest input vector of i32 (the positions) has. */
  winnow_status (*invoke)(winnow_session *session, const char *entry,
                          const winnow_tensor *inputs, int32_t input_count,
                          winnow_tensor *outputs, int32_t output_count,
                          winnow_error *error);

  /* From now on the session tells `profiler` about every stage that it computes;
   * null ends that. Results do not change. */
  winnow_status (*set_profiler)(winnow_session *session,
                                winnow_profiler profiler,
                                void *profiler_context, winnow_error *error);

  /* "WINNOW_BAD_FILE" for WINNOW_BAD_FILE and so on; "unknown status" for a
   * number that is none of winnow_status. Never null. */
  const char *(*status_name)(winnow_status status);
  /* open with options, which may be null. */
  winnow_status (*open_with_options)(uint32_t abi_version,
                                     const char *weights_path,
                                     const winnow_model_options *options,
                                     winnow_model **model, winnow_error *error);

  /* The state of a session: its tokens' positions and segments, the used slots
   * of all caches, and the last row of logits. It fits every session of the
   * same build of the model whose context holds its tokens, whatever its
   * threads and pieces. After a load everything goes on, bit by bit, as in the
   * session that was saved. A state is checked as a whole (length, build,
   * sizes, hash) before it replaces anything: on failure the session is as
   * before. */
  /* Writes a file beside `path` and then renames it. */
  winnow_status (*session_save)(const winnow_session *session, const char *path,
                                winnow_error *error);
  winnow_status (*session_load)(winnow_session *session, const char *path,
                                winnow_error *error);
  /* The size of the state in bytes, as it is now; 0 for null. */
  int64_t (*session_state_size)(const winnow_session *session);
  /* The same bytes to and from memory; `size` is exactly the state's. */
  winnow_status (*session_save_to)(const winnow_session *session, void *data,
                                   int64_t size, winnow_error *error);
  winnow_status (*session_load_from)(winnow_session *session, const void *data,
                                     int64_t size, winnow_error *error);

  /* lengths[i]: slots in use in cache i of the decoder, for the `count` =
   * winnow_model_info.layers caches. A model that drops tokens keeps fewer of
   * them in some layers than `length` says. */
  winnow_status (*cache_lengths)(const winnow_session *session,
                                 int64_t *lengths, int64_t count,
                                 winnow_error *error);

  /* prefill with rows in place of ids. Calls of both kinds may alternate. */
  winnow_status (*prefill_embeddings)(winnow_session *session,
                                      const winnow_embeddings *embeddings,
                                      winnow_rows rows, winnow_error *error);

  /* Runs an encoder on texts: the last hidden state of each token, float32
   * [sum of lengths, hidden_width], and an embedding of each text, float32
   * [count, pooled_width]. Either may be null where it is not wanted; the
   * caller allocates. A text's results do not depend on the other texts, bit
   * for bit, nor on the number of threads. Nothing is stored in the session. */
  winnow_status (*encode)(winnow_session *session, const winnow_texts *texts,
                          float *hidden, float *embeddings,
                          winnow_error *error);

  /* prefill of a whole prompt, or of the whole of what is said next, by an
   * artifact that prunes prompts (winnow_model_info.prunes_prompts): tokens of
   * `span` may leave between its layers, whose caches then hold fewer tokens
   * (cache_lengths). What a row's logits are goes by the tokens that are left.
   * A null span is all but the last 64 tokens. The prompt is computed in one
   * piece and takes memory for it. In other artifacts it is prefill. */
  winnow_status (*prefill_prompt)(winnow_session *session,
                                  const winnow_tokens *tokens,
                                  const winnow_span *span, winnow_rows rows,
                                  winnow_error *error);
} winnow_api;

/* The type of NAME_winnow_api. */
typedef const winnow_api *(*winnow_api_function)(void);

#ifdef __cplusplus
}
#endif

#endif /* WINNOW_ARTIFACT_H */
