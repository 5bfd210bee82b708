//===- Phi3.cpp - Phi-3, Phi-4 mini ---------------------------------------===//
//
// One tensor holds the query, key and value projections, and one the gate and
// up projections, in both kinds of files.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"

using namespace winnow;

static constexpr llvm::StringRef modelTypes[] = {"phi3"};

static constexpr TensorAlias huggingFaceAliases[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.qkv_proj"},
    {"attn_k", "self_attn.qkv_proj"},
    {"attn_v", "self_attn.qkv_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_up_proj"},
    {"ffn_up", "mlp.gate_up_proj"},
    {"ffn_down", "mlp.down_proj"},
};
static const Naming huggingFaceNames = {"model.layers.",
                                        huggingFaceAliases,
                                        /*keepsNames=*/false,
                                        /*stacksByHead=*/false,
                                        {}};

static constexpr TensorAlias ggufAliases[] = {
    {"attn_q", "attn_qkv"}, {"attn_k", "attn_qkv"}, {"attn_v", "attn_qkv"},
    {"ffn_gate", "ffn_up"}, {"ffn_up", "ffn_up"},
};
static const Naming ggufNames = {"blk.",
                                 ggufAliases,
                                 /*keepsNames=*/true,
                                 /*stacksByHead=*/false,
                                 {}};

const Family winnow::phi3Family = [] {
  Family family;
  family.name = family.architecture = "phi3";
  family.modelTypes = modelTypes;
  family.ggufNames = &ggufNames;
  family.huggingFaceNames = &huggingFaceNames;
  family.longRopeFactors = Presence::Optional;
  family.window = Presence::Required;
  return family;
}();
