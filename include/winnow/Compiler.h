/*===- Compiler.h - C API of the compiler ---------------------------*- C -*-===
 *
 * Loads models, runs passes on them and compiles them: what winnow-compile and
 * winnow-opt do, in a library. The library is libwinnow-compiler.so, which
 * shows nothing but these functions and loads the shared libraries of LLVM and
 * MLIR. What it writes is used through winnow/Artifact.h.
 *
 * Errors: a function that can fail returns a status and describes the failure
 * in `error`, which may be null. Pointers that must not be null are checked.
 * Nothing is printed, except to the output "-".
 *
 * Ownership: strings and structs given to a function are read during the call
 * only. Text comes out through a winnow_compiler_write of the caller's.
 *
 * Threads: a model belongs to one thread at a time; different models may be
 * used at the same time. Callbacks come from any thread of the library, never
 * from two at a time for one model, and must not use that model.
 *
 *===----------------------------------------------------------------------===*/

#ifndef WINNOW_COMPILER_H
#define WINNOW_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when something below changes its meaning. New fields are appended to
 * the structs, which tell their size; the library takes those that a caller
 * does not have for zero. */
#define WINNOW_COMPILER_API_VERSION 1u

#if defined(__GNUC__)
#define WINNOW_COMPILER_API __attribute__((visibility("default")))
#else
#define WINNOW_COMPILER_API
#endif

typedef enum winnow_compiler_status {
  WINNOW_COMPILER_OK = 0,
  WINNOW_COMPILER_INVALID_ARGUMENT = 1, /* a null pointer, an unknown option,
                                           a pipeline that does not parse */
  WINNOW_COMPILER_IO_ERROR = 2,         /* a file cannot be read or written */
  WINNOW_COMPILER_BAD_MODEL = 3, /* the model is malformed or not supported */
  WINNOW_COMPILER_FAILED = 4,    /* a pass or the code generator refused it */
  WINNOW_COMPILER_CANCELLED = 5  /* the progress callback asked for it */
} winnow_compiler_status;

/* Why a call failed: one line, no final newline, cut to fit. */
typedef struct winnow_compiler_error {
  winnow_compiler_status status;
  char message[1000];
} winnow_compiler_error;

/* A loaded model: its IR, the checkpoint that the IR names, the vocabulary. */
typedef struct winnow_compiler_model winnow_compiler_model;

/* Takes `size` bytes of text; called any number of times. */
typedef void (*winnow_compiler_write)(void *context, const char *data,
                                      size_t size);

/* Takes what is being done ("writing weights") and how much of it, from 0 to
 * 1. A result other than 0 stops the call, with WINNOW_COMPILER_CANCELLED and
 * no output. */
typedef int (*winnow_compiler_progress)(void *context, const char *step,
                                        double done);

typedef enum winnow_compiler_severity {
  WINNOW_COMPILER_NOTE = 0,
  WINNOW_COMPILER_WARNING = 1,
  WINNOW_COMPILER_ERROR = 2,
  WINNOW_COMPILER_REMARK = 3
} winnow_compiler_severity;

/* Takes a diagnostic, its place in front ("FILE:LINE:COLUMN: ..."). It may
 * have several lines. Notes follow what they belong to. */
typedef void (*winnow_compiler_diagnostic)(void *context,
                                           winnow_compiler_severity severity,
                                           const char *text);

/* Zeros are defaults; struct_size must be set. */
typedef struct winnow_compiler_load_options {
  uint32_t struct_size; /* sizeof(winnow_compiler_load_options) */
  int64_t context;      /* tokens that a session can hold; 0: the model's own,
                           at most 8192 */
  /* Used as long as the model lives. */
  winnow_compiler_diagnostic diagnostic;
  void *diagnostic_context;
} winnow_compiler_load_options;

typedef struct winnow_compiler_options {
  uint32_t struct_size;    /* sizeof(winnow_compiler_options) */
  int32_t threads;         /* 0: one per processor */
  const char *target_cpu;  /* null or "host": by CPUID; "x86-64-v3", ... */
  const char *activations; /* null or "auto": rounded to 8 bits where weights
                              are integers; "f32": not rounded */
  const char *emit;        /* null or "artifact": OUTPUT.so .weights .h .json
                              .tokenizer; "static": OUTPUT.a for .so. One file
                              OUTPUT ("-" is standard output), a stage of the
                              way: "mlir", "compressed", "inlined", "layouts",
                              "kernels", "llvm-dialect", "llvm", "asm", "obj" */
  int32_t debug;           /* not 0: perf and gdb show lines of
                              OUTPUT.kernels.mlir */
  winnow_compiler_progress progress;
  void *progress_context;
  const char *remarks; /* a file for what passes say about their decisions, as
                          LLVM's YAML; null or "": none */
  const char *weights; /* null, "" or "keep": matrices as the checkpoint has
                          them; "q4_k", ...: in that number format
                          (docs/WeightFormats.md) */
  /* Regular expressions for names of the checkpoint: which matrices `weights`
   * is for, and which not; null or "": all, and none. */
  const char *weights_only;
  const char *weights_skip;
  const char *recipe; /* a file of passes that change the model first
                         (docs/Recipes.md); null or "": none */
  const char *report; /* a file, .html or .json, for what became of the model
                         (docs/Reports.md); null or "": none */
  /* Files of text that passes, searches and reports measure models on; none:
   * what loaded statistics have of the calibration's. Tokens of all texts
   * together (0: 1024), and those that a decoder sees together (0: 512). */
  const char *const *evaluate_texts;
  int32_t evaluate_text_count;
  int64_t evaluate_tokens;
  int64_t evaluate_window;
} winnow_compiler_options;

typedef struct winnow_compiler_calibrate_options {
  uint32_t struct_size;     /* sizeof(winnow_compiler_calibrate_options) */
  int32_t threads;          /* 0: one per processor */
  const char *const *texts; /* files, at least one: a decoder reads each as a
                               whole, an encoder its lines */
  int32_t text_count;
  const char *kinds; /* null or "": "channels,similarity"; some of channels,
                        gram, similarity (docs/Statistics.md) */
  const char *only;  /* a regular expression for names of weights and layers;
                        null or "": all */
  int64_t window;    /* tokens that a decoder sees together; 0: 512 */
  winnow_compiler_progress progress;
  void *progress_context;
} winnow_compiler_calibrate_options;

typedef struct winnow_compiler_search_options {
  uint32_t struct_size; /* sizeof(winnow_compiler_search_options) */
  int32_t rounds;       /* runs that are spent on making a plan better; 0: 12;
                           negative: none */
  const char *formats;  /* number formats to choose from, separated by commas;
                           null or "": those of winnow-compile --help */
} winnow_compiler_search_options;

/* What a model says of itself; "" and 0 where it does not. */
typedef struct winnow_compiler_model_info {
  uint32_t struct_size;     /* set by the caller */
  const char *name;         /* valid until the model changes */
  const char *architecture; /* "gemma3", ... */
  int64_t layers;           /* transformer blocks */
  int64_t width;            /* elements of a token's vector between layers */
  int64_t vocabulary;       /* ids are in [0, vocabulary) */
  int64_t context;          /* tokens that a session will hold */
  int64_t trained_context;  /* tokens that the model was trained for */
} winnow_compiler_model_info;

/* The version of Winnow, "0.1.0"; and WINNOW_COMPILER_API_VERSION of the
 * library. */
WINNOW_COMPILER_API const char *winnow_compiler_version(void);
WINNOW_COMPILER_API uint32_t winnow_compiler_api_version(void);

/* Loads a .gguf checkpoint (or the first file of a split set), a directory of
 * Hugging Face, or a .mlir program. The files must not change until the model
 * is released. On success *model is released by winnow_compiler_release; on
 * failure it is null. options may be null. */
WINNOW_COMPILER_API winnow_compiler_status winnow_compiler_load(
    const char *path, const winnow_compiler_load_options *options,
    winnow_compiler_model **model, winnow_compiler_error *error);
/* Null is ignored. */
WINNOW_COMPILER_API void winnow_compiler_release(winnow_compiler_model *model);

WINNOW_COMPILER_API winnow_compiler_status winnow_compiler_info(
    const winnow_compiler_model *model, winnow_compiler_model_info *info,
    winnow_compiler_error *error);

/* Writes the IR as text. */
WINNOW_COMPILER_API winnow_compiler_status winnow_compiler_print(
    const winnow_compiler_model *model, winnow_compiler_write write,
    void *write_context, winnow_compiler_error *error);

/* Writes the content of NAME.tokenizer; nothing for a model without a
 * vocabulary. */
WINNOW_COMPILER_API winnow_compiler_status winnow_compiler_tokenizer(
    const winnow_compiler_model *model, winnow_compiler_write write,
    void *write_context, winnow_compiler_error *error);

/* Runs passes on the IR: "builtin.module(canonicalize,cse)", or what stands
 * between the parentheses (docs/Passes.md). On failure the model is as
 * before. */
WINNOW_COMPILER_API winnow_compiler_status
winnow_compiler_run_pipeline(winnow_compiler_model *model, const char *passes,
                             winnow_compiler_error *error);

/* Runs the model on texts and writes what lossy passes want to know of it to
 * the file `statistics`, a safetensors archive (docs/Statistics.md). */
WINNOW_COMPILER_API winnow_compiler_status winnow_compiler_calibrate(
    const winnow_compiler_model *model, const char *statistics,
    const winnow_compiler_calibrate_options *options,
    winnow_compiler_error *error);

/* Gives such a file of the same checkpoint to passes that run from now on. */
WINNOW_COMPILER_API winnow_compiler_status
winnow_compiler_load_statistics(winnow_compiler_model *model, const char *path,
                                winnow_compiler_error *error);

/* Finds a recipe that keeps a budget, such as "size=60%,time=0.7x,kl=0.02"
 * (docs/Recipes.md), and writes it to the file `recipe`. Needs statistics. Of
 * `options`, the target, activations, threads and texts are those that the
 * recipe is for. Both may be null. */
WINNOW_COMPILER_API winnow_compiler_status winnow_compiler_search(
    const winnow_compiler_model *model, const char *budget, const char *recipe,
    const winnow_compiler_search_options *search,
    const winnow_compiler_options *options, winnow_compiler_error *error);

/* Compiles the model, which stays as it is. Files appear under their names when
 * all are complete; a call that fails leaves none. options may be null. */
WINNOW_COMPILER_API winnow_compiler_status winnow_compiler_compile(
    const winnow_compiler_model *model, const char *output,
    const winnow_compiler_options *options, winnow_compiler_error *error);

#ifdef __cplusplus
}
#endif

#endif /* WINNOW_COMPILER_H */
