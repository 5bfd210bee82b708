/*===- generate.c - Generates ids with a compiled model
 * ----------------------===
 *
 *   generate WEIGHTS COUNT ID...
 *
 * Prints the COUNT likeliest ids that follow the given ones, separated by
 * commas. Built for a model called gemma:
 *
 *   cc -std=c11 generate.c gemma.so -Wl,-rpath,. -o generate
 *   cc -std=c11 generate.c gemma.a -lm -o generate
 *
 * and for another one with -DMODEL_HEADER='"NAME.h"'
 * -DMODEL_API=NAME_winnow_api.
 *
 *===----------------------------------------------------------------------===*/

#ifndef MODEL_HEADER
#define MODEL_HEADER "gemma.h"
#define MODEL_API gemma_winnow_api
#endif
#include MODEL_HEADER

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The id with the largest logit; of equal ones the first. */
static int32_t likeliest(const float *logits, int64_t vocabulary) {
  int32_t best = 0;
  for (int64_t id = 1; id < vocabulary; ++id)
    if (logits[id] > logits[best])
      best = (int32_t)id;
  return best;
}

/* Appends the prompt, then each id that is found, and prints them. */
static winnow_status generate(const winnow_api *api, winnow_session *session,
                              int64_t vocabulary, const winnow_tokens *prompt,
                              long count, winnow_error *error) {
  winnow_status status = api->prefill(session, prompt, WINNOW_ROWS_LAST, error);
  for (long i = 0; i < count && status == WINNOW_OK; ++i) {
    const float *logits;
    int64_t rows;
    status = api->logits(session, &logits, &rows, error);
    if (status != WINNOW_OK)
      break;
    int32_t id = likeliest(logits, vocabulary);
    printf(i == 0 ? "%d" : ",%d", (int)id);
    if (i + 1 < count)
      status = api->decode(session, id, error);
  }
  if (status == WINNOW_OK)
    printf("\n");
  return status;
}

/* A whole number in [0, largest], or -1. */
static long parse(const char *text, long largest) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  return errno || end == text || *end || value < 0 || value > largest ? -1
                                                                      : value;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: %s WEIGHTS COUNT ID...\n", argv[0]);
    return 2;
  }
  long count = parse(argv[2], INT32_MAX);
  int64_t length = argc - 3;
  int32_t *ids = malloc((size_t)length * sizeof *ids);
  if (count < 0 || !ids) {
    fprintf(stderr, "COUNT has to be a number of tokens\n");
    free(ids);
    return 2;
  }
  /* What is no id becomes one that the model refuses. */
  for (int64_t i = 0; i < length; ++i)
    ids[i] = (int32_t)parse(argv[3 + i], INT32_MAX);

  const winnow_api *api = MODEL_API();
  winnow_model *model = NULL;
  winnow_session *session = NULL;
  winnow_model_info info = {.struct_size = sizeof info};
  winnow_tokens prompt = {.ids = ids, .count = length};
  winnow_error error;
  winnow_status status = api->open(WINNOW_ABI_VERSION, argv[1], &model, &error);
  if (status == WINNOW_OK) {
    api->info(model, &info);
    status = api->session_create(model, NULL, &session, &error);
  }
  if (status == WINNOW_OK)
    status = generate(api, session, info.vocabulary, &prompt, count, &error);
  if (status != WINNOW_OK)
    fprintf(stderr, "error %d: %s\n", (int)status, error.message);
  if (session)
    api->session_destroy(session);
  if (model)
    api->close(model);
  free(ids);
  return status == WINNOW_OK ? 0 : 1;
}
