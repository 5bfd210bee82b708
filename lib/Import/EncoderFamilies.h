//===- EncoderFamilies.h - Families of encoders -----------------*- C++ -*-===//
//
// A family is a row of a table: what its tensors are called, where its norms
// stand and what its embeddings are made of. One builder serves all rows.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_ENCODERFAMILIES_H
#define WINNOW_LIB_IMPORT_ENCODERFAMILIES_H

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Import/HuggingFaceConfig.h"

namespace winnow {

/// What becomes a token.
enum class EncoderInput { Text, Image };

struct EncoderFamily {
  /// As "model_type" of config.json spells it.
  llvm::StringLiteral modelType;
  EncoderInput input;
  /// Norms stand in front of attention and feed-forward, not behind the sums.
  bool preNorm;
  /// Text: whether tokens have types, and whether the positions' table begins
  /// behind the padding id, as in RoBERTa.
  bool hasTypes, offsetPositions;
  /// Buckets of distances bias the scores.
  bool hasRelativeBias;
  /// What names in a checkpoint of the whole model begin with, such as
  /// BertForMaskedLM's "bert.".
  llvm::StringLiteral prefix;
  /// What the names of a layer's tensors begin with, before and after its
  /// number.
  llvm::StringLiteral layerPrefix;
  // Names of a layer's tensors, without ".weight" and ".bias".
  llvm::StringLiteral query, key, value, attentionOutput, attentionNorm, up,
      down, feedForwardNorm;
};

/// The rows that `modelType` has: one for each way to name tensors.
llvm::SmallVector<const EncoderFamily *>
findEncoderFamilies(llvm::StringRef modelType);
/// All model types, separated by commas.
std::string listEncoderTypes();

/// The function between the two layers of a feed-forward.
enum class EncoderActivation { Gelu, GeluTanh, Relu, Silu };

/// How the tokens of a text become its embedding.
struct Pooling {
  PoolKind kind = PoolKind::Mean;
  /// Scaled to length 1.
  bool normalize = false;
};

struct EncoderConfig {
  std::string name;
  int64_t layers = 0, width = 0, heads = 0, feedForward = 0;
  float epsilon = 0;
  EncoderActivation activation = EncoderActivation::Gelu;
  // Text.
  int64_t vocabulary = 0, types = 0;
  /// Rows of the table of positions, and the one of the first token.
  int64_t positions = 0, firstPosition = 0;
  int64_t buckets = 0;
  std::optional<Pooling> pooling;
  // Images.
  int64_t channels = 0, height = 0, imageWidth = 0, patch = 0;

  int64_t headLength() const { return width / heads; }
  int64_t patches() const { return height / patch * (imageWidth / patch); }
};

/// Reads config.json; `tensorCount` bounds the number of layers.
llvm::Expected<EncoderConfig> readEncoderConfig(HuggingFaceConfig &reader,
                                                const EncoderFamily &family,
                                                size_t tensorCount);

/// Reads modules.json and what it names, the description of a model of the
/// package sentence-transformers; nothing where the directory has none.
llvm::Expected<std::optional<Pooling>> readPooling(llvm::StringRef directory);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_ENCODERFAMILIES_H
