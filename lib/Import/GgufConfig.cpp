//===- GgufConfig.cpp - Model configuration from GGUF metadata ------------===//

#include "Families.h"
#include "ModelConfig.h"

#include <cmath>

using namespace winnow;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static constexpr ConfigKeys keys = {
    "context_length",
    "embedding_length",
    "block_count",
    "attention.head_count",
    "attention.head_count_kv",
    "feed_forward_length",
    "attention.key_length",
    "attention.value_length",
    "attention.layer_norm_rms_epsilon",
    "attention.layer_norm_epsilon",
    "attn_logit_softcapping",
    "final_logit_softcapping",
};

namespace {

/// Reads keys of one architecture.
class MetadataReader : public ConfigReader {
public:
  MetadataReader(const GgufFile &file, StringRef architecture)
      : ConfigReader(file.getName()), file(file),
        prefix(architecture.str() + ".") {}

  std::optional<llvm::json::Value> lookUp(StringRef key) const override {
    const GgufValue *value = file.find(describe(key));
    if (!value)
      return std::nullopt;
    if (std::optional<bool> flag = value->getBool())
      return *flag;
    if (std::optional<int64_t> integer = value->getInteger())
      return *integer;
    if (std::optional<double> number = value->getFloat())
      return *number;
    if (std::optional<StringRef> text = value->getString())
      return llvm::json::fixUTF8(*text);
    if (std::optional<std::vector<int64_t>> integers = value->getIntegers())
      return llvm::json::Array(*integers);
    // No key of an architecture holds another kind of array.
    return llvm::json::Array({nullptr});
  }

protected:
  std::string describe(StringRef key) const override {
    return prefix + key.str();
  }
  std::string locate(StringRef key) const override {
    const GgufValue *value = file.find(describe(key));
    return value ? ("offset " + Twine(value->getOffset()) + ": ").str() : "";
  }

private:
  const GgufFile &file;
  std::string prefix;
};

} // namespace

/// Reads the rope of layers that see all keys.
static RopeConfig readRope(MetadataReader &reader, const Family &family,
                           int64_t trainedContext, int64_t context) {
  RopeConfig rope;
  rope.base = reader.getPositive("rope.freq_base", 10000.0);
  if (family.longRopeFactors != Presence::Absent) {
    int64_t original = reader.getCount("rope.scaling.original_context_length",
                                       1, trainedContext);
    rope.factorTensor = context > original ? "rope_factors_long.weight"
                                           : "rope_factors_short.weight";
    rope.attentionFactor = reader.getPositive("rope.scaling.attn_factor", 1.0);
    if (rope.attentionFactor != 1.0)
      rope.scaling = RopeScalingKind::LongRope;
    return rope;
  }
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
    rope.high = reader.getPositive("rope.scaling.yarn_beta_fast", rope.high);
    rope.low = reader.getPositive("rope.scaling.yarn_beta_slow", rope.low);
    rope.originalContext = reader.getCount(
        "rope.scaling.original_context_length", 1, trainedContext);
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
  reader.fail("rope scaling '" + kind +
              "' is not supported; supported are none, linear and yarn");
  return rope;
}

/// Sets windows, and the local rope where only some layers see all keys.
static void readWindows(MetadataReader &reader, const Family &family,
                        ModelConfig &config) {
  int64_t window = reader.getCount("attention.sliding_window", 0, 0);
  if (window == 0)
    return;
  if (family.window != Presence::Required) {
    reader.fail("sliding windows are not supported for " + family.name +
                " models");
    return;
  }
  llvm::SmallVector<bool> hasWindow(config.layers.size(), true);
  constexpr StringRef patternKey = "attention.sliding_window_pattern";
  std::optional<llvm::json::Value> pattern = reader.lookUp(patternKey);
  if (llvm::json::Array *flags = pattern ? pattern->getAsArray() : nullptr) {
    if (flags->size() != hasWindow.size()) {
      reader.failAt(patternKey, "one bool per layer");
      return;
    }
    for (auto [local, flag] : llvm::zip_equal(hasWindow, *flags))
      local = flag.getAsInteger().value_or(0) != 0;
  } else if (int64_t period =
                 reader.getCount(patternKey, 0, family.globalPeriod)) {
    for (size_t i = 0; i < hasWindow.size(); ++i)
      hasWindow[i] = (i + 1) % period != 0;
  }
  // Only families that mix both kinds of layers have a second rope.
  RopeConfig rope = config.layers.front().rope;
  if (family.localRopeBase != 0) {
    rope = RopeConfig();
    rope.base = family.localRopeBase;
  }
  rope.base = reader.getPositive("rope.freq_base_swa", rope.base);
  setWindows(config, window, hasWindow, rope);
}

Expected<ModelConfig> winnow::readGgufConfig(const GgufFile &file,
                                             const Family &family,
                                             size_t tensorCount,
                                             int64_t context) {
  MetadataReader reader(file, family.architecture);
  if (reader.getCount("expert_count", 0, 0) > 0)
    reader.fail("mixtures of experts are not supported");
  ModelConfig config = readModelConfig(reader, keys, family, tensorCount);
  if (reader.failed())
    return reader.takeError();
  if (const GgufValue *name = file.find("general.name"))
    config.name = llvm::json::fixUTF8(name->getString().value_or(""));
  config.ropeLayout = family.ggufRopeLayout;
  setRopeDims(reader, config,
              reader.getCount("rope.dimension_count", 2, config.keyLength));
  RopeConfig rope = readRope(reader, family, config.context,
                             std::min(context, config.context));
  for (LayerConfig &layer : config.layers)
    layer.rope = rope;
  readWindows(reader, family, config);
  if (family.readGguf)
    family.readGguf(reader, config);
  if (double scale = reader.getNumber("attention.scale", 0))
    config.attentionScale = static_cast<float>(scale);
  if (reader.failed())
    return reader.takeError();
  return config;
}
