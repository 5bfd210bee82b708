//===- EncoderFamilies.cpp - Families of encoders -------------------------===//

#include "EncoderFamilies.h"

#include "llvm/ADT/StringExtras.h"

using namespace winnow;
using llvm::StringRef;
using llvm::Twine;

static constexpr EncoderFamily families[] = {
    {"bert", EncoderInput::Text, /*preNorm=*/false, /*hasTypes=*/true,
     /*offsetPositions=*/false, /*hasRelativeBias=*/false, "bert.",
     "encoder.layer.", "attention.self.query", "attention.self.key",
     "attention.self.value", "attention.output.dense",
     "attention.output.LayerNorm", "intermediate.dense", "output.dense",
     "output.LayerNorm"},
    {"mpnet", EncoderInput::Text, /*preNorm=*/false, /*hasTypes=*/false,
     /*offsetPositions=*/true, /*hasRelativeBias=*/true, "mpnet.",
     "encoder.layer.", "attention.attn.q", "attention.attn.k",
     "attention.attn.v", "attention.attn.o", "attention.LayerNorm",
     "intermediate.dense", "output.dense", "output.LayerNorm"},
    {"vit", EncoderInput::Image, /*preNorm=*/true, /*hasTypes=*/false,
     /*offsetPositions=*/false, /*hasRelativeBias=*/false, "vit.",
     "encoder.layer.", "attention.attention.query", "attention.attention.key",
     "attention.attention.value", "attention.output.dense", "layernorm_before",
     "intermediate.dense", "output.dense", "layernorm_after"},
    // Since version 5 of transformers.
    {"vit", EncoderInput::Image, /*preNorm=*/true, /*hasTypes=*/false,
     /*offsetPositions=*/false, /*hasRelativeBias=*/false, "vit.", "layers.",
     "attention.q_proj", "attention.k_proj", "attention.v_proj",
     "attention.o_proj", "layernorm_before", "mlp.fc1", "mlp.fc2",
     "layernorm_after"},
};

llvm::SmallVector<const EncoderFamily *>
winnow::findEncoderFamilies(StringRef modelType) {
  llvm::SmallVector<const EncoderFamily *> found;
  for (const EncoderFamily &family : families)
    if (family.modelType == modelType)
      found.push_back(&family);
  return found;
}

std::string winnow::listEncoderTypes() {
  llvm::SmallVector<StringRef> names;
  for (const EncoderFamily &family : families)
    if (names.empty() || names.back() != family.modelType)
      names.push_back(family.modelType);
  return llvm::join(names, ", ");
}

static EncoderActivation readActivation(HuggingFaceConfig &reader) {
  std::string name = reader.getString("hidden_act", "gelu");
  if (name == "gelu")
    return EncoderActivation::Gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh")
    return EncoderActivation::GeluTanh;
  if (name == "relu")
    return EncoderActivation::Relu;
  if (name == "silu" || name == "swish")
    return EncoderActivation::Silu;
  reader.failAt("hidden_act",
                "gelu, gelu_new, gelu_pytorch_tanh, relu or silu");
  return EncoderActivation::Gelu;
}

static void readText(HuggingFaceConfig &reader, const EncoderFamily &family,
                     EncoderConfig &config) {
  config.vocabulary = reader.getCount("vocab_size", 1);
  config.positions = reader.getCount("max_position_embeddings", 1);
  if (family.hasTypes)
    config.types = reader.getCount("type_vocab_size", 1, 2);
  if (family.offsetPositions)
    config.firstPosition = reader.getCount("pad_token_id", 0, 1) + 1;
  if (config.firstPosition >= config.positions)
    reader.fail("pad_token_id leaves no positions");
  if (family.hasRelativeBias) {
    config.buckets = reader.getCount("relative_attention_num_buckets", 1, 32);
    if (config.buckets != 32)
      reader.failAt("relative_attention_num_buckets", "32");
  }
  std::string positions =
      reader.getString("position_embedding_type", "absolute");
  if (positions != "absolute")
    reader.fail("position_embedding_type is supported as absolute only");
}

static void readImage(HuggingFaceConfig &reader, EncoderConfig &config) {
  config.channels = reader.getCount("num_channels", 1, 3);
  std::vector<int64_t> sides = reader.getCounts("image_size", 2);
  config.height = sides[0];
  config.imageWidth = sides[1];
  config.patch = reader.getCount("patch_size", 1, 16);
  if (reader.failed())
    return;
  constexpr int64_t most = 1 << 16;
  if (config.height > most || config.imageWidth > most ||
      config.channels > most || config.height % config.patch ||
      config.imageWidth % config.patch)
    reader.fail("image_size expects multiples of patch_size (" +
                Twine(config.patch) + ") of at most " + Twine(most) +
                ", found " + Twine(config.height) + " and " +
                Twine(config.imageWidth));
}

llvm::Expected<EncoderConfig>
winnow::readEncoderConfig(HuggingFaceConfig &reader,
                          const EncoderFamily &family, size_t tensorCount) {
  EncoderConfig config;
  config.name = reader.getString("_name_or_path", "");
  config.layers = reader.getCount("num_hidden_layers", 1);
  config.width = reader.getCount("hidden_size", 1);
  config.heads = reader.getCount("num_attention_heads", 1);
  config.feedForward = reader.getCount("intermediate_size", 1);
  config.epsilon = reader.getNumber("layer_norm_eps", 1e-12);
  config.activation = readActivation(reader);
  // Every layer has tensors, so no model has more layers than tensors.
  if (static_cast<size_t>(config.layers) > tensorCount)
    reader.fail("num_hidden_layers is " + Twine(config.layers) +
                ", but there are only " + Twine(tensorCount) + " tensors");
  if (config.width % config.heads)
    reader.fail("hidden_size is " + Twine(config.width) +
                ", expects a multiple of num_attention_heads (" +
                Twine(config.heads) + ")");
  if (config.epsilon < 0)
    reader.failAt("layer_norm_eps", "a number of at least 0");
  if (reader.getFlag("is_decoder", false))
    reader.fail("models with is_decoder are not supported");
  if (family.input == EncoderInput::Text)
    readText(reader, family, config);
  else
    readImage(reader, config);
  if (reader.failed())
    return reader.takeError();
  return config;
}
