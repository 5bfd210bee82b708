//===- Session.h - One sequence being computed ------------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_SESSION_H
#define WINNOW_LIB_RUNTIME_SESSION_H

#include "KvStorage.h"
#include "Model.h"
#include "Profile.h"
#include "ThreadPool.h"

/// The opaque type of Artifact.h.
struct winnow_session {
  winnow_model *model = nullptr;
  int64_t context = 0; ///< tokens that fit
  int64_t piece = 0;   ///< longest piece of a prompt, in tokens
  int64_t length = 0;  ///< tokens stored

  winnow::runtime::Allocator allocator;
  winnow::runtime::Logger log;
  winnow_cancel cancel = nullptr;
  void *cancelContext = nullptr;

  int32_t threads = 1;
  winnow_executor executor = nullptr;
  void *executorContext = nullptr;
  winnow::runtime::ThreadPool pool;
  winnow::runtime::Barrier barrier;
  winnow::runtime::Spinner *spinners = nullptr; ///< [threads]
  winnow::runtime::Profiler profiler;

  winnow::runtime::KvStorage *caches = nullptr; ///< one per entry point
  winnow::runtime::Region arena;
  winnow::runtime::Region scratch;

  /// Position of each stored token, [context]; zeros and the rows that a piece
  /// is asked for, [piece], or [context] where prompts are pruned.
  winnow::runtime::Region positions, zeros, rows;
  winnow::runtime::Region prunable; ///< of a prompt, [context]
  winnow::runtime::Region logits;   ///< [context, vocabulary]
  /// Encoder: longest piece in tokens, what a piece is described by, and hidden
  /// states that nobody asked for.
  int64_t encodePiece = 0;
  winnow::runtime::Region pieceArrays, hidden;
  int64_t logitRows = 0;
  /// Logits of a call that may be cancelled between two pieces.
  winnow::runtime::Region spare;
};

namespace winnow {
namespace runtime {

winnow_status createSession(winnow_model *model,
                            const winnow_session_options *options,
                            winnow_session **session, winnow_error *error);
void destroySession(winnow_session *session);

/// Makes arena and scratch large enough for `entry` at the given sizes of its
/// named dimensions.
winnow_status reserveWorkspace(winnow_session &session,
                               const winnow_entry &entry, const int64_t *dims,
                               winnow_error *error);

/// Runs `entry` on all threads; reserveWorkspace has been called for at least
/// these dims, and `count` tokens of `caches` have been admitted for it.
/// Returns false where the call was cancelled: no output has been written and
/// no cache is longer, but slots of the new tokens may have been.
bool runEntry(winnow_session &session, const winnow_entry &entry,
              const void *const *inputs, void *const *outputs,
              const int64_t *dims, KvStorage &caches, int64_t count);

/// Makes `region` at least as large as `bytes`; where that fails it stays as it
/// is. The contents are lost.
bool grow(winnow_session &session, Region &region, int64_t bytes);

// The functions of winnow_api with the same meaning.
winnow_status prefill(winnow_session *session, const winnow_tokens *tokens,
                      winnow_rows rows, winnow_error *error);
winnow_status prefillEmbeddings(winnow_session *session,
                                const winnow_embeddings *embeddings,
                                winnow_rows rows, winnow_error *error);
winnow_status prefillPrompt(winnow_session *session,
                            const winnow_tokens *tokens,
                            const winnow_span *span, winnow_rows rows,
                            winnow_error *error);
winnow_status decode(winnow_session *session, int32_t id, winnow_error *error);
winnow_status logits(winnow_session *session, const float **data, int64_t *rows,
                     winnow_error *error);
int64_t length(const winnow_session *session);
winnow_status truncate(winnow_session *session, int64_t length,
                       winnow_error *error);
winnow_status reset(winnow_session *session);
winnow_status invoke(winnow_session *session, const char *entry,
                     const winnow_tensor *inputs, int32_t inputCount,
                     winnow_tensor *outputs, int32_t outputCount,
                     winnow_error *error);
winnow_status setProfiler(winnow_session *session, winnow_profiler profiler,
                          void *context, winnow_error *error);
winnow_status cacheLengths(const winnow_session *session, int64_t *lengths,
                           int64_t count, winnow_error *error);
winnow_status encode(winnow_session *session, const winnow_texts *texts,
                     float *hidden, float *embeddings, winnow_error *error);

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_SESSION_H
