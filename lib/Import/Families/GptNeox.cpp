//===- GptNeox.cpp - GPT-NeoX, Pythia -------------------------------------===//
//
// Layer norms with biases, an MLP without gate, and attention and MLP side by
// side. One tensor holds, head by head, the rows of query, key and value.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"

using namespace winnow;

static constexpr llvm::StringRef modelTypes[] = {"gpt_neox"};

static constexpr TensorAlias aliases[] = {
    {"token_embd", "gpt_neox.embed_in"},
    {"output_norm", "gpt_neox.final_layer_norm"},
    {"output", "embed_out"},
    {"attn_norm", "input_layernorm"},
    {"attn_q", "attention.query_key_value"},
    {"attn_k", "attention.query_key_value"},
    {"attn_v", "attention.query_key_value"},
    {"attn_output", "attention.dense"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_up", "mlp.dense_h_to_4h"},
    {"ffn_down", "mlp.dense_4h_to_h"},
};
static constexpr llvm::StringRef ignored[] = {
    ".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"};
static const Naming naming = {"gpt_neox.layers.", aliases,
                              /*keepsNames=*/false, /*stacksByHead=*/true,
                              ignored};

const Family winnow::gptNeoxFamily = [] {
  Family family;
  family.name = "gpt_neox";
  family.modelTypes = modelTypes;
  family.huggingFaceNames = &naming;
  family.activation = Activation::Gelu;
  family.norm = NormKind::Layer;
  family.normBias = Presence::Required;
  family.gate = Presence::Absent;
  family.projectionBias = family.otherBias = Presence::Optional;
  family.readHuggingFace = [](HuggingFaceConfig &reader, ModelConfig &config) {
    config.parallelResidual = reader.getFlag("use_parallel_residual", true);
    // Stacking head by head has no other meaning.
    for (const LayerConfig &layer : config.layers)
      if (layer.keyValueHeads != layer.heads)
        reader.fail("num_key_value_heads is not supported for gpt_neox models");
  };
  return family;
}();
