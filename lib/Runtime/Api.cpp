//===- Api.cpp - The table of functions that an artifact returns ----------===//

#include "Error.h"
#include "Model.h"
#include "Session.h"
#include "State.h"

#include "winnow/Runtime/Call.h"

using namespace winnow::runtime;

static winnow_status open(uint32_t abiVersion, const char *path,
                          winnow_model **model, winnow_error *error) {
  return openModel(winnow_artifact, abiVersion, path, nullptr, model, error);
}

static winnow_status openWithOptions(uint32_t abiVersion, const char *path,
                                     const winnow_model_options *options,
                                     winnow_model **model,
                                     winnow_error *error) {
  return openModel(winnow_artifact, abiVersion, path, options, model, error);
}

static winnow_status verify(const winnow_model *model, winnow_error *error) {
  if (!model)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "verify: model must not be null");
  return model->weights.verify(error);
}

static const winnow_api kApi = {
    WINNOW_ABI_VERSION,
    sizeof(winnow_api),
    open,
    closeModel,
    describeModel,
    verify,
    createSession,
    destroySession,
    prefill,
    decode,
    logits,
    length,
    truncate,
    reset,
    invoke,
    setProfiler,
    statusName,
    openWithOptions,
    saveSession,
    loadSession,
    stateSize,
    saveSessionTo,
    loadSessionFrom,
    cacheLengths,
    prefillEmbeddings,
    encode,
    prefillPrompt,
};

const winnow_api *winnow_runtime_api(void) { return &kApi; }
