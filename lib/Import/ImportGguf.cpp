//===- ImportGguf.cpp - From GGUF files to modules ------------------------===//

#include "DecoderBuilder.h"
#include "Families.h"
#include "ParamTable.h"

#include "winnow/Import/Import.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace winnow;

void winnow::loadImportDialects(MLIRContext &context) {
  context.loadDialect<WinnowDialect, arith::ArithDialect, func::FuncDialect,
                      linalg::LinalgDialect, math::MathDialect,
                      tensor::TensorDialect>();
}

/// The facts about the model that users and the runtime want to know.
static DictionaryAttr
buildModelAttr(Builder &builder, const ModelConfig &config, int64_t context) {
  auto number = [&](int64_t value) { return builder.getI64IntegerAttr(value); };
  return builder.getDictionaryAttr({
      builder.getNamedAttr("architecture",
                           builder.getStringAttr(config.architecture)),
      builder.getNamedAttr("name", builder.getStringAttr(config.name)),
      builder.getNamedAttr("context", number(context)),
      builder.getNamedAttr("trained_context", number(config.context)),
      builder.getNamedAttr("layers", number(config.layers.size())),
      builder.getNamedAttr("width", number(config.width)),
      builder.getNamedAttr("vocabulary", number(config.vocabulary)),
  });
}

/// Reads the architecture, the configuration and the vocabulary's size.
static llvm::Expected<std::pair<const Family *, ModelConfig>>
readModel(const GgufCheckpoint &checkpoint) {
  const GgufFile &file = checkpoint.getMainFile();
  auto fail = [&](const Twine &message) {
    return llvm::createStringError(file.getName() + ": " + message);
  };
  const GgufValue *key = file.find("general.architecture");
  std::optional<StringRef> architecture =
      key ? key->getString() : std::optional<StringRef>();
  if (!architecture)
    return fail("the metadata key 'general.architecture' is missing or no "
                "string");
  const Family *family = findFamily(*architecture);
  if (!family)
    return fail("architecture '" + llvm::json::fixUTF8(*architecture) +
                "' is not supported; supported are " +
                listSupportedArchitectures());
  llvm::Expected<ModelConfig> config =
      readGgufConfig(file, *family, checkpoint.getTensors().size());
  if (!config)
    return config.takeError();

  // A vocabulary, where there is one, says how many rows the embedding has.
  const CheckpointTensor *embedding = checkpoint.find("token_embd.weight");
  const GgufValue *tokens = file.find("tokenizer.ggml.tokens");
  if (tokens && tokens->isArray())
    config->vocabulary = tokens->size();
  else if (embedding)
    config->vocabulary = embedding->shape.front();
  return std::pair(family, std::move(*config));
}

FailureOr<ImportedModel> winnow::importGguf(MLIRContext *context,
                                            StringRef path,
                                            const ImportOptions &options) {
  loadImportDialects(*context);
  auto fail = [&](llvm::Error error) {
    return emitError(UnknownLoc::get(context),
                     llvm::toString(std::move(error)));
  };
  if (options.context < 1)
    return emitError(UnknownLoc::get(context),
                     "the context expects at least one token, found " +
                         Twine(options.context));
  llvm::Expected<std::unique_ptr<GgufCheckpoint>> checkpoint =
      GgufCheckpoint::open(path);
  if (!checkpoint)
    return fail(checkpoint.takeError());
  auto model = readModel(**checkpoint);
  if (!model)
    return fail(model.takeError());
  auto &[family, config] = *model;

  llvm::Expected<std::optional<TokenizerData>> tokenizer =
      readTokenizer((*checkpoint)->getMainFile());
  if (!tokenizer)
    return fail(tokenizer.takeError());

  Builder builder(context);
  OwningOpRef<ModuleOp> module(ModuleOp::create(
      NameLoc::get(builder.getStringAttr(config.architecture))));
  int64_t tokens = std::min(options.context, config.context);
  (*module)->setAttr(kModelAttr, buildModelAttr(builder, config, tokens));
  if (llvm::Error error = declareParams(*module, **checkpoint, *family, config))
    return fail(std::move(error));
  buildDecoder(*module, config, tokens);
  if (failed(verify(*module)))
    return failure();
  return ImportedModel{std::move(module), std::move(*checkpoint),
                       std::move(*tokenizer)};
}
