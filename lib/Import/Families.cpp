//===- Families.cpp - Model families --------------------------------------===//

#include "Families.h"

#include "winnow/Import/Import.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace winnow;

// The names are those that llama.cpp's converter writes for all decoders.
static constexpr TensorSlot tensorSlots[] = {
    {"token_embd.weight", false, Extent::Vocabulary, Extent::Width,
     Feature::Core},
    {"output_norm.weight", false, Extent::Width, Extent::None, Feature::Core},
    {"output.weight", false, Extent::Vocabulary, Extent::Width, Feature::Head},
    {"rope_freqs.weight", false, Extent::RopePairs, Extent::None,
     Feature::RopeFactors},

    {"attn_norm.weight", true, Extent::Width, Extent::None, Feature::Core},
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
    {"ffn_gate.weight", true, Extent::FeedForward, Extent::Width,
     Feature::Core},
    {"ffn_gate.bias", true, Extent::FeedForward, Extent::None,
     Feature::OtherBias},
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

static void completeNothing(ModelConfig &) {}

static void completeGemma3(ModelConfig &config) {
  config.embeddingScale = static_cast<float>(std::sqrt(double(config.width)));
  // query_pre_attn_scalar is the key length in all sizes but the largest, which
  // has 62 layers and uses width / heads.
  if (config.layers.size() == 62)
    config.attentionScale = static_cast<float>(
        1.0 / std::sqrt(double(config.width / config.layers.front().heads)));
}

// Gemma's norms multiply by 1 + weight; the converter has added the 1 to every
// norm weight in the file, so no weight offset is left to apply.
//
// Llama's converter permutes the rows of q and k so that rotary pairs lie side
// by side; the other families keep the halves of Hugging Face.
static constexpr Family families[] = {
    {"gemma3", Activation::GeluTanh, RopeLayout::Half,
     /*queryKeyNorm=*/Presence::Required, /*outputNorm=*/Presence::Required,
     /*projectionBias=*/Presence::Absent, /*otherBias=*/Presence::Absent,
     /*ropeFactors=*/Presence::Absent, completeGemma3, /*hasWindow=*/true,
     /*globalPeriod=*/6, /*localRopeBase=*/10000.0},
    {"llama", Activation::Silu, RopeLayout::Interleaved,
     /*queryKeyNorm=*/Presence::Absent, /*outputNorm=*/Presence::Absent,
     /*projectionBias=*/Presence::Optional, /*otherBias=*/Presence::Optional,
     /*ropeFactors=*/Presence::Optional, completeNothing, /*hasWindow=*/true,
     /*globalPeriod=*/0, /*localRopeBase=*/0},
    {"qwen2", Activation::Silu, RopeLayout::Half,
     /*queryKeyNorm=*/Presence::Absent, /*outputNorm=*/Presence::Absent,
     /*projectionBias=*/Presence::Required, /*otherBias=*/Presence::Absent,
     /*ropeFactors=*/Presence::Absent, completeNothing, /*hasWindow=*/false,
     /*globalPeriod=*/0, /*localRopeBase=*/0},
    {"qwen3", Activation::Silu, RopeLayout::Half,
     /*queryKeyNorm=*/Presence::Required, /*outputNorm=*/Presence::Absent,
     /*projectionBias=*/Presence::Absent, /*otherBias=*/Presence::Absent,
     /*ropeFactors=*/Presence::Absent, completeNothing, /*hasWindow=*/false,
     /*globalPeriod=*/0, /*localRopeBase=*/0},
};

llvm::ArrayRef<Family> winnow::getFamilies() { return families; }

const Family *winnow::findFamily(llvm::StringRef architecture) {
  const Family *it = llvm::find_if(families, [&](const Family &family) {
    return family.architecture == architecture;
  });
  return it == std::end(families) ? nullptr : it;
}

Presence Family::getPresence(Feature feature) const {
  switch (feature) {
  case Feature::Core:
    return Presence::Required;
  case Feature::QueryKeyNorm:
    return queryKeyNorm;
  case Feature::OutputNorm:
    return outputNorm;
  case Feature::ProjectionBias:
    return projectionBias;
  case Feature::OtherBias:
    return otherBias;
  case Feature::Head:
    return Presence::Optional;
  case Feature::RopeFactors:
    return ropeFactors;
  }
  llvm_unreachable("all features are handled");
}

std::string winnow::listSupportedArchitectures() {
  llvm::SmallVector<llvm::StringRef> names;
  for (const Family &family : families)
    names.push_back(family.architecture);
  return llvm::join(names, ", ");
}
