//===- State.h - Sessions as bytes ------------------------------*- C++ -*-===//
//
// A state is, little-endian and without gaps:
//
//     header               StateHeader
//     cache lengths        i64, for all caches of all entry points in order
//     token counts         i64, for all entry points with chunked caches
//     positions            i32 [length]
//     segments             i32 [token count], for all of these entry points
//     logits               f32 [logitRows, vocabulary]
//     caches               the spans of KvStorage, cache by cache
//     hash                 u64: the winnow_hash of all bytes before
//
// The sizes of all parts follow from the artifact, the lengths and the token
// counts, so one number, the size, tells whether a state is whole before it is
// read.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_RUNTIME_STATE_H
#define WINNOW_LIB_RUNTIME_STATE_H

#include "Session.h"
#include "winnow/Runtime/Hash.h"

namespace winnow {
namespace runtime {

/// Where the bytes of a state go. (Virtual functions would need the C++
/// library.)
struct StateSink {
  bool (*write)(void *context, const void *data, size_t size);
  void *context;
};

/// Where the bytes of a state come from. Reading past the end fails.
struct StateSource {
  bool (*read)(void *context, void *data, size_t size);
  void *context;
};

/// The size of the state of `session`.
int64_t stateSize(const winnow_session *session);
/// Writes the state; false where the sink refuses.
bool writeState(const winnow_session &session, StateSink sink);
/// Replaces what `session` holds by a state of `size` bytes, called `name` in
/// messages. On failure the session is as before.
winnow_status readState(winnow_session &session, StateSource source,
                        int64_t size, const char *name, winnow_error *error);

// The functions of winnow_api with the same meaning.
winnow_status saveSession(const winnow_session *session, const char *path,
                          winnow_error *error);
winnow_status loadSession(winnow_session *session, const char *path,
                          winnow_error *error);
winnow_status saveSessionTo(const winnow_session *session, void *data,
                            int64_t size, winnow_error *error);
winnow_status loadSessionFrom(winnow_session *session, const void *data,
                              int64_t size, winnow_error *error);

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_STATE_H
