//===- Decode.cpp - Tokens in, logits out ---------------------------------===//

#include "Error.h"
#include "Session.h"

#include <string.h>

namespace winnow {
namespace runtime {

namespace {
/// Tokens of a call: ids, or rows of embeddings.
struct Tokens {
  const Decoder &decoder;
  const uint8_t *data;
  size_t bytesPerToken;
  const int32_t *positions; ///< may be null
  const int32_t *segments;  ///< may be null
  int64_t count;
};
} // namespace

static winnow_status checkTokens(const winnow_session &session,
                                 const Tokens &tokens, winnow_error *error) {
  const winnow_artifact_info &artifact = *session.model->artifact;
  if (!tokens.data || tokens.count <= 0)
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
    if (tokens.positions &&
        (tokens.positions[i] < 0 || tokens.positions[i] >= artifact.context))
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "position %d at index %lld is not in [0, %lld), the "
                  "context that the artifact was compiled for",
                  tokens.positions[i], static_cast<long long>(i),
                  static_cast<long long>(artifact.context));
    if (tokens.segments && tokens.segments[i] < 0)
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "segment %d at index %lld is negative", tokens.segments[i],
                  static_cast<long long>(i));
  }
  return WINNOW_OK;
}

static winnow_status checkIds(const winnow_session &session,
                              const winnow_tokens &tokens,
                              winnow_error *error) {
  int64_t vocabulary = session.model->artifact->vocabulary;
  for (int64_t i = 0; i < tokens.count; ++i)
    if (tokens.ids[i] < 0 || tokens.ids[i] >= vocabulary)
      return fail(error, WINNOW_TOKEN_OUT_OF_RANGE,
                  "token id %d at index %lld is not in [0, %lld)",
                  tokens.ids[i], static_cast<long long>(i),
                  static_cast<long long>(vocabulary));
  return WINNOW_OK;
}

/// Makes room for `rows` rows of logits beside those that the session has.
static bool reserveSpare(winnow_session &session, int64_t rows) {
  // The sizes have been checked for the whole context.
  size_t size =
      static_cast<size_t>(rows * session.model->artifact->vocabulary) *
      sizeof(float);
  return session.spare.size >= size ||
         session.spare.reserve(session.allocator, size, true);
}

/// Computes tokens [start, start + count) of the call and gives logits to their
/// last `rowCount` tokens. False where that was cancelled.
static bool runPiece(winnow_session &session, const Tokens &tokens,
                     int64_t start, int64_t count, int64_t rowCount,
                     float *output) {
  const Decoder &decoder = tokens.decoder;
  int32_t *rows = reinterpret_cast<int32_t *>(session.rows.data);
  for (int64_t i = 0; i < rowCount; ++i)
    rows[i] = static_cast<int32_t>(count - rowCount + i);
  const int32_t *positions =
      reinterpret_cast<const int32_t *>(session.positions.data);
  const void *inputs[5];
  inputs[decoder.tokens] =
      tokens.data + static_cast<size_t>(start) * tokens.bytesPerToken;
  inputs[decoder.positions] = positions + session.length + start;
  inputs[decoder.segments] =
      tokens.segments ? static_cast<const void *>(tokens.segments + start)
                      : session.zeros.data;
  inputs[decoder.rows] = rows;
  if (decoder.prunable >= 0)
    inputs[decoder.prunable] = session.prunable.data;
  void *outputs[1] = {output};
  int64_t dims[2];
  dims[decoder.tokenDim] = count;
  dims[decoder.rowDim] = rowCount;
  return runEntry(session, *decoder.entry, inputs, outputs, dims,
                  session.caches[session.model->decoder.index], count);
}

static int64_t rowsOf(winnow_rows rows, int64_t count, bool last) {
  if (rows == WINNOW_ROWS_ALL)
    return count;
  return rows == WINNOW_ROWS_LAST && last ? 1 : 0;
}

/// The tokens of a piece at most. A prompt that is pruned is one: which tokens
/// stay depends on all of it.
static int64_t pieceOf(const winnow_session &session, const Tokens &tokens) {
  return tokens.decoder.prunable >= 0 ? tokens.count : session.piece;
}

/// Computes all tokens, which have been admitted, piece by piece. Where that is
/// cancelled it returns false and the caches are as at the last mark.
static bool runPieces(winnow_session &session, const Tokens &tokens,
                      winnow_rows rows, float *output) {
  KvStorage &caches = session.caches[session.model->decoder.index];
  int64_t vocabulary = session.model->artifact->vocabulary;
  int64_t piece = pieceOf(session, tokens);
  for (int64_t start = 0; start < tokens.count; start += piece) {
    int64_t left = tokens.count - start;
    int64_t count = left < piece ? left : piece;
    int64_t rowCount = rowsOf(rows, count, count == left);
    if (!runPiece(session, tokens, start, count, rowCount, output)) {
      caches.rollBack(count);
      return false;
    }
    output += rowCount * vocabulary;
  }
  return true;
}

static winnow_status checkRows(winnow_rows rows, winnow_error *error) {
  if (rows != WINNOW_ROWS_LAST && rows != WINNOW_ROWS_ALL &&
      rows != WINNOW_ROWS_NONE)
    return fail(error, WINNOW_INVALID_ARGUMENT, "prefill: unknown rows %d",
                static_cast<int>(rows));
  return WINNOW_OK;
}

/// Appends tokens whose data are good.
static winnow_status append(winnow_session &session, const Tokens &tokens,
                            winnow_rows rows, winnow_error *error) {
  int64_t logitRows = rowsOf(rows, tokens.count, true);
  // A piece writes logits when it cannot be cancelled any more, but a later
  // piece can: then the old logits have to be there still.
  bool spare = session.cancel && rows == WINNOW_ROWS_ALL &&
               tokens.count > pieceOf(session, tokens);
  if (spare && !reserveSpare(session, logitRows))
    return fail(error, WINNOW_OUT_OF_MEMORY,
                "prefill: cannot reserve the logits of %lld rows",
                static_cast<long long>(logitRows));

  KvStorage &caches = session.caches[session.model->decoder.index];
  caches.mark();
  if (!caches.admit(tokens.segments, tokens.count))
    return fail(error, WINNOW_OUT_OF_MEMORY,
                "prefill: cannot reserve cache slots for the segments");

  // Nothing below can fail, unless the caller cancels.
  int32_t *positions =
      reinterpret_cast<int32_t *>(session.positions.data) + session.length;
  if (tokens.positions)
    memcpy(positions, tokens.positions,
           static_cast<size_t>(tokens.count) * sizeof(int32_t));
  else
    for (int64_t i = 0; i < tokens.count; ++i)
      positions[i] = static_cast<int32_t>(session.length + i);
  Region &output = spare ? session.spare : session.logits;
  if (!runPieces(session, tokens, rows, reinterpret_cast<float *>(output.data)))
    return fail(error, WINNOW_CANCELLED, "prefill: cancelled by the caller");
  if (spare)
    memcpy(
        session.logits.data, session.spare.data,
        static_cast<size_t>(logitRows * session.model->artifact->vocabulary) *
            sizeof(float));
  session.length += tokens.count;
  session.logitRows = logitRows;
  return succeed(error);
}

/// prefill by the entry point of `decoder`, which the model has.
static winnow_status appendIds(winnow_session &session, const Decoder &decoder,
                               const winnow_tokens &tokens, winnow_rows rows,
                               winnow_error *error) {
  Tokens all = {decoder,         reinterpret_cast<const uint8_t *>(tokens.ids),
                sizeof(int32_t), tokens.positions,
                tokens.segments, tokens.count};
  if (winnow_status status = checkTokens(session, all, error))
    return status;
  if (winnow_status status = checkIds(session, tokens, error))
    return status;
  return append(session, all, rows, error);
}

static winnow_status checkDecoder(const winnow_session *session,
                                  const winnow_tokens *tokens, winnow_rows rows,
                                  winnow_error *error) {
  if (!session || !tokens)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "prefill: session and tokens must not be null");
  if (winnow_status status = checkRows(rows, error))
    return status;
  if (!session->model->decoder.entry)
    return fail(error, WINNOW_UNSUPPORTED,
                "%s has no decoder: use invoke for its entry points",
                session->model->artifact->name);
  return WINNOW_OK;
}

winnow_status prefill(winnow_session *session, const winnow_tokens *tokens,
                      winnow_rows rows, winnow_error *error) {
  if (winnow_status status = checkDecoder(session, tokens, rows, error))
    return status;
  return appendIds(*session, session->model->decoder, *tokens, rows, error);
}

/// Tokens at the end of a prompt that stay where the caller does not say.
static constexpr int64_t kDefaultTail = 64;

winnow_status prefillPrompt(winnow_session *session,
                            const winnow_tokens *tokens,
                            const winnow_span *span, winnow_rows rows,
                            winnow_error *error) {
  if (winnow_status status = checkDecoder(session, tokens, rows, error))
    return status;
  int64_t first = 0, last = tokens->count - kDefaultTail;
  if (span) {
    first = span->first;
    last = span->last;
    if (first < 0 || first > last || last > tokens->count)
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "span %lld:%lld is not within the %lld tokens of the prompt",
                  static_cast<long long>(first), static_cast<long long>(last),
                  static_cast<long long>(tokens->count));
  }
  const Decoder &prompt = session->model->prompt;
  if (!prompt.entry)
    return appendIds(*session, session->model->decoder, *tokens, rows, error);
  // More tokens than there is room for are an error below.
  int32_t *prunable = reinterpret_cast<int32_t *>(session->prunable.data);
  for (int64_t i = 0; i < tokens->count && i < session->context; ++i)
    prunable[i] = i >= first && i < last;
  return appendIds(*session, prompt, *tokens, rows, error);
}

winnow_status prefillEmbeddings(winnow_session *session,
                                const winnow_embeddings *embeddings,
                                winnow_rows rows, winnow_error *error) {
  if (!session || !embeddings)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "prefill: session and embeddings must not be null");
  if (winnow_status status = checkRows(rows, error))
    return status;
  const Decoder &decoder = session->model->embeddings;
  if (!decoder.entry)
    return fail(error, WINNOW_UNSUPPORTED,
                "%s takes token ids and no embeddings",
                session->model->artifact->name);
  if (embeddings->width != decoder.width)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "embeddings have a width of %lld, expected %lld",
                static_cast<long long>(embeddings->width),
                static_cast<long long>(decoder.width));
  Tokens all = {decoder,
                reinterpret_cast<const uint8_t *>(embeddings->rows),
                static_cast<size_t>(decoder.width) * sizeof(float),
                embeddings->positions,
                embeddings->segments,
                embeddings->count};
  if (winnow_status status = checkTokens(*session, all, error))
    return status;
  return append(*session, all, rows, error);
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

winnow_status cacheLengths(const winnow_session *session, int64_t *lengths,
                           int64_t count, winnow_error *error) {
  if (!session || (!lengths && count))
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "cache_lengths: session and lengths must not be null");
  const Decoder &decoder = session->model->decoder;
  if (!decoder.entry)
    return fail(error, WINNOW_UNSUPPORTED, "%s has no decoder",
                session->model->artifact->name);
  const KvStorage &caches = session->caches[decoder.index];
  if (count != caches.count())
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "cache_lengths: the decoder has %d caches, not %lld",
                caches.count(), static_cast<long long>(count));
  for (int32_t i = 0; i < caches.count(); ++i)
    lengths[i] = caches.tokensIn(i);
  return succeed(error);
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
