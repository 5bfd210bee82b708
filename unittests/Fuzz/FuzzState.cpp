//===- FuzzState.cpp - Any bytes as the state of a session ----------------===//
//
// Loads the input into a session of the hand-written model of the runtime's
// tests. What is accepted has to be saved the same, and to go on.
//
//===----------------------------------------------------------------------===//

#include "Folder.h"
#include "Fuzzing.h"
#include "MutateText.h"

#include "../Runtime/WeightsFile.h"
#include "Runtime/Session.h"
#include "Runtime/State.h"

#include <cstring>

using namespace winnow::fuzz;

static winnow_session *createSession() {
  static WeightsFile file;
  const winnow_api *api = winnow_runtime_api();
  winnow_model *model = nullptr;
  winnow_session *session = nullptr;
  winnow_session_options options = {};
  options.struct_size = sizeof options;
  options.threads = 1;
  options.context = FAKE_CONTEXT - 16;
  require(api->open(WINNOW_ABI_VERSION, file.write(), &model, nullptr) ==
              WINNOW_OK &&
          api->session_create(model, &options, &session, nullptr) == WINNOW_OK);
  return session;
}

/// Puts the right hash at the end.
static void seal(uint8_t *data, size_t size) {
  if (size < 8)
    return;
  winnow_hash hash;
  winnow_hash_begin(&hash);
  winnow_hash_update(&hash, data, size - 8);
  uint64_t value = winnow_hash_finish(&hash);
  std::memcpy(data + size - 8, &value, sizeof value);
}

/// Paths that lead nowhere.
static bool refusesPaths(winnow_session *session) {
  const winnow_api *api = winnow_runtime_api();
  winnow_error error = {};
  for (const char *path : {static_cast<const char *>(nullptr), "/", "/no/such"})
    require(api->session_load(session, path, &error) != WINNOW_OK &&
            api->session_save(session, path, &error) != WINNOW_OK);
  return true;
}

/// Adds to all caches, in segments that are there and new ones, and takes half
/// of it back.
static void goOn(winnow_session *session) {
  const winnow_api *api = winnow_runtime_api();
  winnow_error error = {};
  api->decode(session, 3, &error);
  int32_t ids[] = {1, 2, 3}, segments[] = {0, 7, 0};
  winnow_tokens tokens = {ids, nullptr, segments, 3};
  api->prefill(session, &tokens, WINNOW_ROWS_LAST, &error);
  int64_t lengths[2] = {};
  winnow_tensor inputs[] = {{WINNOW_I32, 1, {3}, ids},
                            {WINNOW_I32, 1, {3}, segments}};
  winnow_tensor output = {WINNOW_I64, 1, {2}, lengths};
  api->invoke(session, "append", inputs, 2, &output, 1, &error);
  require(api->truncate(session, api->length(session) / 2, &error) ==
          WINNOW_OK);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static winnow_session *session = createSession();
  static Folder folder({"state"});
  static const std::string path = folder.getPath() + "/state";
  static const bool refuses = refusesPaths(session);
  require(refuses);
  const winnow_api *api = winnow_runtime_api();
  winnow_error error = {};
  int64_t before = api->length(session);
  winnow_status status =
      api->session_load_from(session, data, static_cast<int64_t>(size), &error);
  if (status != WINNOW_OK) {
    require(error.message[0] && api->length(session) == before);
    return 0;
  }
  require(api->session_state_size(session) == static_cast<int64_t>(size));
  std::string saved(size, '\0');
  require(api->session_save_to(session, &saved[0], static_cast<int64_t>(size),
                               &error) == WINNOW_OK);
  // Lanes that no slot uses are cleared, so the second time is the same.
  require(api->session_load_from(session, saved.data(),
                                 static_cast<int64_t>(size),
                                 &error) == WINNOW_OK &&
          api->session_save(session, path.c_str(), &error) == WINNOW_OK &&
          api->session_load(session, path.c_str(), &error) == WINNOW_OK);
  std::string again(size, '\0');
  require(api->session_save_to(session, &again[0], static_cast<int64_t>(size),
                               &error) == WINNOW_OK &&
          again == saved);
  goOn(session);
  return 0;
}

/// Without the right hash nothing behind the header is looked at.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  Random random(seed);
  // What decides stands in front: the header, the lengths of the caches
  // and the counts of their tokens.
  constexpr size_t front = 56 + 4 * 8 + 2 * 8;
  if (size > front && random() % 2) {
    std::string text = mutateBytes(view(data, front), 0);
    text.resize(front);
    std::memcpy(data, text.data(), front);
  } else {
    size = LLVMFuzzerMutate(data, size, maxSize);
  }
  if (random() % 8)
    seal(data, size);
  return size;
}
