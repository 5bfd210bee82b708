//===- Artifact.cpp - Opening NAME.so and NAME.weights --------------------===//

#include "winnow/Client/Artifact.h"

#include <cstddef>
#include <cstring>
#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

namespace winnow {
namespace client {

std::string apiSymbol(const std::string &name) {
  std::string symbol = name.substr(name.find_last_of('/') + 1);
  for (char &c : symbol)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
          (c >= '0' && c <= '9')))
      c = '_';
  if (!symbol.empty() && symbol[0] >= '0' && symbol[0] <= '9')
    symbol.insert(0, "_");
  return symbol + "_winnow_api";
}

int32_t availableThreads() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static bool exists(const std::string &path) {
  return access(path.c_str(), F_OK) == 0;
}

/// Why NAME.so cannot be loaded, for what is often given in place of NAME.
static std::string explainMissing(const std::string &name,
                                  const char *message) {
  if (exists(name + ".so"))
    return message;
  std::string missing = "there is no '" + name + ".so'; ";
  for (const char *suffix : {".so", ".weights", ".tokenizer", ".json", ".h"}) {
    size_t length = std::strlen(suffix);
    if (name.size() <= length ||
        name.compare(name.size() - length, length, suffix) != 0)
      continue;
    std::string stem = name.substr(0, name.size() - length);
    if (exists(stem + ".so"))
      return missing + "give '" + stem + "', without extension";
  }
  if (exists(name))
    return missing + "'" + name + "' has to be compiled: winnow-compile '" +
           name + "' -o NAME";
  return missing + "NAME is what winnow-compile has behind -o";
}

std::unique_ptr<Artifact> Artifact::open(const std::string &name,
                                         std::string &error) {
  std::unique_ptr<Artifact> artifact(new Artifact);
  // Without a slash the system would search its library folders.
  std::string path = name.find('/') == std::string::npos ? "./" + name : name;
  artifact->library = dlopen((path + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!artifact->library) {
    error = "cannot load the artifact: " + explainMissing(name, dlerror());
    return nullptr;
  }
  std::string symbol = apiSymbol(name);
  auto function = reinterpret_cast<winnow_api_function>(
      dlsym(artifact->library, symbol.c_str()));
  if (!function) {
    error = "'" + path + ".so' has no function " + symbol +
            ": not an artifact, or renamed after it was compiled";
    return nullptr;
  }
  artifact->functions = function();
  if (!artifact->functions ||
      artifact->functions->abi_version != WINNOW_ABI_VERSION) {
    error = "'" + path + ".so' has another ABI version than this program (" +
            std::to_string(WINNOW_ABI_VERSION) + ")";
    return nullptr;
  }
  if (artifact->functions->struct_size < sizeof(winnow_api)) {
    error = "'" + path +
            ".so' lacks functions that this program uses: compile it again";
    return nullptr;
  }
  winnow_error failure = {};
  if (artifact->functions->open(WINNOW_ABI_VERSION, (path + ".weights").c_str(),
                                &artifact->handle, &failure) != WINNOW_OK) {
    error = failure.message;
    return nullptr;
  }
  artifact->description.struct_size = sizeof(winnow_model_info);
  if (artifact->functions->info(artifact->handle, &artifact->description) !=
      WINNOW_OK) {
    error = "'" + path + ".so' does not describe itself";
    return nullptr;
  }
  return artifact;
}

Artifact::~Artifact() {
  if (handle)
    functions->close(handle);
  if (library)
    dlclose(library);
}

std::unique_ptr<Session> Session::create(const Artifact &artifact,
                                         const SessionOptions &options,
                                         std::string &error) {
  std::unique_ptr<Session> session(new Session);
  session->artifact = &artifact;
  session->tokens = options.context ? options.context : artifact.info().context;
  winnow_session_options wanted = {};
  wanted.struct_size = sizeof wanted;
  wanted.threads = options.threads;
  wanted.context = options.context;
  wanted.piece = options.piece;
  winnow_error failure = {};
  if (artifact.api().session_create(artifact.model(), &wanted, &session->handle,
                                    &failure) != WINNOW_OK) {
    error = failure.message;
    return nullptr;
  }
  return session;
}

Session::~Session() {
  if (handle)
    artifact->api().session_destroy(handle);
}

bool Session::prefill(const int32_t *ids, int64_t count, winnow_rows rows,
                      std::string &error) {
  winnow_tokens tokens = {ids, nullptr, nullptr, count};
  winnow_error failure = {};
  if (artifact->api().prefill(handle, &tokens, rows, &failure) == WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

bool Session::prefill(const float *embeddings, int64_t width, int64_t count,
                      winnow_rows rows, std::string &error) {
  winnow_embeddings tokens = {embeddings, width, nullptr, nullptr, count};
  winnow_error failure = {};
  if (artifact->api().prefill_embeddings(handle, &tokens, rows, &failure) ==
      WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

bool Session::prefillPrompt(const int32_t *ids, int64_t count,
                            const winnow_span *span, winnow_rows rows,
                            std::string &error) {
  winnow_tokens tokens = {ids, nullptr, nullptr, count};
  winnow_error failure = {};
  if (artifact->api().prefill_prompt(handle, &tokens, span, rows, &failure) ==
      WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

bool Session::decode(int32_t id, std::string &error) {
  winnow_error failure = {};
  if (artifact->api().decode(handle, id, &failure) == WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

bool Session::encode(const winnow_texts &texts, float *hidden,
                     float *embeddings, std::string &error) {
  winnow_error failure = {};
  if (artifact->api().encode(handle, &texts, hidden, embeddings, &failure) ==
      WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

bool Session::invoke(const std::string &entry,
                     const std::vector<winnow_tensor> &inputs,
                     std::vector<winnow_tensor> &outputs, std::string &error) {
  winnow_error failure = {};
  if (artifact->api().invoke(
          handle, entry.c_str(), inputs.data(),
          static_cast<int32_t>(inputs.size()), outputs.data(),
          static_cast<int32_t>(outputs.size()), &failure) == WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

bool Session::computeLogits(const int32_t *ids, int64_t count,
                            const float *&data, std::string &error) {
  int64_t rows = 0;
  return prefill(ids, count, WINNOW_ROWS_ALL, error) &&
         logits(data, rows, error);
}

bool Session::logits(const float *&data, int64_t &rows, std::string &error) {
  winnow_error failure = {};
  if (artifact->api().logits(handle, &data, &rows, &failure) == WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

bool Session::save(const std::string &path, std::string &error) {
  winnow_error failure = {};
  if (artifact->api().session_save(handle, path.c_str(), &failure) == WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

bool Session::load(const std::string &path, std::string &error) {
  winnow_error failure = {};
  if (artifact->api().session_load(handle, path.c_str(), &failure) == WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

bool Session::truncate(int64_t length, std::string &error) {
  winnow_error failure = {};
  if (artifact->api().truncate(handle, length, &failure) == WINNOW_OK)
    return true;
  error = failure.message;
  return false;
}

void Session::reset() { artifact->api().reset(handle); }

int64_t Session::length() const { return artifact->api().length(handle); }

} // namespace client
} // namespace winnow
