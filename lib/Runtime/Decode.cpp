//===- Decode.cpp - Tokens in, logits out ---------------------------------===//

#include "Error.h"
#include "Session.h"

#include <string.h>

namespace winnow {
namespace runtime {

static winnow_status checkTokens(const winnow_session &session,
                                 const winnow_tokens &tokens,
                                 winnow_error *error) {
  const winnow_artifact_info &artifact = *session.model->artifact;
  if (!tokens.ids || tokens.count <= 0)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "prefill: at least one token is needed");
  if (tokens.count > session.context - session.length)
    return fail(error, WINNOW_CONTEXT_OVERRUN,
                "context overrun: %lld tokens after %lld do not fit in a "
                "context of %lld",
                static_cast<long long>(tokens.count),
                static_cast<long long>(session.length),
                static_cast<long long>(session.context));
  for (int64_t i = 0; i < tokens.count; ++i) {
    if (tokens.ids[i] < 0 || tokens.ids[i] >= artifact.vocabulary)
      return fail(error, WINNOW_TOKEN_OUT_OF_RANGE,
                  "token id %d at index %lld is not in [0, %lld)",
                  tokens.ids[i], static_cast<long long>(i),
                  static_cast<long long>(artifact.vocabulary));
    if (tokens.positions &&
        (tokens.positions[i] < 0 || tokens.positions[i] >= artifact.context))
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "position %d at index %lld is not in [0, %lld), the "
                  "context that the artifact was compiled for",
                  tokens.positions[i], static_cast<long long>(i),
                  static_cast<long long>(artifact.context));
  }
  return WINNOW_OK;
}

/// Computes tokens [start, start + count) of the call and gives logits to their
/// last `rowCount` tokens.
static void runPiece(winnow_session &session, const winnow_tokens &tokens,
                     int64_t start, int64_t count, int64_t rowCount,
                     float *output) {
  const Decoder &decoder = session.model->decoder;
  int32_t *rows = reinterpret_cast<int32_t *>(session.rows.data);
  for (int64_t i = 0; i < rowCount; ++i)
    rows[i] = static_cast<int32_t>(count - rowCount + i);
  const int32_t *positions =
      reinterpret_cast<const int32_t *>(session.positions.data);
  const void *inputs[4];
  inputs[decoder.ids] = tokens.ids + start;
  inputs[decoder.positions] = positions + session.length + start;
  inputs[decoder.segments] =
      tokens.segments ? static_cast<const void *>(tokens.segments + start)
                      : session.zeros.data;
  inputs[decoder.rows] = rows;
  void *outputs[1] = {output};
  int64_t dims[2];
  dims[decoder.tokenDim] = count;
  dims[decoder.rowDim] = rowCount;
  runEntry(session, *decoder.entry, inputs, outputs, dims,
           session.caches[decoder.index].slots());
}

winnow_status prefill(winnow_session *session, const winnow_tokens *tokens,
                      winnow_rows rows, winnow_error *error) {
  if (!session || !tokens)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "prefill: session and tokens must not be null");
  if (rows != WINNOW_ROWS_LAST && rows != WINNOW_ROWS_ALL &&
      rows != WINNOW_ROWS_NONE)
    return fail(error, WINNOW_INVALID_ARGUMENT, "prefill: unknown rows %d",
                static_cast<int>(rows));
  if (!session->model->decoder.entry)
    return fail(error, WINNOW_UNSUPPORTED,
                "%s has no decoder: use invoke for its entry points",
                session->model->artifact->name);
  if (winnow_status status = checkTokens(*session, *tokens, error))
    return status;
  int64_t logitRows = rows == WINNOW_ROWS_ALL    ? tokens->count
                      : rows == WINNOW_ROWS_LAST ? 1
                                                 : 0;
  // Nothing below can fail.
  int32_t *positions =
      reinterpret_cast<int32_t *>(session->positions.data) + session->length;
  if (tokens->positions)
    memcpy(positions, tokens->positions,
           static_cast<size_t>(tokens->count) * sizeof(int32_t));
  else
    for (int64_t i = 0; i < tokens->count; ++i)
      positions[i] = static_cast<int32_t>(session->length + i);
  float *output = reinterpret_cast<float *>(session->logits.data);
  int64_t vocabulary = session->model->artifact->vocabulary;
  for (int64_t start = 0; start < tokens->count; start += session->piece) {
    int64_t left = tokens->count - start;
    int64_t count = left < session->piece ? left : session->piece;
    int64_t rowCount = rows == WINNOW_ROWS_ALL                     ? count
                       : rows == WINNOW_ROWS_LAST && count == left ? 1
                                                                   : 0;
    runPiece(*session, *tokens, start, count, rowCount, output);
    output += rowCount * vocabulary;
  }
  session->length += tokens->count;
  session->logitRows = logitRows;
  return succeed(error);
}

winnow_status decode(winnow_session *session, int32_t id, winnow_error *error) {
  winnow_tokens tokens = {&id, nullptr, nullptr, 1};
  return prefill(session, &tokens, WINNOW_ROWS_LAST, error);
}

winnow_status logits(winnow_session *session, const float **data, int64_t *rows,
                     winnow_error *error) {
  if (!session || !data || !rows)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "logits: session, data and rows must not be null");
  *rows = session->logitRows;
  *data = session->logitRows
              ? reinterpret_cast<const float *>(session->logits.data)
              : nullptr;
  return succeed(error);
}

int64_t length(const winnow_session *session) {
  return session ? session->length : 0;
}

winnow_status truncate(winnow_session *session, int64_t length,
                       winnow_error *error) {
  if (!session)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "truncate: session must not be null");
  if (length < 0 || length > session->length)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "truncate: length %lld is not in [0, %lld], the tokens stored",
                static_cast<long long>(length),
                static_cast<long long>(session->length));
  if (session->model->decoder.entry)
    session->caches[session->model->decoder.index].truncate(
        length, session->length,
        reinterpret_cast<const int32_t *>(session->positions.data));
  session->length = length;
  session->logitRows = 0;
  return succeed(error);
}

winnow_status reset(winnow_session *session) {
  if (!session)
    return WINNOW_INVALID_ARGUMENT;
  for (int32_t i = 0; i < session->model->artifact->entry_count; ++i)
    session->caches[i].clear();
  session->length = 0;
  session->logitRows = 0;
  return WINNOW_OK;
}

} // namespace runtime
} // namespace winnow
