//===- Invoke.cpp - Any entry point on plain arrays -----------------------===//

#include "Error.h"
#include "Session.h"

#include <string.h>

namespace winnow {
namespace runtime {

static constexpr int64_t kUnbound = -1;

/// Compares `tensor` with its declaration and binds the named dimensions that
/// it is the first to have.
static winnow_status matchTensor(const winnow_entry &entry,
                                 const winnow_tensor_info &info,
                                 const winnow_tensor &tensor, int64_t *dims,
                                 winnow_error *error) {
  if (tensor.dtype != info.dtype)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "%s: %s has element type %d, expected %d", entry.name,
                info.name, static_cast<int>(tensor.dtype), info.dtype);
  if (tensor.rank != info.rank || tensor.rank < 0 ||
      tensor.rank > WINNOW_MAX_RANK)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "%s: %s has rank %d, expected %d", entry.name, info.name,
                tensor.rank, info.rank);
  bool empty = false;
  for (int32_t i = 0; i < tensor.rank; ++i) {
    int64_t actual = tensor.shape[i], declared = info.shape[i];
    if (actual < 0)
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "%s: dimension %d of %s is negative", entry.name, i,
                  info.name);
    empty |= actual == 0;
    if (declared < 0) {
      int64_t &bound = dims[-1 - declared];
      if (bound == kUnbound)
        bound = actual;
      declared = bound;
    }
    if (actual != declared)
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "%s: dimension %d of %s is %lld, expected %lld", entry.name,
                  i, info.name, static_cast<long long>(actual),
                  static_cast<long long>(declared));
  }
  if (!tensor.data && !empty)
    return fail(error, WINNOW_INVALID_ARGUMENT, "%s: %s has no data",
                entry.name, info.name);
  return WINNOW_OK;
}

/// Matches all tensors, inputs first, so that outputs have to agree with them.
static winnow_status
matchTensors(const winnow_entry &entry, const winnow_tensor *inputs,
             int32_t inputCount, const winnow_tensor *outputs,
             int32_t outputCount, int64_t *dims, winnow_error *error) {
  if (inputCount != entry.input_count || outputCount != entry.output_count)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "%s takes %d inputs and gives %d outputs, not %d and %d",
                entry.name, entry.input_count, entry.output_count, inputCount,
                outputCount);
  if ((inputCount && !inputs) || (outputCount && !outputs))
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "%s: inputs and outputs must not be null", entry.name);
  for (int32_t i = 0; i < inputCount; ++i)
    if (winnow_status status =
            matchTensor(entry, entry.inputs[i], inputs[i], dims, error))
      return status;
  for (int32_t i = 0; i < outputCount; ++i)
    if (winnow_status status =
            matchTensor(entry, entry.outputs[i], outputs[i], dims, error))
      return status;
  for (int32_t i = 0; i < entry.dim_count; ++i)
    if (dims[i] == kUnbound)
      return fail(error, WINNOW_UNSUPPORTED,
                  "%s: no input or output has the dimension %s", entry.name,
                  entry.dim_names[i]);
  return WINNOW_OK;
}

/// Compares numbers that choose rows with how many rows there are. Native code
/// would take the nearest row.
static winnow_status checkIndices(const winnow_entry &entry,
                                  const winnow_tensor *inputs,
                                  const int64_t *dims, winnow_error *error) {
  for (int32_t b = 0; b < entry.bound_count; ++b) {
    const winnow_index_bound &bound = entry.bounds[b];
    const winnow_tensor &input = inputs[bound.input];
    int64_t rows = bound.rows < 0 ? dims[-1 - bound.rows] : bound.rows;
    const int32_t *numbers = static_cast<const int32_t *>(input.data);
    for (int64_t i = 0; i < input.shape[0]; ++i)
      if (numbers[i] < 0 || numbers[i] >= rows)
        return fail(error, WINNOW_INDEX_OUT_OF_RANGE,
                    "%s: %d at index %lld of %s is not in [0, %lld)",
                    entry.name, numbers[i], static_cast<long long>(i),
                    entry.inputs[bound.input].name,
                    static_cast<long long>(rows));
  }
  return WINNOW_OK;
}

/// Refuses a call that could append more tokens than its caches hold. Every
/// appended token has a position, and positions come in as a vector of i32, so
/// the longest such input bounds the number of new tokens.
static winnow_status checkCapacity(const winnow_entry &entry,
                                   const winnow_tensor *inputs,
                                   const KvStorage &caches, int64_t &appended,
                                   winnow_error *error) {
  appended = 0;
  for (int32_t i = 0; i < entry.input_count; ++i)
    if (inputs[i].dtype == WINNOW_I32 && inputs[i].rank == 1 &&
        inputs[i].shape[0] > appended)
      appended = inputs[i].shape[0];
  for (int32_t i = 0; i < caches.count(); ++i)
    if (appended > caches.capacityOf(i) - caches.tokensIn(i))
      return fail(error, WINNOW_CONTEXT_OVERRUN,
                  "context overrun: %lld tokens after %lld do not fit in a "
                  "cache of %lld",
                  static_cast<long long>(appended),
                  static_cast<long long>(caches.tokensIn(i)),
                  static_cast<long long>(caches.capacityOf(i)));
  return WINNOW_OK;
}

/// Gives the new tokens slots of chunked caches.
static winnow_status admitTokens(const winnow_entry &entry,
                                 const winnow_tensor *inputs, KvStorage &caches,
                                 int64_t &admitted, winnow_error *error) {
  admitted = 0;
  if (!caches.isChunked())
    return WINNOW_OK;
  const winnow_tensor &input = inputs[entry.segments_input];
  const int32_t *segments = static_cast<const int32_t *>(input.data);
  for (int64_t i = 0; i < input.shape[0]; ++i)
    if (segments[i] < 0)
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "%s: segment %d at index %lld is negative", entry.name,
                  segments[i], static_cast<long long>(i));
  admitted = input.shape[0];
  if (!caches.admit(segments, admitted))
    return fail(error, WINNOW_OUT_OF_MEMORY,
                "%s: cannot reserve cache slots for the segments", entry.name);
  return WINNOW_OK;
}

namespace {
/// What one call needs for the time that it takes.
struct Arguments {
  const Allocator &allocator;
  const winnow_entry &entry;
  const void **inputs = nullptr;
  void **outputs = nullptr;
  int64_t *dims = nullptr;

  Arguments(const Allocator &allocator, const winnow_entry &entry)
      : allocator(allocator), entry(entry) {}
  bool allocate() {
    inputs = allocateArray<const void *>(
        allocator, static_cast<size_t>(entry.input_count));
    outputs = allocateArray<void *>(allocator,
                                    static_cast<size_t>(entry.output_count));
    dims =
        allocateArray<int64_t>(allocator, static_cast<size_t>(entry.dim_count));
    return inputs && outputs && dims;
  }
  void release() {
    releaseArray(allocator, inputs, static_cast<size_t>(entry.input_count));
    releaseArray(allocator, outputs, static_cast<size_t>(entry.output_count));
    releaseArray(allocator, dims, static_cast<size_t>(entry.dim_count));
  }
};
} // namespace

static winnow_status
invokeEntry(winnow_session &session, int32_t index, const winnow_tensor *inputs,
            int32_t inputCount, const winnow_tensor *outputs,
            int32_t outputCount, Arguments &arguments, winnow_error *error) {
  const winnow_entry &entry = session.model->artifact->entries[index];
  for (int32_t i = 0; i < entry.dim_count; ++i)
    arguments.dims[i] = kUnbound;
  if (winnow_status status = matchTensors(entry, inputs, inputCount, outputs,
                                          outputCount, arguments.dims, error))
    return status;
  if (winnow_status status = checkIndices(entry, inputs, arguments.dims, error))
    return status;
  KvStorage &caches = session.caches[index];
  int64_t appended, admitted;
  if (winnow_status status =
          checkCapacity(entry, inputs, caches, appended, error))
    return status;
  if (winnow_status status =
          reserveWorkspace(session, entry, arguments.dims, error))
    return status;
  for (int32_t i = 0; i < inputCount; ++i)
    arguments.inputs[i] = inputs[i].data;
  for (int32_t i = 0; i < outputCount; ++i)
    arguments.outputs[i] = outputs[i].data;
  caches.mark();
  if (winnow_status status =
          admitTokens(entry, inputs, caches, admitted, error))
    return status;
  if (runEntry(session, entry, arguments.inputs, arguments.outputs,
               arguments.dims, caches, admitted))
    return succeed(error);
  caches.rollBack(appended);
  return fail(error, WINNOW_CANCELLED, "%s: cancelled by the caller",
              entry.name);
}

winnow_status invoke(winnow_session *session, const char *name,
                     const winnow_tensor *inputs, int32_t inputCount,
                     winnow_tensor *outputs, int32_t outputCount,
                     winnow_error *error) {
  if (!session || !name)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "invoke: session and entry must not be null");
  const winnow_artifact_info &artifact = *session->model->artifact;
  int32_t index = 0;
  while (index < artifact.entry_count &&
         strcmp(artifact.entries[index].name, name) != 0)
    ++index;
  if (index == artifact.entry_count)
    return fail(error, WINNOW_UNSUPPORTED, "%s has no entry point '%s'",
                artifact.name, name);
  if (&artifact.entries[index] == session->model->decoder.entry ||
      &artifact.entries[index] == session->model->embeddings.entry)
    return fail(error, WINNOW_UNSUPPORTED,
                "'%s' is the decoder: use prefill and decode", name);
  Arguments arguments(session->allocator, artifact.entries[index]);
  winnow_status status =
      arguments.allocate()
          ? invokeEntry(*session, index, inputs, inputCount, outputs,
                        outputCount, arguments, error)
          : fail(error, WINNOW_OUT_OF_MEMORY, "%s: out of memory", name);
  arguments.release();
  return status;
}

} // namespace runtime
} // namespace winnow
