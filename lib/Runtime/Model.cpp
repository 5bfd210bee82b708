//===- Model.cpp - An opened artifact -------------------------------------===//

#include "Model.h"

#include "Cpu.h"
#include "Error.h"
#include "Memory.h"

#include <string.h>

namespace winnow {
namespace runtime {

static int32_t findInput(const winnow_entry &entry, const char *name) {
  for (int32_t i = 0; i < entry.input_count; ++i)
    if (strcmp(entry.inputs[i].name, name) == 0)
      return i;
  return -1;
}

/// The index of the input `name`, a vector of i32 whose length is a named
/// dimension; that dimension goes to `dim`. -1 where there is none.
static int32_t findVector(const winnow_entry &entry, const char *name,
                          int32_t &dim) {
  int32_t index = findInput(entry, name);
  if (index < 0)
    return -1;
  const winnow_tensor_info &input = entry.inputs[index];
  if (input.dtype != WINNOW_I32 || input.rank != 1 || input.shape[0] >= 0)
    return -1;
  dim = static_cast<int32_t>(-1 - input.shape[0]);
  return index;
}

/// The same for "embeddings", rows of `width` f32.
static int32_t findEmbeddings(const winnow_entry &entry, int64_t &width,
                              int32_t &dim) {
  int32_t index = findInput(entry, "embeddings");
  if (index < 0)
    return -1;
  const winnow_tensor_info &input = entry.inputs[index];
  if (input.dtype != WINNOW_F32 || input.rank != 2 || input.shape[0] >= 0 ||
      input.shape[1] < 1)
    return -1;
  dim = static_cast<int32_t>(-1 - input.shape[0]);
  width = input.shape[1];
  return index;
}

namespace {
enum class DecoderKind { Ids, Embeddings, Prompt };
} // namespace

/// The entry `name` as a decoder.
static Decoder findDecoder(const winnow_artifact_info &artifact,
                           const char *name, DecoderKind kind) {
  if (artifact.vocabulary <= 0)
    return Decoder();
  for (int32_t i = 0; i < artifact.entry_count; ++i) {
    const winnow_entry &entry = artifact.entries[i];
    if (strcmp(entry.name, name) != 0)
      continue;
    Decoder found;
    int32_t positionDim = 0, segmentDim = 0, prunableDim = 0;
    found.index = i;
    found.tokens = kind == DecoderKind::Embeddings
                       ? findEmbeddings(entry, found.width, found.tokenDim)
                       : findVector(entry, "ids", found.tokenDim);
    found.positions = findVector(entry, "positions", positionDim);
    found.segments = findVector(entry, "segments", segmentDim);
    found.rows = findVector(entry, "rows", found.rowDim);
    bool prunes = kind == DecoderKind::Prompt;
    if (prunes)
      found.prunable = findVector(entry, "prunable", prunableDim);
    if (prunes && (found.prunable < 0 || prunableDim != found.tokenDim))
      continue;
    if (found.tokens < 0 || found.positions < 0 || found.segments < 0 ||
        found.rows < 0 || positionDim != found.tokenDim ||
        segmentDim != found.tokenDim || found.rowDim == found.tokenDim ||
        entry.input_count != 4 + prunes || entry.output_count != 1 ||
        entry.dim_count != 2)
      continue;
    found.entry = &entry;
    return found;
  }
  return Decoder();
}

/// True where two entries can work on the same caches.
static bool haveEqualCaches(const winnow_entry &a, const winnow_entry &b) {
  bool equal = a.cache_count == b.cache_count;
  for (int32_t i = 0; equal && i < a.cache_count; ++i)
    equal = a.caches[i].heads == b.caches[i].heads &&
            a.caches[i].key_dim == b.caches[i].key_dim &&
            a.caches[i].value_dim == b.caches[i].value_dim &&
            a.caches[i].capacity == b.caches[i].capacity &&
            a.caches[i].chunked == b.caches[i].chunked &&
            a.caches[i].key_format == b.caches[i].key_format &&
            a.caches[i].value_format == b.caches[i].value_format;
  return equal;
}

static void findDecoders(const winnow_artifact_info &artifact,
                         winnow_model &model) {
  model.decoder = findDecoder(artifact, "forward", DecoderKind::Ids);
  auto findOther = [&](const char *name, DecoderKind kind) {
    Decoder other = findDecoder(artifact, name, kind);
    bool fits = model.decoder.entry && other.entry &&
                haveEqualCaches(*model.decoder.entry, *other.entry);
    return fits ? other : Decoder();
  };
  model.embeddings = findOther("forward_embeddings", DecoderKind::Embeddings);
  model.prompt = findOther("prompt", DecoderKind::Prompt);
}

/// The width of output `index` if it is f32 [dim, width], else 0.
static int64_t rowWidth(const winnow_entry &entry, int32_t index,
                        const char *name, int32_t dim) {
  const winnow_tensor_info &output = entry.outputs[index];
  bool fits = strcmp(output.name, name) == 0 && output.dtype == WINNOW_F32 &&
              output.rank == 2 && output.shape[0] == -1 - dim &&
              output.shape[1] > 0;
  return fits ? output.shape[1] : 0;
}

static Encoder findEncoder(const winnow_artifact_info &artifact) {
  for (int32_t i = 0; i < artifact.entry_count && artifact.vocabulary > 0;
       ++i) {
    const winnow_entry &entry = artifact.entries[i];
    if (strcmp(entry.name, "encode") != 0)
      continue;
    Encoder found;
    int32_t positionDim = 0, segmentDim = 0, typeDim = 0;
    found.ids = findVector(entry, "ids", found.tokenDim);
    found.positions = findVector(entry, "positions", positionDim);
    found.segments = findVector(entry, "segments", segmentDim);
    found.types = findVector(entry, "types", typeDim);
    found.texts = findVector(entry, "texts", found.textDim);
    int32_t inputs = 3 + (found.types >= 0) + (found.texts >= 0);
    int32_t outputs = found.texts >= 0 ? 2 : 1;
    if (found.ids < 0 || found.positions < 0 || found.segments < 0 ||
        positionDim != found.tokenDim || segmentDim != found.tokenDim ||
        (found.types >= 0 && typeDim != found.tokenDim) ||
        (found.texts >= 0 && found.textDim == found.tokenDim) ||
        entry.input_count != inputs || entry.output_count != outputs ||
        entry.dim_count != outputs || entry.cache_count != 0)
      continue;
    found.width = rowWidth(entry, 0, "hidden", found.tokenDim);
    if (found.texts >= 0)
      found.embeddingWidth = rowWidth(entry, 1, "embeddings", found.textDim);
    if (!found.width || (found.texts >= 0 && !found.embeddingWidth))
      continue;
    found.entry = &entry;
    return found;
  }
  return Encoder();
}

static winnow_status checkCpu(const winnow_artifact_info &artifact,
                              winnow_error *error) {
  uint32_t missing = artifact.cpu_features & ~presentCpuFeatures();
  char names[200];
  if (missing) {
    nameCpuFeatures(missing, names, sizeof names);
    return fail(error, WINNOW_UNSUPPORTED_CPU,
                "%s was compiled for %s; this processor lacks %s",
                artifact.name, artifact.target_cpu, names);
  }
  if (!enableCpuFeatures(artifact.cpu_features))
    return fail(error, WINNOW_UNSUPPORTED_CPU,
                "%s was compiled for %s; the system refuses the tile registers",
                artifact.name, artifact.target_cpu);
  return WINNOW_OK;
}

/// The caller's options; one built for an older header leaves the later fields
/// at zero.
static winnow_status readOptions(const winnow_model_options *given,
                                 Allocator &allocator, Logger &log,
                                 winnow_error *error) {
  winnow_model_options options = {};
  if (given) {
    if (given->struct_size < sizeof given->struct_size)
      return fail(error, WINNOW_INVALID_ARGUMENT,
                  "model options: struct_size is not set");
    size_t size = given->struct_size;
    memcpy(&options, given, size < sizeof options ? size : sizeof options);
  }
  if (!allocator.assign(options.allocator))
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "model options: the allocator lacks a function");
  log = {options.log, options.log_context};
  return WINNOW_OK;
}

winnow_status openModel(const winnow_artifact_info &artifact,
                        uint32_t abiVersion, const char *path,
                        const winnow_model_options *options,
                        winnow_model **model, winnow_error *error) {
  if (!path || !model)
    return fail(error, WINNOW_INVALID_ARGUMENT,
                "open: the path and the place for the model must not be null");
  *model = nullptr;
  if (abiVersion != WINNOW_ABI_VERSION ||
      artifact.abi_version != WINNOW_ABI_VERSION)
    return fail(error, WINNOW_ABI_MISMATCH,
                "the caller was built for ABI version %u, the artifact for %u, "
                "its runtime for %u",
                abiVersion, artifact.abi_version, WINNOW_ABI_VERSION);
  if (winnow_status status = checkCpu(artifact, error))
    return status;
  Allocator allocator;
  Logger log;
  if (winnow_status status = readOptions(options, allocator, log, error))
    return status;
  winnow_model *opened = allocateArray<winnow_model>(allocator, 1);
  if (!opened)
    return fail(error, WINNOW_OUT_OF_MEMORY, "open: out of memory");
  opened->artifact = &artifact;
  opened->allocator = allocator;
  opened->log = log;
  findDecoders(artifact, *opened);
  opened->encoder = findEncoder(artifact);
  if (winnow_status status = opened->weights.open(path, artifact, error)) {
    releaseArray(allocator, opened, 1);
    return status;
  }
  log.write(WINNOW_LOG_INFO, "%s: mapped %lld bytes of weights, code for %s",
            artifact.name, static_cast<long long>(opened->weights.size()),
            artifact.target_cpu);
  *model = opened;
  return succeed(error);
}

void closeModel(winnow_model *model) {
  if (!model)
    return;
  model->weights.close();
  Allocator allocator = model->allocator;
  releaseArray(allocator, model, 1);
}

winnow_status describeModel(const winnow_model *model,
                            winnow_model_info *info) {
  if (!model || !info || info->struct_size < sizeof info->struct_size)
    return WINNOW_INVALID_ARGUMENT;
  const winnow_artifact_info &artifact = *model->artifact;
  winnow_model_info full = {};
  full.struct_size = info->struct_size;
  full.name = artifact.name;
  full.architecture = artifact.architecture;
  full.target_cpu = artifact.target_cpu;
  full.manifest_json = artifact.manifest_json;
  full.vocabulary = artifact.vocabulary;
  full.context = artifact.context;
  full.weight_bytes = static_cast<int64_t>(model->weights.size());
  full.checkpoint_bytes_per_token = artifact.checkpoint_bytes_per_token;
  full.embedding_width = model->embeddings.width;
  full.prunes_prompts = model->prompt.entry != nullptr;
  full.hidden_width = model->encoder.width;
  full.pooled_width = model->encoder.embeddingWidth;
  if (const winnow_entry *entry = model->decoder.entry) {
    full.layers = entry->cache_count;
    for (int32_t i = 0; i < entry->cache_count; ++i) {
      const winnow_cache_info &cache = entry->caches[i];
      full.kv_bytes_per_token +=
          cache.heads *
          (winnow_kv_slot_bytes(cache.key_format, cache.key_dim) +
           winnow_kv_slot_bytes(cache.value_format, cache.value_dim));
    }
  }
  // A caller built for an older header gets the fields that it knows.
  size_t size =
      info->struct_size < sizeof full ? info->struct_size : sizeof full;
  memcpy(info, &full, size);
  return WINNOW_OK;
}

} // namespace runtime
} // namespace winnow
