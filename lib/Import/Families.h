//===- Families.h - Model families ------------------------------*- C++ -*-===//
//
// A family is a row of a table: which tensors its layers have, how files call
// them, and the few facts that checkpoints leave out. One builder serves all
// rows, and one row serves GGUF files and directories of Hugging Face. A new
// family is a file in the folder Families and a line in Families.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_FAMILIES_H
#define WINNOW_LIB_IMPORT_FAMILIES_H

#include "ModelConfig.h"

namespace winnow {

/// Groups of tensors that some families have and others do not.
enum class Feature : unsigned {
  /// Every decoder.
  Core,
  /// RMS norms of the query and key heads before rope.
  QueryKeyNorm,
  /// Norms of a sub-layer's output, before it is added to the residual.
  OutputNorm,
  /// Biases of norms.
  NormBias,
  /// A second projection of the MLP, which the first one is multiplied with.
  Gate,
  /// Biases of the query, key and value projections.
  ProjectionBias,
  /// Biases of the other linear layers.
  OtherBias,
  /// Like Gate, and with biases of the other linear layers.
  GateBias,
  /// A head of its own; without it the embedding is the head.
  Head,
  /// A factor per rotary frequency.
  RopeFactors,
  /// The same, one tensor for short and one for long contexts.
  LongRopeFactors,
};

enum class Presence : unsigned { Absent, Optional, Required };

/// What an extent of a tensor's shape is, in terms of the configuration.
enum class Extent : unsigned {
  None,
  Vocabulary,
  Width,
  QueryChannels,     // heads x key length
  KeyChannels,       // key and value heads x key length
  ValueChannels,     // key and value heads x value length
  AttentionChannels, // heads x value length
  FeedForward,
  KeyLength,
  RopePairs // rotated channels / 2
};

/// One tensor that a decoder may have: its name in the module, which is that of
/// llama.cpp's converter (behind "blk.N." if it belongs to a layer), its shape,
/// and the feature it comes with.
struct TensorSlot {
  llvm::StringLiteral name;
  bool inLayer;
  Extent rows;
  /// None: the tensor is a vector.
  Extent columns;
  Feature feature;
};

llvm::ArrayRef<TensorSlot> getTensorSlots();

/// What a slot is called in a file; both without ".weight" and ".bias". Slots
/// that have one name in a file are stacked in that tensor, the rows of the
/// first line of the table first.
struct TensorAlias {
  llvm::StringRef slot, stored;
};

/// How a kind of file names the tensors of a family.
struct Naming {
  /// In front of the number of a layer.
  llvm::StringRef layerPrefix;
  llvm::ArrayRef<TensorAlias> aliases;
  /// Slots without an alias: called as they are, or not in such files.
  bool keepsNames = false;
  /// Stacked tensors have the rows of each head together.
  bool stacksByHead = false;
  /// Ends of names of tensors that are no weights.
  llvm::ArrayRef<llvm::StringRef> ignored;

  /// The aliases of the tensor that holds a slot, in order; empty if there is
  /// none.
  llvm::SmallVector<TensorAlias, 4> findStack(llvm::StringRef slot) const;
};

/// The names of GGUF files, "blk.N." in front of layers, as they are.
extern const Naming ggufNaming;
/// Those of Llama in Transformers, and of most decoders since.
extern const Naming huggingFaceNaming;

struct Family {
  /// What messages and artifacts call it.
  llvm::StringRef name;
  /// `general.architecture` of GGUF files; empty if they are not supported.
  llvm::StringRef architecture;
  /// `model_type` of config.json; empty if directories are not supported.
  llvm::ArrayRef<llvm::StringRef> modelTypes;
  const Naming *ggufNames = &ggufNaming;
  const Naming *huggingFaceNames = &huggingFaceNaming;

  Activation activation = Activation::Silu;
  NormKind norm = NormKind::RMS;
  /// Embeddings are multiplied with the root of the width.
  bool scalesEmbedding = false;
  /// Hugging Face stores norm weights less this.
  float normOffset = 0;
  /// Llama's converter to GGUF permutes the rows of q and k so that rotary
  /// pairs lie side by side; Hugging Face always has halves.
  RopeLayout ggufRopeLayout = RopeLayout::Half;

  Presence queryKeyNorm = Presence::Absent;
  Presence outputNorm = Presence::Absent;
  Presence normBias = Presence::Absent;
  Presence gate = Presence::Required;
  Presence projectionBias = Presence::Absent;
  Presence otherBias = Presence::Absent;
  Presence ropeFactors = Presence::Absent;
  Presence longRopeFactors = Presence::Absent;

  /// Whether a sliding window in the file means something. Where only
  /// "use_sliding_window" of config.json makes it so, Optional.
  Presence window = Presence::Absent;
  /// If not 0, every layer of that rank (counting from 1) sees all keys; the
  /// others see a window.
  int64_t globalPeriod = 0;
  /// If not 0, layers with a window have a rope of their own, with this base
  /// where the file does not name one.
  double localRopeBase = 0;

  /// The family's own keys of GGUF metadata, and facts that they leave out;
  /// runs last.
  void (*readGguf)(ConfigReader &reader, ModelConfig &config) = nullptr;
  /// The family's own keys of config.json; runs last.
  void (*readHuggingFace)(HuggingFaceConfig &reader,
                          ModelConfig &config) = nullptr;

  Presence getPresence(Feature feature) const;
};

llvm::ArrayRef<const Family *> getFamilies();
const Family *findGgufFamily(llvm::StringRef architecture);
const Family *findHuggingFaceFamily(llvm::StringRef modelType);

// One file each in the folder Families.
extern const Family gemma2Family, gemma3Family, gptNeoxFamily, llamaFamily,
    phi3Family, qwen2Family, qwen3Family;

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_FAMILIES_H
