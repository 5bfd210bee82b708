//===- SentenceTransformer.cpp - Pooling of sentence-transformers ---------===//
//
// modules.json lists what follows the transformer: 1_Pooling, with a
// config.json of its own, and perhaps a normalisation.
//
//===----------------------------------------------------------------------===//

#include "EncoderFamilies.h"
#include "Json.h"

#include "winnow/Import/Checkpoint.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace winnow;
using llvm::StringRef;
using llvm::Twine;

static llvm::Expected<PoolKind> readPoolKind(StringRef path) {
  llvm::Expected<HuggingFaceConfig> reader = HuggingFaceConfig::open(path);
  if (!reader)
    return reader.takeError();
  // Newer files name the mode, older ones have a flag for each.
  std::string mode = reader->getString("pooling_mode", "");
  for (StringRef name :
       {"cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens",
        "weightedmean_tokens", "lasttoken"}) {
    if (!reader->getFlag(("pooling_mode_" + name).str(), false))
      continue;
    if (!mode.empty())
      reader->fail("more than one pooling mode is not supported");
    mode = name.split("_tok").first.str();
  }
  if (reader->failed())
    return reader->takeError();
  if (mode == "mean")
    return PoolKind::Mean;
  if (mode == "cls")
    return PoolKind::First;
  if (mode == "max")
    return PoolKind::Max;
  if (mode == "lasttoken")
    return PoolKind::Last;
  return llvm::createStringError(path + ": the pooling mode " + quote(mode) +
                                 " is not supported; supported are mean, "
                                 "cls, max and lasttoken");
}

llvm::Expected<std::optional<Pooling>>
winnow::readPooling(StringRef directory) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, "modules.json");
  if (!llvm::sys::fs::exists(path))
    return std::nullopt;
  // The file is an array; as an object's member it is read like all others.
  auto buffer = mapRegularFile(path);
  if (!buffer)
    return buffer.takeError();
  llvm::Expected<llvm::json::Object> object = parseJsonObject(
      ("{\"modules\":" + (*buffer)->getBuffer() + "}").str(), path);
  if (!object)
    return object.takeError();
  auto fail = [&](const Twine &message) {
    return llvm::createStringError(path + ": " + message);
  };
  const llvm::json::Array *modules = object->getArray("modules");
  if (!modules)
    return fail("expects an array of modules");
  std::optional<Pooling> pooling;
  for (const llvm::json::Value &value : *modules) {
    const llvm::json::Object *module = value.getAsObject();
    std::optional<StringRef> type =
        module ? module->getString("type") : std::nullopt;
    std::optional<StringRef> folder =
        module ? module->getString("path") : std::nullopt;
    if (!type || !folder)
      return fail("expects each module to have a 'type' and a 'path'");
    StringRef kind = type->rsplit('.').second;
    if (kind == "Transformer")
      continue;
    if (kind == "Pooling" && !pooling) {
      // A folder beside modules.json.
      if (folder->empty() || folder->contains('/') || folder->contains("..") ||
          !isPlainText(*folder))
        return fail("expects the path of Pooling to be a folder's name");
      llvm::SmallString<256> config(directory);
      llvm::sys::path::append(config, *folder, "config.json");
      llvm::Expected<PoolKind> poolKind = readPoolKind(config);
      if (!poolKind)
        return poolKind.takeError();
      pooling = Pooling{*poolKind, /*normalize=*/false};
      continue;
    }
    if (kind == "Normalize" && pooling && !pooling->normalize) {
      pooling->normalize = true;
      continue;
    }
    return fail("module " + quote(*type) +
                " is not supported here; supported are Transformer, then "
                "Pooling, then Normalize");
  }
  return pooling;
}
