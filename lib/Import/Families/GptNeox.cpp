//===- GptNeox.cpp - GPT-NeoX, Pythia -------------------------------------===//
//
// Layer norms with biases, an MLP without gate, and attention and MLP side by
// side. One tensor holds the rows of query, key and value: head by head in
// directories of Hugging Face, one after the other in GGUF files. These do not
// name the activation; what llama.cpp takes, GELU's tanh approximation, is not
// what the models were trained with.
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

static constexpr TensorAlias ggufAliases[] = {
    {"attn_q", "attn_qkv"}, {"attn_k", "attn_qkv"}, {"attn_v", "attn_qkv"}};
static const Naming ggufNames = {"blk.",
                                 ggufAliases,
                                 /*keepsNames=*/true,
                                 /*stacksByHead=*/false,
                                 {}};

/// Both kinds of files stack queries, keys and values of as many heads.
static void readKeys(ConfigReader &reader, ModelConfig &config) {
  config.parallelResidual = reader.getFlag("use_parallel_residual", true);
  for (const LayerConfig &layer : config.layers)
    if (layer.keyValueHeads != layer.heads)
      reader.fail("fewer key heads than query heads are not supported for "
                  "gpt_neox models");
}

const Family winnow::gptNeoxFamily = [] {
  Family family;
  family.name = "gpt_neox";
  family.architecture = "gptneox";
  family.modelTypes = modelTypes;
  family.ggufNames = &ggufNames;
  family.huggingFaceNames = &naming;
  family.activation = Activation::Gelu;
  family.norm = NormKind::Layer;
  family.normBias = Presence::Required;
  family.gate = Presence::Absent;
  family.projectionBias = family.otherBias = Presence::Optional;
  family.readGguf = readKeys;
  family.readHuggingFace = [](HuggingFaceConfig &reader, ModelConfig &config) {
    readKeys(reader, config);
  };
  return family;
}();
