//===- Model.h - An opened artifact -----------------------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_MODEL_H
#define WINNOW_LIB_RUNTIME_MODEL_H

#include "Log.h"
#include "Memory.h"
#include "Weights.h"

namespace winnow {
namespace runtime {

/// Where the runtime's own arguments stand in an entry that continues a
/// sequence: "forward", "forward_embeddings" or "prompt".
struct Decoder {
  const winnow_entry *entry = nullptr; ///< null: the artifact has none
  int32_t index = 0;                   ///< of the entry
  int64_t width = 0; ///< of a row of embeddings; 0: tokens are ids
  int32_t tokens = 0, positions = 0, segments = 0, rows = 0; ///< inputs
  int32_t prunable = -1;            ///< of "prompt" alone
  int32_t tokenDim = 0, rowDim = 0; ///< named dimensions T and R
};

/// Where the runtime's own arguments stand in the entry "encode" of texts.
struct Encoder {
  const winnow_entry *entry = nullptr; ///< null: the artifact has none
  int32_t ids = 0, positions = 0, segments = 0;
  int32_t types = -1, texts = -1;     ///< -1: not there
  int32_t tokenDim = 0, textDim = -1; ///< named dimensions T and S
  int64_t width = 0, embeddingWidth = 0;
};

} // namespace runtime
} // namespace winnow

/// The opaque type of Artifact.h. Immutable after open.
struct winnow_model {
  const winnow_artifact_info *artifact = nullptr;
  winnow::runtime::Allocator allocator;
  winnow::runtime::Logger log;
  winnow::runtime::Weights weights;
  winnow::runtime::Decoder decoder;
  winnow::runtime::Decoder embeddings; ///< shares the caches of `decoder`
  winnow::runtime::Decoder prompt;     ///< so does this one
  winnow::runtime::Encoder encoder;
};

namespace winnow {
namespace runtime {

/// winnow_api.open_with_options for any artifact description.
winnow_status openModel(const winnow_artifact_info &artifact,
                        uint32_t abiVersion, const char *path,
                        const winnow_model_options *options,
                        winnow_model **model, winnow_error *error);
void closeModel(winnow_model *model);
winnow_status describeModel(const winnow_model *model, winnow_model_info *info);

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_MODEL_H
