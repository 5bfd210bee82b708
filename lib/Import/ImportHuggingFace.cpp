//===- ImportHuggingFace.cpp - From directories to modules ----------------===//

#include "EncoderFamilies.h"
#include "ImportDecoder.h"
#include "ImportEncoder.h"

#include "winnow/Import/HuggingFaceTokenizer.h"
#include "winnow/Import/Safetensors.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace winnow;

static std::string getPath(StringRef directory, StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return std::string(path);
}

static std::string listSupportedModelTypes() {
  SmallVector<StringRef> names;
  for (const Family *family : getFamilies())
    llvm::append_range(names, family->modelTypes);
  return llvm::join(names, ", ") + ", " + listEncoderTypes();
}

static llvm::Expected<ImportedModel>
import(MLIRContext *context, StringRef directory, int64_t tokens) {
  std::string path = getPath(directory, "config.json");
  llvm::Expected<HuggingFaceConfig> reader = HuggingFaceConfig::open(path);
  if (!reader)
    return reader.takeError();
  auto fail = [&](const Twine &message) {
    return llvm::createStringError(path + ": " + message);
  };
  StringRef type = reader->getModelType();
  if (type.empty())
    return fail("the key 'model_type' is missing or no string");
  if (isEncoder(type))
    return importEncoder(context, directory, *reader);
  const Family *family = findHuggingFaceFamily(type);
  if (!family)
    return fail("model_type '" + type + "' is not supported; supported are " +
                listSupportedModelTypes());
  if (reader->has("quantization_config"))
    return fail("quantized models ('quantization_config') are not supported");

  llvm::Expected<std::unique_ptr<SafetensorsCheckpoint>> checkpoint =
      SafetensorsCheckpoint::open(directory);
  if (!checkpoint)
    return checkpoint.takeError();
  llvm::Expected<ModelConfig> config = readHuggingFaceConfig(
      *reader, *family, (*checkpoint)->getTensors().size(), tokens);
  if (!config)
    return config.takeError();
  config->name = reader->getString("_name_or_path", "");
  llvm::Expected<OwningOpRef<ModuleOp>> module =
      importDecoder(context, **checkpoint, *family, *family->huggingFaceNames,
                    *config, tokens);
  if (!module)
    return module.takeError();
  // The embedding has as many rows by now.
  llvm::Expected<std::optional<TokenizerData>> tokenizer =
      readHuggingFaceTokenizer(directory, config->vocabulary);
  if (!tokenizer)
    return tokenizer.takeError();
  return ImportedModel{std::move(*module), std::move(*checkpoint),
                       std::move(*tokenizer)};
}

FailureOr<ImportedModel>
winnow::importHuggingFace(MLIRContext *context, StringRef directory,
                          const ImportOptions &options) {
  return finishImport(context, options, [&] {
    return import(context, directory, options.context);
  });
}
