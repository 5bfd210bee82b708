/*===- resume.c - A sequence that goes on from run to run -----------*- C -*-===
 *
 *     resume NAME.weights STATE COUNT ID...
 *
 * Loads the session that an earlier run left in STATE, if there is one, appends
 * the ids, prints COUNT ids that follow, and saves the session with all of them
 * to STATE. Built like generate.c. An interrupt (Ctrl-C) cancels what is being
 * computed: STATE stays as it was.
 *
 *===----------------------------------------------------------------------===*/

#ifndef MODEL_HEADER
#define MODEL_HEADER "gemma.h"
#define MODEL_API gemma_winnow_api
#endif
#include MODEL_HEADER

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t interrupted = 0;

static void interrupt(int number) {
  (void)number;
  interrupted = 1;
}

/* Asked in each layer of each piece of a prompt. */
static int wantsToStop(void *context) {
  (void)context;
  return interrupted;
}

static winnow_status run(const winnow_api *api, winnow_session *session,
                         int64_t vocabulary, const char *state, int count,
                         const winnow_tokens *prompt, winnow_error *error) {
  FILE *saved = fopen(state, "rb");
  winnow_status status = WINNOW_OK;
  if (saved) {
    fclose(saved);
    status = api->session_load(session, state, error);
  }
  if (status == WINNOW_OK)
    status = api->prefill(session, prompt, WINNOW_ROWS_LAST, error);
  for (int i = 0; i < count && status == WINNOW_OK; ++i) {
    const float *logits;
    int64_t rows;
    int32_t best = 0;
    api->logits(session, &logits, &rows, error);
    for (int32_t id = 1; id < vocabulary; ++id)
      if (logits[id] > logits[best])
        best = id;
    printf(i ? ",%d" : "%d", (int)best);
    status = api->decode(session, best, error);
  }
  if (status == WINNOW_OK && count > 0)
    printf("\n");
  return status == WINNOW_OK ? api->session_save(session, state, error)
                             : status;
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: resume NAME.weights STATE COUNT ID...\n");
    return 1;
  }
  int32_t *ids = malloc((size_t)(argc - 4) * sizeof *ids);
  if (!ids)
    return 1;
  for (int i = 4; i < argc; ++i)
    ids[i - 4] = atoi(argv[i]);
  winnow_tokens prompt = {ids, NULL, NULL, argc - 4};

  const winnow_api *api = MODEL_API();
  winnow_model *model;
  winnow_session *session = NULL;
  winnow_error error;
  winnow_status status = api->open(WINNOW_ABI_VERSION, argv[1], &model, &error);
  if (status == WINNOW_OK) {
    winnow_model_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    api->info(model, &info);
    winnow_session_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.cancel = wantsToStop;
    signal(SIGINT, interrupt);
    status = api->session_create(model, &options, &session, &error);
    if (status == WINNOW_OK)
      status = run(api, session, info.vocabulary, argv[2], atoi(argv[3]),
                   &prompt, &error);
    api->session_destroy(session);
    api->close(model);
  }
  free(ids);
  if (status != WINNOW_OK)
    fprintf(stderr, "%s: %s\n", api->status_name(status), error.message);
  return status != WINNOW_OK;
}
