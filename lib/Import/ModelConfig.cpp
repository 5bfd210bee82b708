//===- ModelConfig.cpp - The numbers that define a decoder ----------------===//

#include "ModelConfig.h"

#include "Families.h"

#include <cmath>

using namespace winnow;
using llvm::Twine;

ModelConfig winnow::readModelConfig(ConfigReader &reader,
                                    const ConfigKeys &keys,
                                    const Family &family, size_t tensorCount) {
  ModelConfig config;
  config.architecture = family.name.str();
  config.activation = family.activation;
  config.norm = family.norm;
  config.context = reader.getCount(keys.context, 1);
  config.width = reader.getCount(keys.width, 1);
  config.epsilon = reader.getPositive(
      family.norm == NormKind::RMS ? keys.rmsEpsilon : keys.layerEpsilon);

  // Every layer has tensors, so no model has more layers than tensors.
  int64_t layers = reader.getCount(keys.layers, 1);
  if (static_cast<size_t>(layers) > tensorCount) {
    reader.failAt(keys.layers, "at most one layer per tensor, found " +
                                   Twine(layers) + " layers and " +
                                   Twine(tensorCount) + " tensors");
    layers = 1;
  }
  config.layers.resize(layers);

  std::vector<int64_t> heads = reader.getCounts(keys.heads, layers);
  std::vector<int64_t> keyValueHeads = heads;
  if (reader.has(keys.keyValueHeads))
    keyValueHeads = reader.getCounts(keys.keyValueHeads, layers);
  std::vector<int64_t> feedForward = reader.getCounts(keys.feedForward, layers);
  for (int64_t i = 0; i < layers; ++i) {
    config.layers[i].heads = heads[i];
    config.layers[i].keyValueHeads = keyValueHeads[i];
    config.layers[i].feedForward = feedForward[i];
    if (heads[i] % keyValueHeads[i] != 0)
      reader.fail("layer " + Twine(i) + " has " + Twine(heads[i]) +
                  " query heads, expects a multiple of its " +
                  Twine(keyValueHeads[i]) + " key heads");
  }

  // A width smaller than the head count is refused with the tensors' shapes.
  int64_t headLength = std::max<int64_t>(1, config.width / heads[0]);
  config.keyLength = reader.getCount(keys.keyLength, 1, headLength);
  config.valueLength = reader.getCount(keys.valueLength, 1, headLength);
  // So that sums of a few such products fit 64 bits.
  int64_t length = std::max(config.keyLength, config.valueLength);
  if (*llvm::max_element(heads) > (int64_t(1) << 40) / length)
    reader.fail("heads of " + Twine(length) +
                " channels expect fewer of them than " +
                Twine(*llvm::max_element(heads)));
  config.attentionScale =
      static_cast<float>(1.0 / std::sqrt(double(config.keyLength)));
  if (reader.has(keys.attentionSoftcap))
    config.attentionSoftcap = reader.getPositive(keys.attentionSoftcap);
  if (reader.has(keys.logitSoftcap))
    config.logitSoftcap = reader.getPositive(keys.logitSoftcap);
  if (family.scalesEmbedding)
    config.embeddingScale = static_cast<float>(std::sqrt(double(config.width)));
  return config;
}

void winnow::setRopeDims(ConfigReader &reader, ModelConfig &config,
                         int64_t dims) {
  config.ropeDims = dims;
  if (dims > config.keyLength || dims % 2 != 0)
    reader.fail("rope turns " + Twine(dims) +
                " channels of a head, expects an even number of at most the "
                "key length " +
                Twine(config.keyLength));
}

void winnow::setWindows(ModelConfig &config, int64_t window,
                        llvm::ArrayRef<bool> hasWindow,
                        const RopeConfig &localRope) {
  for (auto [layer, local] : llvm::zip_equal(config.layers, hasWindow)) {
    if (!local)
      continue;
    layer.window = window;
    layer.rope = localRope;
  }
}
