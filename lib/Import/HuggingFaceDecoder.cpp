//===- HuggingFaceDecoder.cpp - Decoder configuration from config.json ----===//
//
// Rope is spelled in two ways: "rope_theta" beside "rope_scaling", and since
// version 5 of Transformers all together in "rope_parameters", which has an
// object per kind of layer where these differ. The formulas are those of
// Transformers' modeling_rope_utils.py.
//
//===----------------------------------------------------------------------===//

#include "Families.h"
#include "ModelConfig.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace winnow;
using llvm::StringRef;
using llvm::Twine;

static constexpr ConfigKeys keys = {
    "max_position_embeddings",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "intermediate_size",
    "head_dim",
    "head_dim",
    "rms_norm_eps",
    "layer_norm_eps",
    "attn_logit_softcapping",
    "final_logit_softcapping",
};

static void readActivation(HuggingFaceConfig &reader, ModelConfig &config) {
  StringRef key =
      reader.has("hidden_activation") ? "hidden_activation" : "hidden_act";
  if (!reader.has(key))
    return;
  auto activation =
      llvm::StringSwitch<std::optional<Activation>>(reader.getString(key, ""))
          .Cases({"silu", "swish"}, Activation::Silu)
          .Cases({"gelu_pytorch_tanh", "gelu_new", "gelu_fast"},
                 Activation::GeluTanh)
          .Case("gelu", Activation::Gelu)
          .Default(std::nullopt);
  if (activation)
    config.activation = *activation;
  else
    reader.failAt(key, "silu, gelu, gelu_new, gelu_fast or gelu_pytorch_tanh");
}

namespace {

/// Reads the rope of one kind of layers.
class RopeReader {
public:
  /// `object` is where the scaling stands, with a dot behind.
  RopeReader(HuggingFaceConfig &reader, const ModelConfig &config,
             int64_t context, std::string object)
      : reader(reader), config(config), context(context),
        object(std::move(object)) {}

  RopeConfig read(double base) {
    rope.base = base;
    std::string kind = reader.getString(
        at("rope_type"), reader.getString(at("type"), "default"));
    if (kind == "default")
      return rope;
    if (kind == "linear")
      readLinear();
    else if (kind == "llama3")
      readLlama3();
    else if (kind == "yarn")
      readYarn();
    else if (kind == "longrope" || kind == "su")
      readLongRope();
    else
      reader.fail("rope scaling '" + kind +
                  "' is not supported; supported are default, linear, llama3, "
                  "longrope and yarn");
    return rope;
  }

private:
  std::string at(StringRef key) const { return object + key.str(); }

  /// The context of training, which stands in one of two places or is that of
  /// the model.
  int64_t getOriginalContext() {
    constexpr StringRef key = "original_max_position_embeddings";
    return reader.getCount(at(key), 1, reader.getCount(key, 1, config.context));
  }

  void readLinear() {
    rope.scaling = RopeScalingKind::Linear;
    rope.factor = reader.getPositive(at("factor"));
  }

  void readLlama3() {
    rope.scaling = RopeScalingKind::Llama3;
    rope.factor = reader.getPositive(at("factor"));
    rope.low = reader.getPositive(at("low_freq_factor"));
    rope.high = reader.getPositive(at("high_freq_factor"));
    rope.originalContext = getOriginalContext();
    checkRamp();
  }

  void readYarn() {
    rope.scaling = RopeScalingKind::Yarn;
    rope.factor = reader.getPositive(at("factor"));
    rope.low = reader.getPositive(at("beta_slow"), 1.0);
    rope.high = reader.getPositive(at("beta_fast"), 32.0);
    rope.originalContext = getOriginalContext();
    double usual = rope.factor > 1 ? 0.1 * std::log(rope.factor) + 1 : 1;
    rope.attentionFactor = reader.getPositive(at("attention_factor"), usual);
    for (StringRef key : {"mscale", "mscale_all_dim"})
      if (reader.has(at(key)))
        reader.failAt(at(key), "to be absent; it is not supported");
    if (!reader.getFlag(at("truncate"), true))
      reader.failAt(at("truncate"), "true; false is not supported");
    checkRamp();
  }

  void checkRamp() {
    if (rope.low >= rope.high)
      reader.fail("rope scaling expects its low factor (" +
                  std::to_string(rope.low) + ") below the high one (" +
                  std::to_string(rope.high) + ")");
  }

  /// Transformers looks at the length of each sequence to choose between the
  /// two lists; a compiled model has one, by the context it is compiled for.
  void readLongRope() {
    rope.scaling = RopeScalingKind::LongRope;
    int64_t original = getOriginalContext();
    double factor =
        reader.getPositive(at("factor"), double(config.context) / original);
    double usual =
        factor > 1
            ? std::sqrt(1 + std::log(factor) / std::log(double(original)))
            : 1;
    rope.attentionFactor = reader.getPositive(at("attention_factor"), usual);
    if (!std::isfinite(rope.attentionFactor))
      reader.fail("rope scaling 'longrope' expects an original context of more "
                  "than one token");
    std::string key = at(context > original ? "long_factor" : "short_factor");
    rope.factors = reader.getNumbers(key);
    if (rope.factors.size() != size_t(config.ropeDims / 2) ||
        llvm::any_of(rope.factors, [](double f) { return f <= 0; }))
      reader.failAt(key, Twine(config.ropeDims / 2) + " positive numbers");
  }

  HuggingFaceConfig &reader;
  const ModelConfig &config;
  int64_t context;
  std::string object;
  RopeConfig rope;
};

} // namespace

/// Sets the rope of layers that see all keys, and returns that of the others.
static RopeConfig readRope(HuggingFaceConfig &reader, const Family &family,
                           ModelConfig &config, int64_t context) {
  // The object for all layers or for those that see all keys.
  std::string object = reader.has("rope_parameters.full_attention")
                           ? "rope_parameters.full_attention."
                       : reader.has("rope_parameters") ? "rope_parameters."
                                                       : "rope_scaling.";
  // The first of several keys that exists.
  auto getNumber = [&](std::initializer_list<std::string> names,
                       double fallback) {
    for (const std::string &name : names)
      if (reader.has(name))
        return reader.getPositive(name);
    return fallback;
  };
  double base = getNumber(
      {object + "rope_theta", "rope_theta", "rotary_emb_base"}, 10000.0);
  double share = getNumber(
      {object + "partial_rotary_factor", "partial_rotary_factor", "rotary_pct"},
      1.0);
  setRopeDims(reader, config,
              int64_t(double(config.keyLength) * std::min(share, 1.0)));
  RopeConfig rope = RopeReader(reader, config, context, object).read(base);
  for (LayerConfig &layer : config.layers)
    layer.rope = rope;
  if (family.localRopeBase == 0)
    return rope;
  std::string local = "rope_parameters.sliding_attention.";
  return RopeReader(reader, config, context, local)
      .read(getNumber({local + "rope_theta", "rope_local_base_freq"},
                      family.localRopeBase));
}

static void readWindows(HuggingFaceConfig &reader, const Family &family,
                        ModelConfig &config, const RopeConfig &localRope) {
  int64_t window = reader.getCount("sliding_window", 0, 0);
  bool used =
      reader.getFlag("use_sliding_window", family.window == Presence::Required);
  if (window == 0 || !used)
    return;
  if (family.window == Presence::Absent) {
    reader.fail("sliding windows are not supported for " + family.name +
                " models");
    return;
  }
  llvm::SmallVector<bool> hasWindow(config.layers.size(), true);
  std::vector<std::string> types = reader.getStrings("layer_types");
  if (!types.empty()) {
    bool known = llvm::all_of(types, [](StringRef type) {
      return type == "full_attention" || type == "sliding_attention";
    });
    if (!known || types.size() != hasWindow.size()) {
      reader.failAt("layer_types",
                    "full_attention or sliding_attention for each of " +
                        Twine(hasWindow.size()) + " layers");
      return;
    }
    for (auto [local, type] : llvm::zip_equal(hasWindow, types))
      local = type == "sliding_attention";
  } else if (family.window == Presence::Optional) {
    size_t first = reader.getCount("max_window_layers", 0, 0);
    for (size_t i = 0; i < hasWindow.size(); ++i)
      hasWindow[i] = i >= first;
  } else if (int64_t period = reader.getCount("sliding_window_pattern", 0,
                                              family.globalPeriod)) {
    for (size_t i = 0; i < hasWindow.size(); ++i)
      hasWindow[i] = (i + 1) % period != 0;
  }
  setWindows(config, window, hasWindow, localRope);
}

llvm::Expected<ModelConfig>
winnow::readHuggingFaceConfig(HuggingFaceConfig &reader, const Family &family,
                              size_t tensorCount, int64_t context) {
  ModelConfig config = readModelConfig(reader, keys, family, tensorCount);
  if (reader.failed())
    return reader.takeError();
  config.normOffset = family.normOffset;
  config.vocabulary = reader.getCount("vocab_size", 1);
  if (reader.has("tie_word_embeddings"))
    config.tiedHead = reader.getFlag("tie_word_embeddings", false);
  readActivation(reader, config);
  RopeConfig localRope =
      readRope(reader, family, config, std::min(context, config.context));
  readWindows(reader, family, config, localRope);
  if (family.readHuggingFace)
    family.readHuggingFace(reader, config);
  if (reader.failed())
    return reader.takeError();
  return config;
}
