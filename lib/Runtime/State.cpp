//===- State.cpp - Sessions to bytes and back -----------------------------===//

#include "State.h"

#include "Error.h"

#include <inttypes.h>
#include <string.h>

namespace winnow {
namespace runtime {

static constexpr char kMagic[8] = {'w', 'i', 'n', 'n', 'o', 'w', 'K', 'V'};
/// Changes with the layout of a state or of the caches.
static constexpr uint32_t kVersion = 2;

namespace {
struct StateHeader {
  char magic[8];
  uint32_t version;
  uint32_t cacheCount; ///< of all entry points
  uint64_t buildId[2];
  int64_t size; ///< of the whole state
  int64_t length;
  int64_t logitRows; ///< 0 or 1
};
static_assert(sizeof(StateHeader) == 56, "a state has no gaps");
} // namespace

static int64_t countCaches(const winnow_session &session) {
  int64_t count = 0;
  for (int32_t i = 0; i < session.model->artifact->entry_count; ++i)
    count += session.caches[i].count();
  return count;
}

/// The size of a state with the lengths of `caches`, but for the token counts
/// and segments of chunked caches. False where that overflows.
static bool computeSize(const winnow_session &session, const KvStorage *caches,
                        int64_t length, int64_t logitRows, int64_t &size) {
  const winnow_artifact_info &artifact = *session.model->artifact;
  size = 0;
  if (!accumulate(size, 1, sizeof(StateHeader) + sizeof(uint64_t)) ||
      !accumulate(size, countCaches(session), sizeof(int64_t)) ||
      !accumulate(size, length, sizeof(int32_t)) ||
      !accumulate(size, logitRows, artifact.vocabulary * sizeof(float)))
    return false;
  for (int32_t i = 0; i < artifact.entry_count; ++i)
    for (int32_t cache = 0; cache < caches[i].count(); ++cache)
      for (int64_t s = 0; s < caches[i].spanCount(cache); ++s)
        if (!accumulate(size, 1, caches[i].span(cache, s).size))
          return false;
  return true;
}

/// Adds a token count and that many segments.
static bool addSegments(int64_t &size, int64_t tokens) {
  return accumulate(size, 1, sizeof(int64_t)) &&
         accumulate(size, tokens, sizeof(int32_t));
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

int64_t stateSize(const winnow_session *session) {
  int64_t size = 0;
  if (!session)
    return size;
  computeSize(*session, session->caches, session->length,
              session->logitRows ? 1 : 0, size);
  for (int32_t i = 0; i < session->model->artifact->entry_count; ++i)
    if (session->caches[i].isChunked())
      addSegments(size, session->caches[i].slotMap().tokens());
  return size;
}

namespace {
/// Passes bytes on and hashes them.
struct HashingSink {
  StateSink sink;
  winnow_hash hash;

  explicit HashingSink(StateSink sink) : sink(sink) {
    winnow_hash_begin(&hash);
  }
  bool write(const void *data, size_t size) {
    winnow_hash_update(&hash, data, size);
    return sink.write(sink.context, data, size);
  }
};
} // namespace

bool writeState(const winnow_session &session, StateSink sink) {
  const winnow_artifact_info &artifact = *session.model->artifact;
  HashingSink out(sink);
  StateHeader header = {};
  memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.cacheCount = static_cast<uint32_t>(countCaches(session));
  header.buildId[0] = artifact.build_id[0];
  header.buildId[1] = artifact.build_id[1];
  header.size = stateSize(&session);
  header.length = session.length;
  header.logitRows = session.logitRows ? 1 : 0;
  bool good = out.write(&header, sizeof header);
  for (int32_t i = 0; i < artifact.entry_count; ++i)
    for (int32_t cache = 0; good && cache < session.caches[i].count(); ++cache)
      good =
          out.write(&session.caches[i].slots()[cache].length, sizeof(int64_t));
  for (int32_t i = 0; i < artifact.entry_count; ++i) {
    int64_t tokens = session.caches[i].slotMap().tokens();
    if (session.caches[i].isChunked())
      good = good && out.write(&tokens, sizeof tokens);
  }
  good =
      good && out.write(session.positions.data,
                        static_cast<size_t>(session.length) * sizeof(int32_t));
  for (int32_t i = 0; i < artifact.entry_count; ++i) {
    const SlotMap &map = session.caches[i].slotMap();
    for (int64_t token = 0; good && token < map.tokens(); ++token) {
      int32_t segment = map.segmentOf(token);
      good = out.write(&segment, sizeof segment);
    }
  }
  if (good && header.logitRows) {
    size_t row = static_cast<size_t>(artifact.vocabulary) * sizeof(float);
    good = out.write(session.logits.data +
                         static_cast<size_t>(session.logitRows - 1) * row,
                     row);
  }
  for (int32_t i = 0; i < artifact.entry_count; ++i) {
    const KvStorage &caches = session.caches[i];
    for (int32_t cache = 0; cache < caches.count(); ++cache)
      for (int64_t s = 0; good && s < caches.spanCount(cache); ++s)
        good =
            out.write(caches.span(cache, s).data, caches.span(cache, s).size);
  }
  uint64_t hash = winnow_hash_finish(&out.hash);
  return good && sink.write(sink.context, &hash, sizeof hash);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// Reads a state into caches of its own, which replace those of the session
/// when all of it has been found good.
class StateReader {
public:
  StateReader(winnow_session &session, StateSource source, int64_t size,
              const char *name, winnow_error *error)
      : session(session), artifact(*session.model->artifact), source(source),
        size(size), name(name), error(error) {
    winnow_hash_begin(&hash);
  }
  ~StateReader() {
    for (int32_t i = 0; caches && i < artifact.entry_count; ++i)
      caches[i].release();
    releaseArray(session.allocator, caches,
                 static_cast<size_t>(artifact.entry_count));
    releaseArray(session.allocator, chunked,
                 static_cast<size_t>(artifact.entry_count));
    positions.release();
    segments.release();
    logits.release();
  }

  winnow_status read();

private:
  bool fetch(void *data, size_t count) {
    if (!source.read(source.context, data, count))
      return false;
    winnow_hash_update(&hash, data, count);
    return true;
  }
  size_t logitBytes() const {
    return static_cast<size_t>(header.logitRows * artifact.vocabulary) *
           sizeof(float);
  }
  winnow_status unreadable() {
    return fail(error, WINNOW_IO_ERROR, "%s cannot be read to its end", name);
  }
  winnow_status noMemory() {
    return fail(error, WINNOW_OUT_OF_MEMORY, "%s: out of memory", name);
  }
  winnow_status readHeader();
  winnow_status readLengths();
  winnow_status readTokenCounts();
  winnow_status admitTokens();
  winnow_status readContents();
  winnow_status reserve();
  void commit();

  winnow_session &session;
  const winnow_artifact_info &artifact;
  StateSource source;
  int64_t size;
  const char *name;
  winnow_error *error;
  winnow_hash hash;
  StateHeader header = {};
  KvStorage *caches = nullptr;
  /// Of the chunked caches of an entry point, as the state has them.
  struct ChunkedCaches {
    int64_t tokens = 0;
    int64_t length = 0;
    int64_t caches = 0;
  };
  ChunkedCaches *chunked = nullptr;
  Region positions, segments, logits;
};
} // namespace

winnow_status StateReader::readHeader() {
  if (size < static_cast<int64_t>(sizeof header))
    return fail(error, WINNOW_BAD_FILE,
                "%s is truncated: %" PRId64
                " bytes, fewer than the %d of a header",
                name, size, static_cast<int>(sizeof header));
  if (!fetch(&header, sizeof header))
    return unreadable();
  if (memcmp(header.magic, kMagic, sizeof kMagic) != 0)
    return fail(error, WINNOW_BAD_FILE, "%s is not the state of a session",
                name);
  if (header.version != kVersion)
    return fail(error, WINNOW_BAD_FILE,
                "%s has version %u of the format, expected %u", name,
                header.version, kVersion);
  if (header.buildId[0] != artifact.build_id[0] ||
      header.buildId[1] != artifact.build_id[1])
    return fail(error, WINNOW_MISMATCH,
                "%s belongs to another model: build id %016" PRIx64
                "%016" PRIx64 ", expected %016" PRIx64 "%016" PRIx64,
                name, header.buildId[0], header.buildId[1],
                artifact.build_id[0], artifact.build_id[1]);
  if (header.size != size)
    return fail(error, WINNOW_BAD_FILE,
                "%s is %s: %" PRId64 " bytes, expected %" PRId64, name,
                size < header.size ? "truncated" : "too long", size,
                header.size);
  if (header.length < 0 || header.length > artifact.context ||
      (!session.model->decoder.entry && (header.length || header.logitRows)) ||
      header.logitRows < 0 || header.logitRows > 1 ||
      header.cacheCount != countCaches(session))
    return fail(error, WINNOW_BAD_FILE, "%s is damaged: its header is wrong",
                name);
  if (header.length > session.context)
    return fail(error, WINNOW_CONTEXT_OVERRUN,
                "%s holds %" PRId64
                " tokens, more than the context of %" PRId64,
                name, header.length, session.context);
  return WINNOW_OK;
}

winnow_status StateReader::reserve() {
  size_t entries = static_cast<size_t>(artifact.entry_count);
  caches = allocateArray<KvStorage>(session.allocator, entries);
  chunked = allocateArray<ChunkedCaches>(session.allocator, entries);
  if (!caches || !chunked)
    return noMemory();
  for (int32_t i = 0; i < artifact.entry_count; ++i)
    if (session.caches[i].count() && !caches[i].reserveLike(session.caches[i]))
      return noMemory();
  if (!positions.reserve(session.allocator, session.positions.size, false) ||
      !logits.reserve(session.allocator, logitBytes(), false))
    return noMemory();
  return WINNOW_OK;
}

winnow_status StateReader::readLengths() {
  for (int32_t i = 0; i < artifact.entry_count; ++i)
    for (int32_t cache = 0; cache < caches[i].count(); ++cache) {
      const winnow_cache_info &info = artifact.entries[i].caches[cache];
      // A chunked cache has at most a chunk of slots for each token.
      int64_t perToken = info.chunked ? WINNOW_KV_CHUNK : 1;
      int64_t length;
      if (!fetch(&length, sizeof length))
        return unreadable();
      if (length < 0 || length / perToken > info.capacity)
        return fail(error, WINNOW_BAD_FILE,
                    "%s is damaged: a cache of %" PRId64 " slots", name,
                    length);
      if (length / perToken > caches[i].capacityOf(cache))
        return fail(error, WINNOW_CONTEXT_OVERRUN,
                    "%s has a cache of %" PRId64
                    " slots, more than the session's %" PRId64,
                    name, length, caches[i].capacityOf(cache) * perToken);
      if (info.chunked && chunked[i].caches++ && length != chunked[i].length)
        return fail(error, WINNOW_BAD_FILE,
                    "%s is damaged: caches of one entry point hold %" PRId64
                    " and %" PRId64 " slots",
                    name, chunked[i].length, length);
      if (info.chunked)
        chunked[i].length = length;
      caches[i].slots()[cache].length = length;
    }
  return WINNOW_OK;
}

winnow_status StateReader::readTokenCounts() {
  int64_t expected, mostTokens = 0;
  bool good =
      computeSize(session, caches, header.length, header.logitRows, expected);
  for (int32_t i = 0; good && i < artifact.entry_count; ++i) {
    if (!caches[i].isChunked())
      continue;
    int64_t &tokens = chunked[i].tokens;
    if (!fetch(&tokens, sizeof tokens))
      return unreadable();
    bool decodes = &artifact.entries[i] == session.model->decoder.entry;
    good = tokens >= 0 && (!decodes || tokens == header.length) &&
           tokens <= caches[i].slotMap().capacity() &&
           tokens <= chunked[i].length &&
           (chunked[i].length - 1) / WINNOW_KV_CHUNK <= tokens &&
           addSegments(expected, tokens);
    mostTokens = tokens > mostTokens ? tokens : mostTokens;
  }
  if (!good || expected != size)
    return fail(error, WINNOW_BAD_FILE,
                "%s is damaged: its lengths do not make its size", name);
  if (!segments.reserve(session.allocator,
                        static_cast<size_t>(mostTokens) * sizeof(int32_t),
                        false))
    return noMemory();
  return WINNOW_OK;
}

/// Reads the segments, and gives chunked caches the slots that follow from
/// them.
winnow_status StateReader::admitTokens() {
  for (int32_t i = 0; i < artifact.entry_count; ++i) {
    int64_t tokens = chunked[i].tokens;
    if (!caches[i].isChunked())
      continue;
    if (!fetch(segments.data, static_cast<size_t>(tokens) * sizeof(int32_t)))
      return unreadable();
    const int32_t *values = reinterpret_cast<const int32_t *>(segments.data);
    for (int64_t token = 0; token < tokens; ++token)
      if (values[token] < 0)
        return fail(error, WINNOW_BAD_FILE, "%s is damaged: segment %d", name,
                    values[token]);
    // Nothing is stored yet that a growing cache would have to keep.
    for (int32_t cache = 0; cache < caches[i].count(); ++cache)
      if (artifact.entries[i].caches[cache].chunked)
        caches[i].slots()[cache].length = 0;
    if (!caches[i].admit(values, tokens))
      return noMemory();
    int64_t end = caches[i].next(tokens).end;
    for (int32_t cache = 0; cache < caches[i].count(); ++cache)
      if (artifact.entries[i].caches[cache].chunked)
        caches[i].slots()[cache].length = end;
    if (end != chunked[i].length)
      return fail(error, WINNOW_BAD_FILE,
                  "%s is damaged: its segments do not make its lengths", name);
  }
  return WINNOW_OK;
}

winnow_status StateReader::readContents() {
  if (!fetch(positions.data,
             static_cast<size_t>(header.length) * sizeof(int32_t)))
    return unreadable();
  if (winnow_status status = admitTokens())
    return status;
  if (!fetch(logits.data, logitBytes()))
    return unreadable();
  for (int32_t i = 0; i < artifact.entry_count; ++i)
    for (int32_t cache = 0; cache < caches[i].count(); ++cache) {
      for (int64_t s = 0; s < caches[i].spanCount(cache); ++s) {
        KvStorage::Span span = caches[i].span(cache, s);
        if (!fetch(span.data, span.size))
          return unreadable();
      }
      caches[i].clearUnused(cache);
    }
  uint64_t actual = winnow_hash_finish(&hash), expected;
  if (!source.read(source.context, &expected, sizeof expected))
    return unreadable();
  if (actual != expected)
    return fail(error, WINNOW_BAD_FILE,
                "%s is damaged: hash %016" PRIx64 ", expected %016" PRIx64,
                name, actual, expected);
  const int32_t *values = reinterpret_cast<const int32_t *>(positions.data);
  for (int64_t i = 0; i < header.length; ++i)
    if (values[i] < 0 || values[i] >= artifact.context)
      return fail(error, WINNOW_BAD_FILE, "%s is damaged: position %d", name,
                  values[i]);
  return WINNOW_OK;
}

/// What the session held goes with the reader.
void StateReader::commit() {
  exchange(session.caches, caches);
  exchange(session.positions, positions);
  // Logits keep their place.
  if (header.logitRows)
    memcpy(session.logits.data, logits.data, logitBytes());
  session.length = header.length;
  session.logitRows = header.logitRows;
}

winnow_status StateReader::read() {
  winnow_status status = readHeader();
  if (status == WINNOW_OK)
    status = reserve();
  if (status == WINNOW_OK)
    status = readLengths();
  if (status == WINNOW_OK)
    status = readTokenCounts();
  if (status == WINNOW_OK)
    status = readContents();
  if (status == WINNOW_OK)
    commit();
  return status;
}

winnow_status readState(winnow_session &session, StateSource source,
                        int64_t size, const char *name, winnow_error *error) {
  winnow_status status = StateReader(session, source, size, name, error).read();
  if (status != WINNOW_OK)
    return status;
  session.log.write(WINNOW_LOG_INFO, "%s: loaded %" PRId64 " tokens from %s",
                    session.model->artifact->name, session.length, name);
  return succeed(error);
}

} // namespace runtime
} // namespace winnow
