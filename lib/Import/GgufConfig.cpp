//===- GgufConfig.cpp - Model configuration from GGUF metadata ------------===//

#include "Families.h"
#include "ModelConfig.h"

#include "llvm/Support/JSON.h"

#include <cmath>
#include <limits>

using namespace winnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// Reads keys of one architecture. The first error is kept; later reads return
/// their fallback, so that a caller checks once at the end.
class MetadataReader {
public:
  MetadataReader(const GgufFile &file, StringRef architecture)
      : file(file), prefix(architecture.str() + ".") {}

  /// The value of a key, or null.
  const GgufValue *find(StringRef key) const {
    return file.find(prefix + key.str());
  }

  /// A count between `least` and 2^31 - 1. Without `fallback` the key must
  /// exist.
  int64_t getCount(StringRef key, int64_t least,
                   std::optional<int64_t> fallback = std::nullopt) {
    const GgufValue *value = find(key, fallback.has_value());
    if (!value)
      return fallback.value_or(least);
    std::optional<int64_t> integer = value->getInteger();
    if (integer && *integer >= least && *integer <= largestCount)
      return *integer;
    failAt(*value, key,
           "an integer from " + Twine(least) + " to " + Twine(largestCount));
    return least;
  }

  /// One count per layer, each at least 1: the file has one for all layers or
  /// an array.
  std::vector<int64_t> getCounts(StringRef key, size_t layers) {
    const GgufValue *value = find(key, /*isOptional=*/false);
    if (!value || !value->isArray())
      return std::vector<int64_t>(layers, getCount(key, 1));
    std::optional<std::vector<int64_t>> integers = value->getIntegers();
    if (integers && integers->size() == layers &&
        llvm::all_of(*integers, [](int64_t count) {
          return count >= 1 && count <= largestCount;
        }))
      return *integers;
    failAt(*value, key, Twine(layers) + " positive integers, one per layer");
    return std::vector<int64_t>(layers, 1);
  }

  /// A number of either sign, finite in single precision. Without `fallback`
  /// the key must exist.
  double getNumber(StringRef key,
                   std::optional<double> fallback = std::nullopt) {
    const GgufValue *value = find(key, fallback.has_value());
    if (!value)
      return fallback.value_or(1);
    std::optional<double> number = value->getFloat();
    if (number && std::isfinite(static_cast<float>(*number)))
      return *number;
    failAt(*value, key, "a finite number");
    return fallback.value_or(1);
  }

  /// A number greater than zero.
  double getPositive(StringRef key,
                     std::optional<double> fallback = std::nullopt) {
    double number = getNumber(key, fallback);
    if (number > 0)
      return number;
    failAt(*find(key), key, "a number greater than zero");
    return 1;
  }

  std::string getString(StringRef key, StringRef fallback) {
    const GgufValue *value = find(key);
    if (!value)
      return fallback.str();
    if (std::optional<StringRef> text = value->getString())
      return text->str();
    failAt(*value, key, "a string");
    return fallback.str();
  }

  /// Records an error about a value: "FILE: offset N: KEY expects ...".
  void failAt(const GgufValue &value, StringRef key, const Twine &expected) {
    fail("offset " + Twine(value.getOffset()) + ": " + prefix + key +
         " expects " + expected);
  }

  /// Records an error about the model.
  void fail(const Twine &message) {
    if (firstError.empty())
      firstError = (file.getName() + ": " + message).str();
  }

  bool failed() const { return !firstError.empty(); }
  Error takeError() const { return llvm::createStringError(firstError); }

private:
  static constexpr int64_t largestCount = std::numeric_limits<int32_t>::max();

  const GgufValue *find(StringRef key, bool isOptional) {
    const GgufValue *value = find(key);
    if (!value && !isOptional)
      fail("the metadata key '" + prefix + key + "' is missing");
    return value;
  }

  const GgufFile &file;
  std::string prefix;
  std::string firstError;
};

} // namespace

/// Reads the rope of layers that see all keys.
static RopeConfig readRope(MetadataReader &reader, int64_t context) {
  RopeConfig rope;
  rope.base = reader.getPositive("rope.freq_base", 10000.0);
  // The oldest files have only a factor, under a name of its own.
  double linear = reader.getPositive("rope.scale_linear", 1.0);
  rope.factor = reader.getPositive("rope.scaling.factor", linear);
  std::string kind = reader.getString("rope.scaling.type",
                                      rope.factor != 1.0 ? "linear" : "none");
  if (kind == "none" || (kind == "linear" && rope.factor == 1.0)) {
    rope.factor = 1.0;
    return rope;
  }
  if (kind == "linear") {
    rope.scaling = RopeScalingKind::Linear;
    return rope;
  }
  if (kind == "yarn") {
    rope.scaling = RopeScalingKind::Yarn;
    rope.betaFast =
        reader.getPositive("rope.scaling.yarn_beta_fast", rope.betaFast);
    rope.betaSlow =
        reader.getPositive("rope.scaling.yarn_beta_slow", rope.betaSlow);
    rope.originalContext =
        reader.getCount("rope.scaling.original_context_length", 1, context);
    if (reader.getNumber("rope.scaling.yarn_ext_factor", 1.0) != 1.0)
      reader.fail("rope.scaling.yarn_ext_factor is supported as 1 only");
    // YaRN's own temperature, times factors that some models add.
    rope.attentionFactor =
        reader.getPositive("rope.scaling.attn_factor", 1.0) *
        reader.getPositive("rope.scaling.yarn_attn_factor", 1.0);
    if (rope.factor > 1.0)
      rope.attentionFactor *= 1.0 + 0.1 * std::log(rope.factor);
    return rope;
  }
  reader.fail("rope scaling '" + llvm::json::fixUTF8(kind) +
              "' is not supported; supported are none, linear and yarn");
  return rope;
}

/// Sets windows, and the local rope where only some layers see all keys.
static void readWindows(MetadataReader &reader, const Family &family,
                        ModelConfig &config) {
  int64_t window = reader.getCount("attention.sliding_window", 0, 0);
  if (window == 0)
    return;
  if (!family.hasWindow) {
    reader.fail("sliding windows are not supported for " + family.architecture +
                " models");
    return;
  }
  std::vector<bool> hasWindow(config.layers.size(), true);
  constexpr StringRef patternKey = "attention.sliding_window_pattern";
  const GgufValue *pattern = reader.find(patternKey);
  if (pattern && pattern->isArray()) {
    std::vector<int64_t> flags =
        pattern->getIntegers().value_or(std::vector<int64_t>());
    if (flags.size() != hasWindow.size()) {
      reader.failAt(*pattern, patternKey, "one bool per layer");
      return;
    }
    hasWindow.assign(flags.begin(), flags.end());
  } else if (int64_t period =
                 reader.getCount(patternKey, 0, family.globalPeriod)) {
    for (size_t i = 0; i < hasWindow.size(); ++i)
      hasWindow[i] = (i + 1) % period != 0;
  }
  // Only families that mix both kinds of layers have a second rope.
  double localBase =
      reader.getPositive("rope.freq_base_swa",
                         family.globalPeriod ? family.localRopeBase
                                             : config.layers.front().rope.base);
  for (auto [layer, local] : llvm::zip_equal(config.layers, hasWindow)) {
    if (!local)
      continue;
    layer.window = window;
    if (family.globalPeriod)
      layer.rope = RopeConfig();
    layer.rope.base = localBase;
  }
}

Expected<ModelConfig> winnow::readGgufConfig(const GgufFile &file,
                                             const Family &family,
                                             size_t tensorCount) {
  MetadataReader reader(file, family.architecture);
  ModelConfig config;
  config.architecture = family.architecture.str();
  config.activation = family.activation;
  config.ropeLayout = family.ropeLayout;
  if (const GgufValue *name = file.find("general.name"))
    config.name = llvm::json::fixUTF8(name->getString().value_or(""));

  if (reader.getCount("expert_count", 0, 0) > 0)
    reader.fail("mixtures of experts are not supported");
  config.context = reader.getCount("context_length", 1);
  config.width = reader.getCount("embedding_length", 1);
  config.epsilon = reader.getPositive("attention.layer_norm_rms_epsilon");

  // Every layer has tensors, so no model has more layers than tensors.
  int64_t layers = reader.getCount("block_count", 1);
  if (static_cast<size_t>(layers) > tensorCount)
    reader.fail(family.architecture + ".block_count is " + Twine(layers) +
                ", but there are only " + Twine(tensorCount) + " tensors");
  if (reader.failed())
    return reader.takeError();

  std::vector<int64_t> heads = reader.getCounts("attention.head_count", layers);
  std::vector<int64_t> keyValueHeads = heads;
  if (reader.find("attention.head_count_kv"))
    keyValueHeads = reader.getCounts("attention.head_count_kv", layers);
  std::vector<int64_t> feedForward =
      reader.getCounts("feed_forward_length", layers);
  // A width smaller than the head count is refused with the tensors' shapes.
  int64_t headLength = std::max<int64_t>(1, config.width / heads[0]);
  config.keyLength = reader.getCount("attention.key_length", 1, headLength);
  config.valueLength = reader.getCount("attention.value_length", 1, headLength);
  config.ropeDims =
      reader.getCount("rope.dimension_count", 2, config.keyLength);
  RopeConfig rope = readRope(reader, config.context);

  config.layers.resize(layers);
  for (int64_t i = 0; i < layers; ++i) {
    config.layers[i] = {heads[i], keyValueHeads[i], feedForward[i],
                        /*window=*/0, rope};
    if (heads[i] % keyValueHeads[i] != 0)
      reader.fail("layer " + Twine(i) + " has " + Twine(heads[i]) +
                  " query heads, expects a multiple of its " +
                  Twine(keyValueHeads[i]) + " key heads");
  }
  readWindows(reader, family, config);
  if (config.ropeDims > config.keyLength || config.ropeDims % 2 != 0)
    reader.fail(family.architecture + ".rope.dimension_count is " +
                Twine(config.ropeDims) +
                ", expects an even number of at most the key length " +
                Twine(config.keyLength));

  config.attentionScale =
      static_cast<float>(1.0 / std::sqrt(double(config.keyLength)));
  family.complete(config);
  if (double scale = reader.getNumber("attention.scale", 0))
    config.attentionScale = static_cast<float>(scale);
  if (reader.find("attn_logit_softcapping"))
    config.attentionSoftcap = reader.getPositive("attn_logit_softcapping");
  if (reader.find("final_logit_softcapping"))
    config.logitSoftcap = reader.getPositive("final_logit_softcapping");
  if (reader.failed())
    return reader.takeError();
  return config;
}
