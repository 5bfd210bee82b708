//===- Encode.cpp - Texts in, hidden states and embeddings out ------------===//

#include "Error.h"
#include "Session.h"

namespace winnow {
namespace runtime {

/// Checks all texts; counts their tokens and those of the longest.
static winnow_status checkTexts(const winnow_session &session,
                                const winnow_texts &texts, int64_t &tokens,
                                int64_t &longest, winnow_error *error) {
  const winnow_artifact_info &artifact = *session.model->artifact;
  if (!texts.ids || !texts.lengths || texts.count <= 0)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "encode: at least one text is needed");
  tokens = longest = 0;
  for (int64_t text = 0; text < texts.count; ++text) {
    int64_t length = texts.lengths[text];
    if (length < 1)
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "encode: text %lld has no "
                  "tokens",
                  static_cast<long long>(text));
    if (length > session.context)
      return fail(error, WINNOW_CONTEXT_OVERRUN,
                  "context overrun: text %lld has %lld tokens, the context "
                  "is %lld",
                  static_cast<long long>(text), static_cast<long long>(length),
                  static_cast<long long>(session.context));
    if (!accumulate(tokens, 1, length))
      return fail(error, WINNOW_INVALID_ARGUMENT, "encode: too many tokens");
    if (length > longest)
      longest = length;
  }
  for (int64_t i = 0; i < tokens; ++i)
    if (texts.ids[i] < 0 || texts.ids[i] >= artifact.vocabulary)
      return fail(error, WINNOW_TOKEN_OUT_OF_RANGE,
                  "token id %d at index %lld is not in [0, %lld)", texts.ids[i],
                  static_cast<long long>(i),
                  static_cast<long long>(artifact.vocabulary));
  return WINNOW_OK;
}

/// The arrays that the runtime makes for a piece, [tokens] each.
namespace {
struct PieceArrays {
  int32_t *positions, *segments, *types, *texts;
};
} // namespace

/// Makes room for pieces of up to `tokens` tokens.
static winnow_status reservePiece(winnow_session &session, int64_t tokens,
                                  bool needsHidden, winnow_error *error) {
  const Encoder &encoder = session.model->encoder;
  int64_t dims[2] = {tokens, tokens};
  if (winnow_status status =
          reserveWorkspace(session, *encoder.entry, dims, error))
    return status;
  int64_t arrays = 0, row = 0, hidden = 0;
  if (!accumulate(arrays, tokens, 4 * sizeof(int32_t)) ||
      !accumulate(row, encoder.width, sizeof(float)) ||
      !accumulate(hidden, tokens, row) ||
      !grow(session, session.pieceArrays, arrays) ||
      (needsHidden && !grow(session, session.hidden, hidden)))
    return fail(error, WINNOW_OUT_OF_MEMORY,
                "encode: cannot reserve memory for %lld tokens",
                static_cast<long long>(tokens));
  return WINNOW_OK;
}

/// Computes `count` texts of `tokens` tokens together; false if cancelled.
static bool runPiece(winnow_session &session, const int32_t *ids,
                     const int64_t *lengths, int64_t count, int64_t tokens,
                     float *hidden, float *embeddings) {
  const Encoder &encoder = session.model->encoder;
  PieceArrays arrays;
  arrays.positions = reinterpret_cast<int32_t *>(session.pieceArrays.data);
  arrays.segments = arrays.positions + tokens;
  arrays.types = arrays.segments + tokens;
  arrays.texts = arrays.types + tokens;
  int64_t token = 0;
  for (int64_t text = 0; text < count; ++text) {
    arrays.texts[text] = static_cast<int32_t>(text);
    for (int64_t i = 0; i < lengths[text]; ++i, ++token) {
      arrays.positions[token] = static_cast<int32_t>(i);
      arrays.segments[token] = static_cast<int32_t>(text);
      arrays.types[token] = 0;
    }
  }
  const void *inputs[5];
  inputs[encoder.ids] = ids;
  inputs[encoder.positions] = arrays.positions;
  inputs[encoder.segments] = arrays.segments;
  if (encoder.types >= 0)
    inputs[encoder.types] = arrays.types;
  if (encoder.texts >= 0)
    inputs[encoder.texts] = arrays.texts;
  void *outputs[2] = {
      hidden ? static_cast<void *>(hidden) : session.hidden.data, embeddings};
  int64_t dims[2];
  dims[encoder.tokenDim] = tokens;
  if (encoder.texts >= 0)
    dims[encoder.textDim] = embeddings ? count : 0;
  KvStorage none;
  return runEntry(session, *encoder.entry, inputs, outputs, dims, none, 0);
}

winnow_status encode(winnow_session *session, const winnow_texts *texts,
                     float *hidden, float *embeddings, winnow_error *error) {
  if (!session || !texts)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "encode: session and texts must not be null");
  const Encoder &encoder = session->model->encoder;
  if (!encoder.entry)
    return fail(error, WINNOW_UNSUPPORTED, "%s has no encoder of texts",
                session->model->artifact->name);
  if (embeddings && encoder.texts < 0)
    return fail(error, WINNOW_UNSUPPORTED,
                "%s has hidden states, but makes no embeddings of them",
                session->model->artifact->name);
  int64_t tokens = 0, longest = 0;
  if (winnow_status status =
          checkTexts(*session, *texts, tokens, longest, error))
    return status;
  int64_t limit =
      session->encodePiece > longest ? session->encodePiece : longest;
  if (winnow_status status = reservePiece(
          *session, tokens < limit ? tokens : limit, !hidden, error))
    return status;

  // A text's results do not depend on its neighbours,
  // so any cut between texts will do.
  const int32_t *ids = texts->ids;
  for (int64_t first = 0; first < texts->count;) {
    int64_t count = 0, pieceTokens = 0;
    while (first + count < texts->count &&
           (count == 0 || pieceTokens + texts->lengths[first + count] <= limit))
      pieceTokens += texts->lengths[first + count++];
    if (!runPiece(*session, ids, texts->lengths + first, count, pieceTokens,
                  hidden, embeddings))
      return fail(error, WINNOW_CANCELLED, "encode: cancelled");
    ids += pieceTokens;
    first += count;
    if (hidden)
      hidden += pieceTokens * encoder.width;
    if (embeddings)
      embeddings += count * encoder.embeddingWidth;
  }
  return succeed(error);
}

} // namespace runtime
} // namespace winnow
