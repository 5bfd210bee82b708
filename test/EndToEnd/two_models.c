/*===- two_models.c - Two models, each in a thread of its own -------*- C -*-===
 *
 * two_models WEIGHTS_0 WEIGHTS_1 COUNT ID... continues the ids by COUNT
 * likeliest ones with both models at the same time, five times over, and prints
 * a line for each model.
 *
 *===----------------------------------------------------------------------===*/

#include "winnow/Artifact.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64, ROUNDS = 5 };

const winnow_api *API_0(void);
const winnow_api *API_1(void);

typedef struct job {
  const winnow_api *api;
  const char *weights;
  const int32_t *prompt;
  int prompt_count, count;
  int32_t ids[MOST];
  winnow_error error;
} job;

static winnow_status generate(job *work, winnow_session *session,
                              int64_t vocabulary) {
  winnow_tokens tokens = {work->prompt, NULL, NULL, work->prompt_count};
  winnow_status status =
      work->api->prefill(session, &tokens, WINNOW_ROWS_LAST, &work->error);
  for (int i = 0; i < work->count && status == WINNOW_OK; ++i) {
    const float *logits;
    int64_t rows;
    int32_t best = 0;
    work->api->logits(session, &logits, &rows, &work->error);
    for (int32_t id = 1; id < vocabulary; ++id)
      if (logits[id] > logits[best])
        best = id;
    work->ids[i] = best;
    status = work->api->decode(session, best, &work->error);
  }
  return status;
}

static void *run(void *argument) {
  job *work = argument;
  for (int round = 0; round < ROUNDS; ++round) {
    winnow_model *model;
    winnow_session *session;
    winnow_model_info info = {.struct_size = sizeof info};
    winnow_session_options options = {.struct_size = sizeof options,
                                      .threads = 2};
    if (work->api->open(WINNOW_ABI_VERSION, work->weights, &model,
                        &work->error))
      return NULL;
    work->api->info(model, &info);
    if (work->api->session_create(model, &options, &session, &work->error) ==
        WINNOW_OK)
      generate(work, session, info.vocabulary);
    work->api->session_destroy(session);
    work->api->close(model);
  }
  return NULL;
}

int main(int argc, char **argv) {
  int32_t prompt[MOST];
  int count = argc - 4;
  if (count < 1 || count > MOST || atoi(argv[3]) > MOST)
    return 2;
  for (int i = 0; i < count; ++i)
    prompt[i] = atoi(argv[4 + i]);
  job jobs[2] = {{API_0(), argv[1], prompt, count, atoi(argv[3]), {0}, {0}},
                 {API_1(), argv[2], prompt, count, atoi(argv[3]), {0}, {0}}};
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i)
    if (pthread_create(&threads[i], NULL, run, &jobs[i]))
      return 2;
  for (int i = 0; i < 2; ++i)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < 2; ++i) {
    if (jobs[i].error.status) {
      fprintf(stderr, "%s\n", jobs[i].error.message);
      return 1;
    }
    for (int k = 0; k < jobs[i].count; ++k)
      printf(k ? ",%d" : "%d", (int)jobs[i].ids[k]);
    printf("\n");
  }
  return 0;
}
