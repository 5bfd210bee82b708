/*===- compile.c - Compiles a model and generates ids with it ------------===*
 *
 *   compile MODEL OUTPUT COUNT ID...
 *
 * Compiles MODEL (a .gguf or .mlir file) to OUTPUT.so and OUTPUT.weights, loads
 * them, and prints the COUNT likeliest ids that follow the given ones,
 * separated by commas. The last part of OUTPUT has to consist of letters,
 * digits and '_'.
 *
 *===----------------------------------------------------------------------===*/

#include <winnow/Artifact.h>
#include <winnow/Compiler.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The step that was shown last. */
struct progress {
  char step[64];
};

/* Shows each step of the compiler as it begins. */
static int show(void *context, const char *step, double done) {
  struct progress *shown = context;
  (void)done;
  if (strncmp(shown->step, step, sizeof shown->step - 1) != 0) {
    snprintf(shown->step, sizeof shown->step, "%s", step);
    fprintf(stderr, "%s\n", step);
  }
  return 0; /* go on */
}

static int compile(const char *path, const char *output) {
  winnow_compiler_error error;
  winnow_compiler_model *model = NULL;
  winnow_compiler_load_options load = {.struct_size = sizeof load,
                                       .context = 256};
  struct progress shown = {""};
  winnow_compiler_options options = {.struct_size = sizeof options,
                                     .progress = show,
                                     .progress_context = &shown};
  if (winnow_compiler_load(path, &load, &model, &error) != WINNOW_COMPILER_OK ||
      winnow_compiler_compile(model, output, &options, &error) !=
          WINNOW_COMPILER_OK)
    fprintf(stderr, "error %d: %s\n", (int)error.status, error.message);
  winnow_compiler_release(model);
  return error.status == WINNOW_COMPILER_OK;
}

/* The function that OUTPUT.so exports. */
static const winnow_api *load(const char *output) {
  const char *slash = strrchr(output, '/');
  const char *name = slash ? slash + 1 : output;
  char *path = malloc(strlen(output) + sizeof "./.so");
  char *symbol = malloc(strlen(name) + sizeof "_winnow_api");
  const winnow_api *api = NULL;
  if (path && symbol) {
    sprintf(path, "%s%s.so", slash ? "" : "./", output);
    sprintf(symbol, "%s_winnow_api", name);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *function = library ? dlsym(library, symbol) : NULL;
    winnow_api_function get = NULL;
    memcpy(&get, &function, sizeof get);
    if (get)
      api = get();
    else
      fprintf(stderr, "error: %s\n", dlerror());
  }
  free(path);
  free(symbol);
  return api;
}

/* The id with the largest logit; of equal ones the first. */
static int32_t likeliest(const float *logits, int64_t vocabulary) {
  int32_t best = 0;
  for (int64_t id = 1; id < vocabulary; ++id)
    if (logits[id] > logits[best])
      best = (int32_t)id;
  return best;
}

static winnow_status generate(const winnow_api *api, winnow_model *model,
                              const winnow_tokens *prompt, long count,
                              winnow_error *error) {
  winnow_model_info info = {.struct_size = sizeof info};
  winnow_session *session = NULL;
  api->info(model, &info);
  winnow_status status = api->session_create(model, NULL, &session, error);
  if (status == WINNOW_OK)
    status = api->prefill(session, prompt, WINNOW_ROWS_LAST, error);
  for (long i = 0; i < count && status == WINNOW_OK; ++i) {
    const float *logits;
    int64_t rows;
    status = api->logits(session, &logits, &rows, error);
    if (status != WINNOW_OK)
      break;
    int32_t id = likeliest(logits, info.vocabulary);
    printf(i == 0 ? "%d" : ",%d", (int)id);
    if (i + 1 < count)
      status = api->decode(session, id, error);
  }
  if (status == WINNOW_OK)
    printf("\n");
  api->session_destroy(session);
  return status;
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: %s MODEL OUTPUT COUNT ID...\n", argv[0]);
    return 2;
  }
  if (!compile(argv[1], argv[2]))
    return 1;
  const winnow_api *api = load(argv[2]);
  winnow_tokens prompt = {.count = argc - 4};
  int32_t *ids = malloc((size_t)prompt.count * sizeof *ids);
  char *weights = malloc(strlen(argv[2]) + sizeof ".weights");
  if (!api || !ids || !weights)
    return 1;
  prompt.ids = ids;
  for (int64_t i = 0; i < prompt.count; ++i)
    ids[i] = (int32_t)strtol(argv[4 + i], NULL, 10);
  sprintf(weights, "%s.weights", argv[2]);

  winnow_model *model = NULL;
  winnow_error error;
  winnow_status status = api->open(WINNOW_ABI_VERSION, weights, &model, &error);
  if (status == WINNOW_OK)
    status = generate(api, model, &prompt, strtol(argv[3], NULL, 10), &error);
  if (status != WINNOW_OK)
    fprintf(stderr, "error %d: %s\n", (int)status, error.message);
  if (model)
    api->close(model);
  free(weights);
  free(ids);
  return status == WINNOW_OK ? 0 : 1;
}
