//===- Session.cpp - Making, running and ending a session -----------------===//

#include "Session.h"

#include "Error.h"

#include <string.h>
#include <xmmintrin.h>

namespace winnow {
namespace runtime {

static constexpr int64_t kDefaultPiece = 256;
static constexpr int64_t kDefaultEncodePiece = 1024;
static constexpr int32_t kMostThreads = 1024;
/// Memory that is used densely and is at least this large gets large pages.
static constexpr size_t kHugePageThreshold = 4u << 20;

//===----------------------------------------------------------------------===//
// Running an entry point
//===----------------------------------------------------------------------===//

namespace {
struct Job {
  const winnow_call *call;
  winnow_entry_function function;
  const ProfiledCall *profiled; ///< null without a profiler
};
} // namespace

static void runPart(void *context, int32_t index, int32_t count) {
  const Job &job = *static_cast<const Job *>(context);
  // Rounding to nearest, exceptions masked, denormals kept: results depend
  // neither on the caller's settings nor on the thread.
  unsigned before = _mm_getcsr();
  _mm_setcsr(0x1f80);
  if (job.profiled)
    job.profiled->begin(index);
  job.function(job.call, index, count);
  if (job.profiled)
    job.profiled->end(index);
  _mm_setcsr(before);
}

static void waitAtBarrier(void *team, int32_t thread) {
  static_cast<winnow_session *>(team)->barrier.wait(thread);
}

static int32_t waitAtCheckpoint(void *team, int32_t thread) {
  winnow_session &session = *static_cast<winnow_session *>(team);
  bool vote = thread == 0 && session.cancel &&
              session.cancel(session.cancelContext) != 0;
  return session.barrier.wait(thread, vote);
}

static void runJob(winnow_session &session, Job &job) {
  if (session.executor)
    session.executor(session.executorContext, session.threads, runPart, &job);
  else
    session.pool.run(runPart, &job);
}

/// Tokens that the caches of an entry point hold.
static int64_t longestCache(const winnow_entry &entry,
                            const winnow_kv_slot *caches) {
  int64_t longest = 0;
  for (int32_t i = 0; i < entry.cache_count; ++i)
    if (caches[i].length > longest)
      longest = caches[i].length;
  return longest;
}

/// Tokens that every cache of an entry point is made for.
static int64_t leastCapacity(const winnow_entry &entry) {
  int64_t capacity = INT64_MAX;
  for (int32_t i = 0; i < entry.cache_count; ++i)
    if (entry.caches[i].capacity < capacity)
      capacity = entry.caches[i].capacity;
  return capacity;
}

/// `bytes` + sum of bytesPer[i] * dims[i], the latter rounded up to 16. False
/// where that overflows.
static bool affineSize(int64_t bytes, const int64_t *bytesPer,
                       const int64_t *dims, int32_t dimCount, int64_t &size) {
  size = 0;
  if (!accumulate(size, 1, bytes))
    return false;
  for (int32_t i = 0; i < dimCount; ++i)
    if (dims[i] < 0 || dims[i] > INT64_MAX / 2 ||
        !accumulate(size, roundUp(dims[i], 16), bytesPer[i]))
      return false;
  return size <= INT64_MAX / 2;
}

bool grow(winnow_session &session, Region &region, int64_t bytes) {
  size_t size = static_cast<size_t>(bytes);
  if (region.size >= size)
    return true;
  Region larger;
  if (!larger.reserve(session.allocator, size, size >= kHugePageThreshold))
    return false;
  region.release();
  region = larger;
  return true;
}

/// Bytes of scratch for each thread, a multiple of 64; the dims have passed
/// reserveWorkspace.
static int64_t scratchStride(const winnow_entry &entry, const int64_t *dims) {
  int64_t size = 0;
  affineSize(entry.scratch_bytes, entry.scratch_bytes_per, dims,
             entry.dim_count, size);
  return roundUp(size, 64);
}

winnow_status reserveWorkspace(winnow_session &session,
                               const winnow_entry &entry, const int64_t *dims,
                               winnow_error *error) {
  int64_t arena, scratch, scratchTotal = 0;
  if (!affineSize(entry.arena_bytes, entry.arena_bytes_per, dims,
                  entry.dim_count, arena) ||
      !affineSize(entry.scratch_bytes, entry.scratch_bytes_per, dims,
                  entry.dim_count, scratch) ||
      !accumulate(scratchTotal, session.threads, roundUp(scratch, 64)))
    return fail(error, WINNOW_OUT_OF_MEMORY,
                "%s: the intermediate results need more than 2^62 bytes",
                entry.name);
  if (!grow(session, session.arena, arena) ||
      !grow(session, session.scratch, scratchTotal)) {
    long long bytes = arena + scratchTotal;
    return fail(error, WINNOW_OUT_OF_MEMORY,
                "%s: cannot reserve %lld bytes for intermediate results",
                entry.name, bytes);
  }
  return WINNOW_OK;
}

bool runEntry(winnow_session &session, const winnow_entry &entry,
              const void *const *inputs, void *const *outputs,
              const int64_t *dims, KvStorage &caches, int64_t count) {
  KvStorage::Admitted admitted = caches.next(count);
  winnow_call call = {};
  call.inputs = inputs;
  call.outputs = outputs;
  call.dims = dims;
  call.caches = caches.slots();
  call.slots = admitted.slots;
  call.slot_end = admitted.end;
  call.split_keys = leastCapacity(entry);
  call.weights = session.model->weights.data();
  call.arena = session.arena.data;
  call.scratch = session.scratch.data;
  call.scratch_stride = scratchStride(entry, dims);
  call.barrier = waitAtBarrier;
  call.checkpoint = waitAtCheckpoint;
  call.team = &session;
  session.barrier.forgetVotes();
  Job job = {&call, entry.function, nullptr};
  ProfiledCall profiled = {session.profiler,
                           session.barrier,
                           waitAtCheckpoint,
                           &session,
                           entry.name,
                           dims,
                           longestCache(entry, caches.slots())};
  if (session.profiler.function) {
    call.barrier = ProfiledCall::waitAtBarrier;
    call.checkpoint = ProfiledCall::waitAtCheckpoint;
    call.team = &profiled;
    job.profiled = &profiled;
  }
  runJob(session, job);
  return !session.barrier.anyVotes();
}

//===----------------------------------------------------------------------===//
// Creating and destroying
//===----------------------------------------------------------------------===//

/// The caller's options; one built for an older header leaves the later fields
/// at zero.
static winnow_status readOptions(const winnow_session_options *given,
                                 winnow_session_options &options,
                                 winnow_error *error) {
  options = {};
  if (!given)
    return WINNOW_OK;
  if (given->struct_size < sizeof given->struct_size)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "session options: struct_size is not set");
  size_t size = given->struct_size;
  memcpy(&options, given, size < sizeof options ? size : sizeof options);
  return WINNOW_OK;
}

static winnow_status applyOptions(const winnow_session_options &options,
                                  winnow_session &session,
                                  winnow_error *error) {
  int64_t compiled = session.model->artifact->context;
  if (options.threads < 0 || options.threads > kMostThreads)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "threads must be between 0 and %d, not %d", kMostThreads,
                options.threads);
  if (options.context < 0 || options.context > compiled)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "context must be between 0 and %lld, the number of tokens that "
                "the artifact was compiled for, not %lld",
                static_cast<long long>(compiled),
                static_cast<long long>(options.context));
  if (options.piece < 0)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "piece must not be negative, and is %lld",
                static_cast<long long>(options.piece));
  session.threads = options.threads ? options.threads : availableProcessors();
  if (session.threads > kMostThreads)
    session.threads = kMostThreads;
  session.context = options.context ? options.context : compiled;
  session.piece = options.piece ? options.piece : kDefaultPiece;
  if (session.piece > session.context)
    session.piece = session.context;
  session.encodePiece = options.piece ? options.piece : kDefaultEncodePiece;
  session.executor = options.executor;
  session.executorContext = options.executor_context;
  session.cancel = options.cancel;
  session.cancelContext = options.cancel_context;
  session.log = options.log ? Logger{options.log, options.log_context}
                            : session.model->log;
  return WINNOW_OK;
}

/// Reserves what decoding needs, so that a later call cannot run out of it.
static winnow_status reserveDecoder(winnow_session &session,
                                    winnow_error *error) {
  const Decoder &decoder = session.model->decoder;
  const winnow_entry &entry = *decoder.entry;
  for (int32_t i = 0; i < entry.cache_count; ++i)
    if (entry.caches[i].capacity < session.context)
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "cache %d holds %lld tokens, fewer than the context of %lld",
                  i, static_cast<long long>(entry.caches[i].capacity),
                  static_cast<long long>(session.context));
  int64_t dims[2] = {session.piece, session.piece};
  if (winnow_status status = reserveWorkspace(session, entry, dims, error))
    return status;
  if (const winnow_entry *other = session.model->embeddings.entry)
    if (winnow_status status = reserveWorkspace(session, *other, dims, error))
      return status;
  // A prompt that is pruned is one piece.
  int64_t piece = session.piece;
  if (const winnow_entry *other = session.model->prompt.entry) {
    piece = session.context;
    int64_t whole[2] = {piece, piece};
    if (winnow_status status = reserveWorkspace(session, *other, whole, error))
      return status;
  }
  // Rows of logits take memory as they are computed. Their place never changes,
  // so whoever kept a pointer to old ones reads newer ones at worst.
  int64_t positionBytes = 0, rowBytes = 0, logitBytes = 0, logitRow = 0;
  if (!accumulate(positionBytes, session.context, sizeof(int32_t)) ||
      !accumulate(rowBytes, piece, sizeof(int32_t)) ||
      !accumulate(logitRow, session.model->artifact->vocabulary,
                  sizeof(float)) ||
      !accumulate(logitBytes, session.context, logitRow) ||
      !grow(session, session.positions, positionBytes) ||
      !grow(session, session.zeros, rowBytes) ||
      !grow(session, session.rows, rowBytes) ||
      (session.model->prompt.entry &&
       !grow(session, session.prunable, rowBytes)) ||
      !grow(session, session.logits, logitBytes))
    return fail(error, WINNOW_OUT_OF_MEMORY, "session: out of memory");
  return WINNOW_OK;
}

static winnow_status fillSession(winnow_session &session, winnow_error *error) {
  const winnow_artifact_info &artifact = *session.model->artifact;
  session.spinners = allocateArray<Spinner>(
      session.allocator, static_cast<size_t>(session.threads));
  session.caches = allocateArray<KvStorage>(
      session.allocator, static_cast<size_t>(artifact.entry_count));
  if (!session.spinners || !session.caches)
    return fail(error, WINNOW_OUT_OF_MEMORY, "session: out of memory");
  session.barrier.prepare(session.threads, session.spinners);
  for (int32_t i = 0; i < artifact.entry_count; ++i) {
    const winnow_entry &entry = artifact.entries[i];
    bool decodes = &entry == session.model->decoder.entry;
    if (&entry == session.model->embeddings.entry)
      continue; // works on the decoder's caches
    if (!session.caches[i].reserve(session.allocator, entry,
                                   decodes ? session.context : INT64_MAX))
      return fail(error, WINNOW_OUT_OF_MEMORY,
                  "cannot reserve address space for the caches of %s",
                  entry.name);
  }
  if (session.model->decoder.entry)
    if (winnow_status status = reserveDecoder(session, error))
      return status;
  if (!session.executor &&
      !session.pool.start(session.allocator, session.threads))
    return fail(error, WINNOW_OUT_OF_MEMORY, "cannot start %d threads",
                session.threads);
  return succeed(error);
}

static void logSession(const winnow_session &session) {
  if (!session.log.function)
    return;
  const char *name = session.model->artifact->name;
  size_t bytes = session.arena.size + session.scratch.size;
  session.log.write(WINNOW_LOG_INFO,
                    "%s: session of %d threads, context %lld, %zu bytes for "
                    "intermediate results",
                    name, session.threads,
                    static_cast<long long>(session.context), bytes);
  int32_t processors = availableProcessors();
  if (session.threads > processors)
    session.log.write(WINNOW_LOG_WARNING,
                      "%s: %d threads share %d processors and wait for each "
                      "other",
                      name, session.threads, processors);
}

winnow_status createSession(winnow_model *model,
                            const winnow_session_options *options,
                            winnow_session **session, winnow_error *error) {
  if (!model || !session)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "session_create: model and session must not be null");
  *session = nullptr;
  winnow_session_options read;
  if (winnow_status status = readOptions(options, read, error))
    return status;
  Allocator allocator = model->allocator;
  if (read.allocator && !allocator.assign(read.allocator))
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "session options: the allocator lacks a function");
  winnow_session *created = allocateArray<winnow_session>(allocator, 1);
  if (!created)
    return fail(error, WINNOW_OUT_OF_MEMORY, "session: out of memory");
  created->model = model;
  created->allocator = allocator;
  winnow_status status = applyOptions(read, *created, error);
  if (status == WINNOW_OK)
    status = fillSession(*created, error);
  if (status != WINNOW_OK) {
    destroySession(created);
    return status;
  }
  logSession(*created);
  *session = created;
  return WINNOW_OK;
}

winnow_status setProfiler(winnow_session *session, winnow_profiler function,
                          void *context, winnow_error *error) {
  if (!session)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "set_profiler: session must not be null");
  Profiler &profiler = session->profiler;
  if (function && !profiler.counters)
    profiler.counters = allocateArray<StageCounter>(
        session->allocator, static_cast<size_t>(session->threads));
  if (function && !profiler.counters)
    return fail(error, WINNOW_OUT_OF_MEMORY, "set_profiler: out of memory");
  profiler.function = function;
  profiler.context = context;
  return succeed(error);
}

void destroySession(winnow_session *session) {
  if (!session)
    return;
  session->pool.stop();
  int32_t entries = session->model->artifact->entry_count;
  if (session->caches)
    for (int32_t i = 0; i < entries; ++i)
      session->caches[i].release();
  Allocator allocator = session->allocator;
  releaseArray(allocator, session->caches, static_cast<size_t>(entries));
  releaseArray(allocator, session->spinners,
               static_cast<size_t>(session->threads));
  releaseArray(allocator, session->profiler.counters,
               static_cast<size_t>(session->threads));
  Region *regions[] = {&session->arena,       &session->scratch,
                       &session->positions,   &session->zeros,
                       &session->rows,        &session->logits,
                       &session->prunable,    &session->spare,
                       &session->pieceArrays, &session->hidden};
  for (Region *region : regions)
    region->release();
  releaseArray(allocator, session, 1);
}

} // namespace runtime
} // namespace winnow
