//===- ImportEncoder.cpp - From directories to encoders -------------------===//

#include "ImportEncoder.h"
#include "EncoderBuilder.h"
#include "EncoderFamilies.h"

#include "winnow/Import/Safetensors.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace winnow;

bool winnow::isEncoder(StringRef modelType) {
  return !findEncoderFamilies(modelType).empty();
}

/// The row of the family whose names the checkpoint uses.
static const EncoderFamily &chooseFamily(ArrayRef<const EncoderFamily *> rows,
                                         const Checkpoint &checkpoint) {
  for (const EncoderFamily *family : rows) {
    std::string name =
        (family->layerPrefix + "0." + family->query + ".weight").str();
    if (checkpoint.find(name) || checkpoint.find((family->prefix + name).str()))
      return *family;
  }
  return *rows.front();
}

/// The facts about the model that users and the runtime want to know.
static DictionaryAttr buildModelAttr(MLIRContext *context,
                                     const EncoderFamily &family,
                                     const EncoderConfig &config) {
  Builder builder(context);
  SmallVector<NamedAttribute> facts;
  auto add = [&](StringRef key, Attribute value) {
    facts.push_back(builder.getNamedAttr(key, value));
  };
  auto addNumber = [&](StringRef key, int64_t value) {
    add(key, builder.getI64IntegerAttr(value));
  };
  add("architecture", builder.getStringAttr(family.modelType));
  add("name", builder.getStringAttr(config.name));
  addNumber("layers", config.layers);
  addNumber("width", config.width);
  if (family.input == EncoderInput::Image)
    return builder.getDictionaryAttr(facts);
  addNumber("vocabulary", config.vocabulary);
  addNumber("context", config.positions - config.firstPosition);
  if (config.pooling) {
    add("pooling",
        builder.getStringAttr(stringifyPoolKind(config.pooling->kind)));
    add("normalized", builder.getBoolAttr(config.pooling->normalize));
  }
  return builder.getDictionaryAttr(facts);
}

llvm::Expected<ImportedModel> winnow::importEncoder(MLIRContext *context,
                                                    StringRef directory,
                                                    HuggingFaceConfig &reader) {
  llvm::Expected<std::unique_ptr<SafetensorsCheckpoint>> checkpoint =
      SafetensorsCheckpoint::open(directory);
  if (!checkpoint)
    return checkpoint.takeError();
  const EncoderFamily &family =
      chooseFamily(findEncoderFamilies(reader.getModelType()), **checkpoint);
  llvm::Expected<EncoderConfig> config =
      readEncoderConfig(reader, family, (*checkpoint)->getTensors().size());
  if (!config)
    return config.takeError();
  std::optional<TokenizerData> tokenizer;
  if (family.input == EncoderInput::Text) {
    llvm::Expected<std::optional<Pooling>> pooling = readPooling(directory);
    if (!pooling)
      return pooling.takeError();
    config->pooling = *pooling;
    auto words = readWordPiece(directory);
    if (!words)
      return words.takeError();
    tokenizer = std::move(*words);
  }
  Builder builder(context);
  OwningOpRef<ModuleOp> module(
      ModuleOp::create(NameLoc::get(builder.getStringAttr(family.modelType))));
  (*module)->setAttr(kModelAttr, buildModelAttr(context, family, *config));
  if (llvm::Error error = buildEncoder(*module, **checkpoint, family, *config))
    return std::move(error);
  if (failed(verify(*module)))
    return llvm::createStringError("the imported model is not valid");
  return ImportedModel{std::move(module), std::move(*checkpoint),
                       std::move(tokenizer)};
}
