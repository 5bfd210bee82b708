//===- Artifact.h - Opening NAME.so and NAME.weights ------------*- C++ -*-===//
//
// What programs of Winnow call artifacts through: winnow-run, and the compiler
// where it runs what it made. Functions return false, or null, and set `error`
// to one line. No part of it knows LLVM.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CLIENT_ARTIFACT_H
#define WINNOW_CLIENT_ARTIFACT_H

#include "winnow/Artifact.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace winnow {
namespace client {

/// The function that the artifact at `name` exports: the last part of the path,
/// with '_' for everything but letters, digits and '_', with another '_' in
/// front of a leading digit, and "_winnow_api".
std::string apiSymbol(const std::string &name);

/// Processors that this process may use.
int32_t availableThreads();

/// An opened model.
class Artifact {
public:
  /// Opens NAME.so and NAME.weights. Null and one line in `error` on failure.
  static std::unique_ptr<Artifact> open(const std::string &name,
                                        std::string &error);
  ~Artifact();
  Artifact(const Artifact &) = delete;
  Artifact &operator=(const Artifact &) = delete;

  const winnow_api &api() const { return *functions; }
  winnow_model *model() const { return handle; }
  const winnow_model_info &info() const { return description; }

private:
  Artifact() = default;

  void *library = nullptr;
  const winnow_api *functions = nullptr;
  winnow_model *handle = nullptr;
  winnow_model_info description = {};
};

/// What a session is made with.
struct SessionOptions {
  int32_t threads = 0; ///< 0: one per processor
  int64_t context = 0; ///< 0: the artifact's
  int64_t piece = 0;   ///< 0: default
};

/// A session of an artifact; its calls return false and set `error`.
class Session {
public:
  /// The artifact must outlive the session.
  static std::unique_ptr<Session> create(const Artifact &artifact,
                                         const SessionOptions &options,
                                         std::string &error);
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  bool prefill(const int32_t *ids, int64_t count, winnow_rows rows,
               std::string &error);
  /// The same of rows in place of ids.
  bool prefill(const float *embeddings, int64_t width, int64_t count,
               winnow_rows rows, std::string &error);
  /// winnow_api.prefill_prompt; a null span is the default one.
  bool prefillPrompt(const int32_t *ids, int64_t count, const winnow_span *span,
                     winnow_rows rows, std::string &error);
  bool decode(int32_t id, std::string &error);
  /// winnow_api.encode; either result may be null.
  bool encode(const winnow_texts &texts, float *hidden, float *embeddings,
              std::string &error);
  /// winnow_api.invoke.
  bool invoke(const std::string &entry,
              const std::vector<winnow_tensor> &inputs,
              std::vector<winnow_tensor> &outputs, std::string &error);
  /// [rows, vocabulary] of the last call.
  bool logits(const float *&data, int64_t &rows, std::string &error);
  /// Appends ids and gives the logits of each.
  bool computeLogits(const int32_t *ids, int64_t count, const float *&data,
                     std::string &error);
  bool save(const std::string &path, std::string &error);
  bool load(const std::string &path, std::string &error);
  bool truncate(int64_t length, std::string &error);
  void reset();
  int64_t length() const;
  int64_t context() const { return tokens; }
  winnow_session *get() const { return handle; }

private:
  Session() = default;

  const Artifact *artifact = nullptr;
  winnow_session *handle = nullptr;
  int64_t tokens = 0;
};

} // namespace client
} // namespace winnow

#endif // WINNOW_CLIENT_ARTIFACT_H
