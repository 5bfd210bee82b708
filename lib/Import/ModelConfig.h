//===- ModelConfig.h - The numbers that define a decoder --------*- C++ -*-===//
//
// What the decoder builder needs to know of a model, whatever file it came
// from. Reading it is in ModelConfig.cpp as far as GGUF metadata and
// config.json say the same in other words, and in GgufConfig.cpp and
// HuggingFaceDecoder.cpp where they differ. The differences between model
// families are in the folder Families.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_IMPORT_MODELCONFIG_H
#define WINNOW_LIB_IMPORT_MODELCONFIG_H

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Import/Checkpoint.h"
#include "winnow/Import/ConfigReader.h"
#include "winnow/Import/Gguf.h"
#include "winnow/Import/HuggingFaceConfig.h"

namespace winnow {

/// The function of an MLP: between its two halves, if it is gated.
enum class Activation { Silu, GeluTanh, Gelu };

/// Rotary embedding of one layer.
struct RopeConfig {
  double base = 10000.0;
  RopeScalingKind scaling = RopeScalingKind::None;
  double factor = 1.0;
  /// Llama 3 and YaRN: turns between which the ramp lies.
  double low = 1.0, high = 32.0;
  int64_t originalContext = 0;
  /// YaRN and LongRoPE.
  double attentionFactor = 1.0;
  /// LongRoPE: what divides each frequency, where no tensor says it.
  std::vector<double> factors;
  /// The tensor of factors, if the model has it.
  llvm::StringRef factorTensor = "rope_freqs.weight";
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
  NormKind norm = NormKind::RMS;
  float epsilon = 0;
  /// What is added to the weights of norms.
  float normOffset = 0;
  float attentionScale = 0;
  /// 0: no soft-cap.
  float attentionSoftcap = 0, logitSoftcap = 0;
  float embeddingScale = 1;
  Activation activation = Activation::Silu;
  /// The MLP reads what attention reads, not what it leaves.
  bool parallelResidual = false;
  RopeLayout ropeLayout = RopeLayout::Half;
  /// Whether the embedding is the head, where the file says so; a model without
  /// a word about it has the head that is in its tensors.
  std::optional<bool> tiedHead;
  std::vector<LayerConfig> layers;
};

struct Family;

/// The keys under which a kind of file says what most decoders have.
struct ConfigKeys {
  llvm::StringRef context, width, layers, heads, keyValueHeads, feedForward,
      keyLength, valueLength, rmsEpsilon, layerEpsilon, attentionSoftcap,
      logitSoftcap;
};

/// Reads all that `keys` names, leaving rope, windows and the vocabulary.
/// `tensorCount` is the number of tensors of the whole checkpoint. After an
/// error of the reader the result is of no use.
ModelConfig readModelConfig(ConfigReader &reader, const ConfigKeys &keys,
                            const Family &family, size_t tensorCount);

/// Sets `config.ropeDims`, which must be even and at most the key length.
void setRopeDims(ConfigReader &reader, ModelConfig &config, int64_t dims);

/// Gives layers a window of keys and the rope that goes with it.
void setWindows(ModelConfig &config, int64_t window,
                llvm::ArrayRef<bool> hasWindow, const RopeConfig &localRope);

/// The configuration of a model of `family`, from a file's metadata or from
/// config.json. `context` is the number of tokens to compile for.
llvm::Expected<ModelConfig> readGgufConfig(const GgufFile &file,
                                           const Family &family,
                                           size_t tensorCount, int64_t context);
llvm::Expected<ModelConfig> readHuggingFaceConfig(HuggingFaceConfig &reader,
                                                  const Family &family,
                                                  size_t tensorCount,
                                                  int64_t context);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_MODELCONFIG_H
