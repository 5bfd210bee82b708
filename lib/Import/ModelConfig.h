//===- ModelConfig.h - The numbers that define a decoder --------*- C++ -*-===//
//
// What the decoder builder needs to know of a model, whatever file it came
// from. Reading it from GGUF metadata is in GgufConfig.cpp; the differences
// between model families are the table in Families.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_MODELCONFIG_H
#define WINNOW_LIB_IMPORT_MODELCONFIG_H

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Import/Gguf.h"

namespace winnow {

/// The function between the two halves of a gated MLP.
enum class Activation { Silu, GeluTanh };

/// Rotary embedding of one layer.
struct RopeConfig {
  double base = 10000.0;
  RopeScalingKind scaling = RopeScalingKind::None;
  double factor = 1.0;
  /// YaRN only.
  double betaSlow = 1.0, betaFast = 32.0, attentionFactor = 1.0;
  int64_t originalContext = 0;
};

struct LayerConfig {
  /// Query heads, and the key and value heads that they share.
  int64_t heads = 0, keyValueHeads = 0;
  /// Rows of the gate and up projections.
  int64_t feedForward = 0;
  /// Keys that a query sees, itself included; 0: all before it.
  int64_t window = 0;
  RopeConfig rope;
};

struct ModelConfig {
  std::string architecture, name;
  int64_t context = 0;
  int64_t width = 0, vocabulary = 0;
  /// Channels of one key head and of one value head.
  int64_t keyLength = 0, valueLength = 0;
  /// Leading channels of each head that rope turns.
  int64_t ropeDims = 0;
  float epsilon = 0;
  float attentionScale = 0;
  /// 0: no soft-cap.
  float attentionSoftcap = 0, logitSoftcap = 0;
  float embeddingScale = 1;
  Activation activation = Activation::Silu;
  RopeLayout ropeLayout = RopeLayout::Half;
  std::vector<LayerConfig> layers;
};

struct Family;

/// Reads the configuration of a model of `family` from a file's metadata.
/// `tensorCount` is the number of tensors of the whole checkpoint. `vocabulary`
/// is left to the caller, who knows the embedding's shape.
llvm::Expected<ModelConfig>
readGgufConfig(const GgufFile &file, const Family &family, size_t tensorCount);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_MODELCONFIG_H
