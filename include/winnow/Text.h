/*===- Text.h - C API of the text around a model --------------------*- C -*-===
 *
 * What a program needs around a compiled model (winnow/Artifact.h) to turn text
 * into ids, logits into an id, and ids into text again. The library is
 * libwinnow-text.so; it knows nothing of LLVM. winnow-run uses the same code.
 *
 * Errors: functions that make something return null and one line in `error`, a
 * buffer of `error_size` bytes, which may be null. Where memory runs out the
 * others say so by their result. Nothing is printed.
 *
 * Threads: a tokenizer is immutable and may be shared; streams and samplers
 * belong to one thread at a time.
 *
 *===----------------------------------------------------------------------===*/

#ifndef WINNOW_TEXT_H
#define WINNOW_TEXT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when something below changes its meaning. */
#define WINNOW_TEXT_API_VERSION 1u

#if defined(__GNUC__)
#define WINNOW_TEXT_API __attribute__((visibility("default")))
#else
#define WINNOW_TEXT_API
#endif

/* WINNOW_TEXT_API_VERSION of the library. */
WINNOW_TEXT_API uint32_t winnow_text_api_version(void);

/*===----------------------------------------------------------------------===
 * Tokenizer
 *===----------------------------------------------------------------------===*/

typedef struct winnow_tokenizer winnow_tokenizer;

/* Maps the file NAME.tokenizer, which must not change until the tokenizer is
 * closed; or reads a copy of its content. */
WINNOW_TEXT_API winnow_tokenizer *
winnow_tokenizer_open(const char *path, char *error, size_t error_size);
WINNOW_TEXT_API winnow_tokenizer *winnow_tokenizer_parse(const void *bytes,
                                                         size_t size,
                                                         char *error,
                                                         size_t error_size);
/* After all streams of it. Null is ignored. */
WINNOW_TEXT_API void winnow_tokenizer_close(winnow_tokenizer *tokenizer);

enum {
  /* encode: BOS goes first, EOS last, if the vocabulary asks for it. */
  WINNOW_TOKENIZER_ADD_BOS = 1,
  WINNOW_TOKENIZER_ADD_EOS = 2,
  /* encode: the texts of control tokens become their ids; decode: control
   * tokens become their texts. */
  WINNOW_TOKENIZER_SPECIAL = 4,
  /* decode: the ids continue some text, so a space that encoding put in front
   * of the first word is kept. */
  WINNOW_TOKENIZER_CONTINUES = 8
};

/* Writes the first `capacity` ids of a text of any bytes, and returns how many
 * there are: call again with more room where that is more than `capacity`.
 * -1: a null pointer, out of memory, or a text of more than 682 MiB. */
WINNOW_TEXT_API int64_t winnow_tokenizer_encode(
    const winnow_tokenizer *tokenizer, const char *text, size_t size,
    uint32_t flags, int32_t *ids, int64_t capacity);

/* The same from ids to bytes, which need not be valid UTF-8. Ids out of range
 * give no text. */
WINNOW_TEXT_API int64_t winnow_tokenizer_decode(
    const winnow_tokenizer *tokenizer, const int32_t *ids, int64_t count,
    uint32_t flags, char *text, int64_t capacity);

/* Ids are in [0, size). */
WINNOW_TEXT_API int32_t winnow_tokenizer_size(const winnow_tokenizer *tokenizer);
/* The id of a piece as the checkpoint writes it, or -1. */
WINNOW_TEXT_API int32_t winnow_tokenizer_find(const winnow_tokenizer *tokenizer,
                                              const char *piece, size_t size);
/* The piece of an id as the checkpoint writes it, like decode; -1 for an id out
 * of range. */
WINNOW_TEXT_API int64_t
winnow_tokenizer_piece(const winnow_tokenizer *tokenizer, int32_t id,
                       char *piece, int64_t capacity);
/* The checkpoint's chat template (Jinja), like decode; 0 bytes: none. */
WINNOW_TEXT_API int64_t winnow_tokenizer_chat_template(
    const winnow_tokenizer *tokenizer, char *text, int64_t capacity);
/* Not 0 for ids that end generation (EOS, end of turn). */
WINNOW_TEXT_API int32_t winnow_tokenizer_ends(const winnow_tokenizer *tokenizer,
                                              int32_t id);
/* Ids with a role, or -1. */
WINNOW_TEXT_API int32_t winnow_tokenizer_bos(const winnow_tokenizer *tokenizer);
WINNOW_TEXT_API int32_t winnow_tokenizer_eos(const winnow_tokenizer *tokenizer);

/*===----------------------------------------------------------------------===
 * Chat template: a conversation to the text that a model goes on with
 *===----------------------------------------------------------------------===*/

typedef struct winnow_chat_message {
  const char *role;     /* "system", "user" or "assistant", null-terminated */
  const char *content;  /* UTF-8; may be null where content_size is 0 */
  size_t content_size;
} winnow_chat_message;

/* Zeros are defaults; struct_size must be set. */
typedef struct winnow_chat_options {
  uint32_t struct_size;   /* sizeof(winnow_chat_options) */
  int32_t without_prompt; /* not 0: the text ends with the last message, not
                             where the assistant begins to speak */
  const char *bos_token;  /* as the template writes it; null: "" */
  const char *eos_token;
  int64_t now;            /* seconds since 1970, for templates that tell the date */
} winnow_chat_options;

/* Writes the first `capacity` bytes of the text that a template (Jinja, see
 * winnow_tokenizer_chat_template; not trusted) makes of messages, and returns how
 * many there are, like decode. -1, and `error` names the line, where it is no
 * template, or refuses the conversation; also for a null pointer. The text holds
 * special tokens: encode it with WINNOW_TOKENIZER_SPECIAL, and with ADD_BOS only
 * where it does not begin with that token. */
WINNOW_TEXT_API int64_t winnow_chat_render(
    const char *chat_template, size_t template_size,
    const winnow_chat_message *messages, int64_t count,
    const winnow_chat_options *options, char *text, int64_t capacity,
    char *error, size_t error_size);

/*===----------------------------------------------------------------------===
 * Stream: generated ids to text, as they come
 *===----------------------------------------------------------------------===*/

typedef struct winnow_text_stream winnow_text_stream;

/* A stream that ends before the first of `stop_count` texts (null-terminated,
 * not empty). tokenizer may be null: then add_text feeds the stream. */
WINNOW_TEXT_API winnow_text_stream *
winnow_text_stream_create(const winnow_tokenizer *tokenizer,
                          const char *const *stops, int32_t stop_count,
                          char *error, size_t error_size);
/* Null is ignored. */
WINNOW_TEXT_API void winnow_text_stream_destroy(winnow_text_stream *stream);

/* The text that is certain after one more id: complete characters, and nothing
 * that may begin a stop text. UTF-8, valid until the next call; *size may be 0.
 * Null: out of memory, a null pointer, or a stream without a tokenizer. */
WINNOW_TEXT_API const char *winnow_text_stream_add(winnow_text_stream *stream,
                                                   int32_t id, size_t *size);
/* The same after more text, which another tokenizer made of ids. */
WINNOW_TEXT_API const char *
winnow_text_stream_add_text(winnow_text_stream *stream, const char *text,
                            size_t text_size, size_t *size);
/* The rest, when no more ids come. */
WINNOW_TEXT_API const char *
winnow_text_stream_finish(winnow_text_stream *stream, size_t *size);
/* Not 0 once a stop text was found; nothing comes after it. */
WINNOW_TEXT_API int32_t
winnow_text_stream_stopped(const winnow_text_stream *stream);

/*===----------------------------------------------------------------------===
 * Sampler: logits to an id
 *===----------------------------------------------------------------------===*/

typedef struct winnow_sampler winnow_sampler;

/* How an id is drawn, in this order: softmax of logits / temperature; the top_k
 * most likely; the fewest that together reach top_p of what is left; those at
 * least min_p times as likely as the best. */
typedef struct winnow_sampler_options {
  uint32_t struct_size; /* sizeof(winnow_sampler_options) */
  int64_t top_k;        /* 0: all */
  double temperature;   /* 0: the largest logit, of equal ones the lowest id */
  double top_p;         /* in [0, 1]; 1: all */
  double min_p;         /* in [0, 1]; 0: all */
  uint64_t seed;        /* the same seed draws the same ids everywhere */
} winnow_sampler_options;

/* Options null: temperature 0. */
WINNOW_TEXT_API winnow_sampler *
winnow_sampler_create(const winnow_sampler_options *options, char *error,
                      size_t error_size);
/* Null is ignored. */
WINNOW_TEXT_API void winnow_sampler_destroy(winnow_sampler *sampler);
/* The next id for float32 [vocabulary]; -1 where a logit is NaN or plus
 * infinity, none is a number, or memory ran out. */
WINNOW_TEXT_API int32_t winnow_sampler_sample(winnow_sampler *sampler,
                                              const float *logits,
                                              int64_t vocabulary);

#ifdef __cplusplus
}
#endif

#endif /* WINNOW_TEXT_H */
