//===- ImportGguf.cpp - From GGUF files to modules ------------------------===//

#include "ImportDecoder.h"

#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace winnow;

static llvm::Expected<ImportedModel> import(MLIRContext *context,
                                            StringRef path, int64_t tokens) {
  llvm::Expected<std::unique_ptr<GgufCheckpoint>> checkpoint =
      GgufCheckpoint::open(path);
  if (!checkpoint)
    return checkpoint.takeError();
  const GgufFile &file = (*checkpoint)->getMainFile();
  auto fail = [&](const Twine &message) {
    return llvm::createStringError(file.getName() + ": " + message);
  };
  const GgufValue *key = file.find("general.architecture");
  std::optional<StringRef> architecture =
      key ? key->getString() : std::optional<StringRef>();
  if (!architecture)
    return fail("the metadata key 'general.architecture' is missing or no "
                "string");
  const Family *family = findGgufFamily(*architecture);
  if (!family)
    return fail("architecture '" + llvm::json::fixUTF8(*architecture) +
                "' is not supported; supported are " +
                listSupportedArchitectures());
  llvm::Expected<ModelConfig> config =
      readGgufConfig(file, *family, (*checkpoint)->getTensors().size(), tokens);
  if (!config)
    return config.takeError();

  // A vocabulary, where there is one, says how many rows the embedding has.
  const CheckpointTensor *embedding = (*checkpoint)->find("token_embd.weight");
  const GgufValue *pieces = file.find("tokenizer.ggml.tokens");
  if (pieces && pieces->isArray())
    config->vocabulary = pieces->size();
  else if (embedding)
    config->vocabulary = embedding->shape.front();

  llvm::Expected<std::optional<TokenizerData>> tokenizer = readTokenizer(file);
  if (!tokenizer)
    return tokenizer.takeError();
  llvm::Expected<OwningOpRef<ModuleOp>> module = importDecoder(
      context, **checkpoint, *family, *family->ggufNames, *config, tokens);
  if (!module)
    return module.takeError();
  return ImportedModel{std::move(*module), std::move(*checkpoint),
                       std::move(*tokenizer)};
}

FailureOr<ImportedModel> winnow::importGguf(MLIRContext *context,
                                            StringRef path,
                                            const ImportOptions &options) {
  return finishImport(context, options,
                      [&] { return import(context, path, options.context); });
}
