//===- Families.cpp - Model families --------------------------------------===//

#include "Families.h"

#include "winnow/Import/Import.h"

#include "llvm/ADT/StringExtras.h"

using namespace winnow;
using llvm::StringRef;

static constexpr TensorSlot tensorSlots[] = {
    {"token_embd.weight", false, Extent::Vocabulary, Extent::Width,
     Feature::Core},
    {"output_norm.weight", false, Extent::Width, Extent::None, Feature::Core},
    {"output_norm.bias", false, Extent::Width, Extent::None, Feature::NormBias},
    {"output.weight", false, Extent::Vocabulary, Extent::Width, Feature::Head},
    {"rope_freqs.weight", false, Extent::RopePairs, Extent::None,
     Feature::RopeFactors},
    {"rope_factors_long.weight", false, Extent::RopePairs, Extent::None,
     Feature::LongRopeFactors},
    {"rope_factors_short.weight", false, Extent::RopePairs, Extent::None,
     Feature::LongRopeFactors},

    {"attn_norm.weight", true, Extent::Width, Extent::None, Feature::Core},
    {"attn_norm.bias", true, Extent::Width, Extent::None, Feature::NormBias},
    {"attn_q.weight", true, Extent::QueryChannels, Extent::Width,
     Feature::Core},
    {"attn_q.bias", true, Extent::QueryChannels, Extent::None,
     Feature::ProjectionBias},
    {"attn_k.weight", true, Extent::KeyChannels, Extent::Width, Feature::Core},
    {"attn_k.bias", true, Extent::KeyChannels, Extent::None,
     Feature::ProjectionBias},
    {"attn_v.weight", true, Extent::ValueChannels, Extent::Width,
     Feature::Core},
    {"attn_v.bias", true, Extent::ValueChannels, Extent::None,
     Feature::ProjectionBias},
    {"attn_q_norm.weight", true, Extent::KeyLength, Extent::None,
     Feature::QueryKeyNorm},
    {"attn_k_norm.weight", true, Extent::KeyLength, Extent::None,
     Feature::QueryKeyNorm},
    {"attn_output.weight", true, Extent::Width, Extent::AttentionChannels,
     Feature::Core},
    {"attn_output.bias", true, Extent::Width, Extent::None, Feature::OtherBias},
    {"post_attention_norm.weight", true, Extent::Width, Extent::None,
     Feature::OutputNorm},

    {"ffn_norm.weight", true, Extent::Width, Extent::None, Feature::Core},
    {"ffn_norm.bias", true, Extent::Width, Extent::None, Feature::NormBias},
    {"ffn_gate.weight", true, Extent::FeedForward, Extent::Width,
     Feature::Gate},
    {"ffn_gate.bias", true, Extent::FeedForward, Extent::None,
     Feature::GateBias},
    {"ffn_up.weight", true, Extent::FeedForward, Extent::Width, Feature::Core},
    {"ffn_up.bias", true, Extent::FeedForward, Extent::None,
     Feature::OtherBias},
    {"ffn_down.weight", true, Extent::Width, Extent::FeedForward,
     Feature::Core},
    {"ffn_down.bias", true, Extent::Width, Extent::None, Feature::OtherBias},
    {"post_ffw_norm.weight", true, Extent::Width, Extent::None,
     Feature::OutputNorm},
};

llvm::ArrayRef<TensorSlot> winnow::getTensorSlots() { return tensorSlots; }

const Naming winnow::ggufNaming = {"blk.",
                                   {},
                                   /*keepsNames=*/true,
                                   /*stacksByHead=*/false,
                                   {}};

static constexpr TensorAlias llamaAliases[] = {
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
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};
// Old files keep what is computed from the configuration.
static constexpr StringRef llamaIgnored[] = {".rotary_emb.inv_freq"};
const Naming winnow::huggingFaceNaming = {"model.layers.", llamaAliases,
                                          /*keepsNames=*/false,
                                          /*stacksByHead=*/false, llamaIgnored};

llvm::SmallVector<TensorAlias, 4> Naming::findStack(StringRef slot) const {
  const TensorAlias *found = llvm::find_if(
      aliases, [&](const TensorAlias &alias) { return alias.slot == slot; });
  llvm::SmallVector<TensorAlias, 4> stack;
  if (found == aliases.end()) {
    if (keepsNames)
      stack.push_back({slot, slot});
    return stack;
  }
  llvm::copy_if(
      aliases, std::back_inserter(stack),
      [&](const TensorAlias &alias) { return alias.stored == found->stored; });
  return stack;
}

static constexpr const Family *families[] = {
    &gemma2Family, &gemma3Family, &gptNeoxFamily, &llamaFamily,
    &phi3Family,   &qwen2Family,  &qwen3Family,
};

llvm::ArrayRef<const Family *> winnow::getFamilies() { return families; }

const Family *winnow::findGgufFamily(StringRef architecture) {
  for (const Family *family : families)
    if (!architecture.empty() && family->architecture == architecture)
      return family;
  return nullptr;
}

const Family *winnow::findHuggingFaceFamily(StringRef modelType) {
  for (const Family *family : families)
    if (llvm::is_contained(family->modelTypes, modelType))
      return family;
  return nullptr;
}

Presence Family::getPresence(Feature feature) const {
  switch (feature) {
  case Feature::Core:
    return Presence::Required;
  case Feature::QueryKeyNorm:
    return queryKeyNorm;
  case Feature::OutputNorm:
    return outputNorm;
  case Feature::NormBias:
    return normBias;
  case Feature::Gate:
    return gate;
  case Feature::ProjectionBias:
    return projectionBias;
  case Feature::OtherBias:
    return otherBias;
  case Feature::GateBias:
    return std::min(gate, otherBias);
  case Feature::Head:
    return Presence::Optional;
  case Feature::RopeFactors:
    return ropeFactors;
  case Feature::LongRopeFactors:
    return longRopeFactors;
  }
  llvm_unreachable("all features are handled");
}

std::string winnow::listSupportedArchitectures() {
  llvm::SmallVector<StringRef> names;
  for (const Family *family : families)
    if (!family->architecture.empty())
      names.push_back(family->architecture);
  return llvm::join(names, ", ");
}
