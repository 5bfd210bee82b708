//===- GgufTokenizer.cpp - Vocabularies in GGUF files ---------------------===//

#include "winnow/Import/Gguf.h"

#include "llvm/Support/JSON.h"

using namespace winnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace {

class TokenizerReader {
public:
  explicit TokenizerReader(const GgufFile &file) : file(file) {}

  Expected<TokenizerData> run(const GgufValue &model);

private:
  Error fail(const Twine &message) {
    return llvm::createStringError(file.getName() + ": " + message);
  }
  Error failAt(const GgufValue &value, StringRef key, const Twine &expected) {
    return fail("offset " + Twine(value.getOffset()) + ": " + key +
                " expects " + expected);
  }

  Error readModel(const GgufValue &value);
  Error readPieces();
  Error readScores();
  Error readTypes();
  Error readMerges();
  Error readPreTokenizer();
  /// Leaves `id` as it is if the key is absent.
  Error readId(StringRef key, int32_t &id);
  Error readFlag(StringRef key, bool &flag);
  Error readRoles();

  const GgufFile &file;
  TokenizerData data;
};

} // namespace

Error TokenizerReader::readModel(const GgufValue &value) {
  StringRef name = value.getString().value_or("");
  if (name == "llama") {
    data.model = TokenizerModel::SentencePiece;
    // The ids that SentencePiece gives them where nothing else is said.
    data.unknown = 0;
    data.bos = 1;
    data.eos = 2;
    return Error::success();
  }
  if (name == "gpt2") {
    data.model = TokenizerModel::ByteBpe;
    return Error::success();
  }
  return failAt(value, "tokenizer.ggml.model",
                "'llama' (SentencePiece) or 'gpt2' (byte-level BPE), found '" +
                    llvm::json::fixUTF8(name) + "'");
}

Error TokenizerReader::readPieces() {
  constexpr StringRef key = "tokenizer.ggml.tokens";
  const GgufValue *value = file.find(key);
  if (!value)
    return fail("the metadata key '" + key + "' is missing");
  std::optional<std::vector<StringRef>> strings = value->getStrings();
  if (!strings || strings->empty())
    return failAt(*value, key, "an array of strings");
  data.pieces.assign(strings->begin(), strings->end());
  return Error::success();
}

Error TokenizerReader::readScores() {
  constexpr StringRef key = "tokenizer.ggml.scores";
  const GgufValue *value = file.find(key);
  if (!value)
    return Error::success();
  std::optional<std::vector<float>> scores = value->getFloats();
  if (!scores)
    return failAt(*value, key, "an array of float32");
  data.scores = std::move(*scores);
  return Error::success();
}

Error TokenizerReader::readTypes() {
  constexpr StringRef key = "tokenizer.ggml.token_type";
  const GgufValue *value = file.find(key);
  if (!value)
    return Error::success();
  std::optional<std::vector<int64_t>> types = value->getIntegers();
  if (!types)
    return failAt(*value, key, "an array of integers");
  data.types.reserve(types->size());
  for (int64_t type : *types) {
    if (type < int64_t(PieceType::Normal) || type > int64_t(PieceType::Byte))
      return failAt(*value, key, "types from 1 to 6, found " + Twine(type));
    data.types.push_back(static_cast<PieceType>(type));
  }
  return Error::success();
}

Error TokenizerReader::readMerges() {
  // SentencePiece merges by score; files that list merges anyway mean the same.
  if (data.model != TokenizerModel::ByteBpe)
    return Error::success();
  constexpr StringRef key = "tokenizer.ggml.merges";
  const GgufValue *value = file.find(key);
  if (!value)
    return fail("the metadata key '" + key + "' is missing");
  std::optional<std::vector<StringRef>> strings = value->getStrings();
  if (!strings)
    return failAt(*value, key, "an array of strings");
  data.merges.assign(strings->begin(), strings->end());
  return Error::success();
}

Error TokenizerReader::readPreTokenizer() {
  constexpr StringRef key = "tokenizer.ggml.pre";
  std::string name;
  if (const GgufValue *value = file.find(key)) {
    std::optional<StringRef> text = value->getString();
    if (!text)
      return failAt(*value, key, "a string");
    name = llvm::json::fixUTF8(*text);
  }
  std::string message;
  if (!applyPreTokenizer(data, name, message))
    return fail(message);
  return Error::success();
}

Error TokenizerReader::readId(StringRef key, int32_t &id) {
  const GgufValue *value = file.find(key);
  if (!value)
    return Error::success();
  std::optional<int64_t> integer = value->getInteger();
  if (!integer)
    return failAt(*value, key, "an integer");
  // Some converters write "none" as -1 in an unsigned field.
  if (*integer == -1 || *integer == 0xffffffff) {
    id = -1;
    return Error::success();
  }
  if (*integer < 0 || static_cast<uint64_t>(*integer) >= data.pieces.size())
    return failAt(*value, key,
                  "an id below " + Twine(data.pieces.size()) + ", found " +
                      Twine(*integer));
  id = static_cast<int32_t>(*integer);
  return Error::success();
}

Error TokenizerReader::readFlag(StringRef key, bool &flag) {
  const GgufValue *value = file.find(key);
  if (!value)
    return Error::success();
  std::optional<bool> stored = value->getBool();
  if (!stored)
    return failAt(*value, key, "a bool");
  flag = *stored;
  return Error::success();
}

Error TokenizerReader::readRoles() {
  std::pair<StringRef, int32_t *> ids[] = {
      {"tokenizer.ggml.bos_token_id", &data.bos},
      {"tokenizer.ggml.eos_token_id", &data.eos},
      {"tokenizer.ggml.unknown_token_id", &data.unknown},
      {"tokenizer.ggml.padding_token_id", &data.padding}};
  for (auto [key, id] : ids)
    if (Error error = readId(key, *id))
      return error;
  for (StringRef key :
       {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    int32_t id = -1;
    if (Error error = readId(key, id))
      return error;
    if (id >= 0)
      data.endOfGeneration.push_back(id);
  }
  std::pair<StringRef, bool *> flags[] = {
      {"tokenizer.ggml.add_bos_token", &data.addBos},
      {"tokenizer.ggml.add_eos_token", &data.addEos},
      {"tokenizer.ggml.add_space_prefix", &data.addSpacePrefix}};
  for (auto [key, flag] : flags)
    if (Error error = readFlag(key, *flag))
      return error;
  return Error::success();
}

Expected<TokenizerData> TokenizerReader::run(const GgufValue &model) {
  if (Error error = readModel(model))
    return error;
  for (auto step :
       {&TokenizerReader::readPieces, &TokenizerReader::readScores,
        &TokenizerReader::readTypes, &TokenizerReader::readMerges,
        &TokenizerReader::readPreTokenizer, &TokenizerReader::readRoles})
    if (Error error = (this->*step)())
      return error;
  // Ids that SentencePiece would give may not exist in a small vocabulary.
  for (int32_t *id : {&data.bos, &data.eos, &data.unknown})
    if (*id >= 0 && static_cast<size_t>(*id) >= data.pieces.size())
      *id = -1;
  if (const GgufValue *chat = file.find("tokenizer.chat_template"))
    data.chatTemplate = chat->getString().value_or("").str();
  completeTokenizerData(data);
  if (std::optional<std::string> problem = checkTokenizerData(data))
    return fail("vocabulary: " + *problem);
  return std::move(data);
}

Expected<std::optional<TokenizerData>>
winnow::readTokenizer(const GgufFile &file) {
  const GgufValue *model = file.find("tokenizer.ggml.model");
  // "no_vocab" is how converters say that the ids are somebody else's.
  if (!model || model->getString() == "no_vocab" ||
      model->getString() == "none")
    return std::nullopt;
  Expected<TokenizerData> data = TokenizerReader(file).run(*model);
  if (!data)
    return data.takeError();
  return std::optional<TokenizerData>(std::move(*data));
}
