//===- Families.h - Model families ------------------------------*- C++ -*-===//
//
// A family is a row of a table: which tensors its layers have, and the few
// facts that checkpoints leave out. One builder serves all rows.
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
  /// Biases of the query, key and value projections.
  ProjectionBias,
  /// Biases of the other linear layers.
  OtherBias,
  /// A head of its own; without it the embedding is the head.
  Head,
  /// A factor per rotary frequency.
  RopeFactors,
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

/// One tensor that a decoder may have: its name (behind "blk.N." if it belongs
/// to a layer), its shape, and the feature it comes with.
struct TensorSlot {
  llvm::StringLiteral name;
  bool inLayer;
  Extent rows;
  /// None: the tensor is a vector.
  Extent columns;
  Feature feature;
};

llvm::ArrayRef<TensorSlot> getTensorSlots();

struct Family {
  /// As `general.architecture` spells it.
  llvm::StringLiteral architecture;
  Activation activation;
  RopeLayout ropeLayout;
  Presence queryKeyNorm;
  Presence outputNorm;
  Presence projectionBias;
  Presence otherBias;
  Presence ropeFactors;
  /// Facts that the metadata leaves out; runs after the metadata was read.
  void (*complete)(ModelConfig &config);
  /// Whether `attention.sliding_window` means something in this family.
  bool hasWindow;
  /// If not 0, every layer of that rank (counting from 1) sees all keys and
  /// uses the file's rope; the others see a window and use the local rope.
  int64_t globalPeriod;
  /// Rope base of the layers with a window, where globalPeriod is not 0 and
  /// the file does not name one.
  double localRopeBase;

  Presence getPresence(Feature feature) const;
};

llvm::ArrayRef<Family> getFamilies();
const Family *findFamily(llvm::StringRef architecture);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_FAMILIES_H
