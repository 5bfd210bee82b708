//===- Gemma.cpp - Gemma 2, Gemma 3 ---------------------------------------===//
//
// Norms multiply by 1 + weight. The converter to GGUF has added the 1 to every
// norm weight in the file; Hugging Face has not.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"

#include <cmath>

using namespace winnow;

static constexpr llvm::StringRef gemma2Types[] = {"gemma2"};
static constexpr llvm::StringRef gemma3Types[] = {"gemma3_text"};

// Gemma calls the norm in front of the MLP so that the one behind attention can
// have its name.
static constexpr TensorAlias aliases[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"},
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};
static const Naming naming = {"model.layers.",
                              aliases,
                              /*keepsNames=*/false,
                              /*stacksByHead=*/false,
                              {}};

/// query_pre_attn_scalar is the key length in all sizes but the largest, which
/// uses width / heads.
static void scaleLargest(ModelConfig &config, size_t layersOfLargest) {
  if (config.layers.size() != layersOfLargest)
    return;
  int64_t headWidth = config.width / config.layers.front().heads;
  config.attentionScale =
      static_cast<float>(1.0 / std::sqrt(static_cast<double>(headWidth)));
}

static void readHuggingFace(HuggingFaceConfig &reader, ModelConfig &config) {
  config.attentionScale = static_cast<float>(
      1.0 / std::sqrt(reader.getPositive("query_pre_attn_scalar")));
  if (reader.getFlag("use_bidirectional_attention", false))
    reader.fail("bidirectional attention is not supported");
}

static Family makeGemma() {
  Family family;
  family.huggingFaceNames = &naming;
  family.activation = Activation::GeluTanh;
  family.scalesEmbedding = true;
  family.normOffset = 1;
  family.outputNorm = Presence::Required;
  family.window = Presence::Required;
  family.readHuggingFace = readHuggingFace;
  return family;
}

const Family winnow::gemma2Family = [] {
  Family family = makeGemma();
  family.name = family.architecture = "gemma2";
  family.modelTypes = gemma2Types;
  family.globalPeriod = 2;
  family.readGguf = [](ConfigReader &, ModelConfig &config) {
    scaleLargest(config, 46);
  };
  return family;
}();

const Family winnow::gemma3Family = [] {
  Family family = makeGemma();
  family.name = family.architecture = "gemma3";
  family.modelTypes = gemma3Types;
  family.queryKeyNorm = Presence::Required;
  family.globalPeriod = 6;
  family.localRopeBase = 10000.0;
  family.readGguf = [](ConfigReader &, ModelConfig &config) {
    scaleLargest(config, 62);
  };
  return family;
}();
