//===- HuggingFaceTokenizer.cpp - tokenizer.json and its like -------------===//

#include "winnow/Import/HuggingFaceTokenizer.h"

#include "Json.h"
#include "TextRules.h"

#include "winnow/Import/Checkpoint.h"
#include "winnow/Import/HuggingFaceConfig.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace winnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

static std::string getPath(StringRef directory, StringRef name) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, name);
  return std::string(path);
}

namespace {

/// Reads tokenizer.json; messages name what is wrong but not the file.
class TokenizerReader {
public:
  TokenizerReader(const Object &tokenizer, size_t vocabulary)
      : tokenizer(tokenizer), vocabulary(vocabulary) {}

  Expected<TokenizerData> run() {
    const Object *model = tokenizer.getObject("model");
    if (!model)
      return llvm::createStringError("'model' is missing");
    StringRef type = model->getString("type").value_or("");
    if (type != "BPE")
      return llvm::createStringError("tokenizer model " + quote(type) +
                                     " is not supported; supported is BPE");
    data.leftmostTokens = true;
    if (Error error = readBpe(*model))
      return std::move(error);
    if (Error error = readAddedTokens())
      return std::move(error);
    if (Error error = readPostProcessor(tokenizer, data))
      return std::move(error);
    return std::move(data);
  }

private:
  Error readBpe(const Object &model);
  Error readVocabulary(const Object &vocab);
  Error readMerges(const Array &merges);
  Error readAddedTokens();

  const Object &tokenizer;
  size_t vocabulary;
  TextRules rules;
  TokenizerData data;
};

} // namespace

Error TokenizerReader::readBpe(const Object &model) {
  Expected<TextRules> read = readTextRules(tokenizer, data);
  if (!read)
    return read.takeError();
  rules = *read;
  data.model = rules.isByteLevel ? TokenizerModel::ByteBpe
                                 : TokenizerModel::SentencePiece;
  for (StringRef key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!model.getString(key).value_or("").empty())
      return llvm::createStringError("'model." + key + "' is not supported");
  if (model.getNumber("dropout").value_or(0) != 0)
    return llvm::createStringError("'model.dropout' is not supported");
  data.ignoreMerges = model.getBoolean("ignore_merges").value_or(false);
  if (data.ignoreMerges && !rules.isByteLevel)
    return llvm::createStringError(
        "'model.ignore_merges' is supported with 'ByteLevel' alone");
  const Object *vocab = model.getObject("vocab");
  const Array *merges = model.getArray("merges");
  if (!vocab || !merges)
    return llvm::createStringError(
        "'model' expects an object 'vocab' and an array 'merges'");
  if (Error error = readVocabulary(*vocab))
    return error;
  if (Error error = readMerges(*merges))
    return error;
  if (rules.isByteLevel)
    return Error::success();
  if (!model.getBoolean("byte_fallback").value_or(false))
    return llvm::createStringError("a 'model' without byte_fallback is "
                                   "supported with 'ByteLevel' alone");
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string name = llvm::formatv("<0x{0:X-2}>", byte);
    std::optional<int64_t> id = getInteger(vocab->get(name));
    if (!id)
      return llvm::createStringError("'model.vocab' lacks the byte " + name);
    data.types[*id] = PieceType::Byte;
  }
  return Error::success();
}

Error TokenizerReader::readVocabulary(const Object &vocab) {
  // No id can be larger than the number of rows it chooses from.
  for (const Object::value_type &entry : vocab) {
    std::optional<int64_t> id = getInteger(&entry.second);
    if (!id || *id < 0 || size_t(*id) >= vocabulary)
      return llvm::createStringError("the id of " + quote(entry.first) +
                                     " in 'model.vocab' expects an "
                                     "integer below the " +
                                     Twine(vocabulary) +
                                     " rows of the embedding");
    if (size_t(*id) >= data.pieces.size())
      data.pieces.resize(*id + 1);
    std::string &piece = data.pieces[*id];
    if (!piece.empty())
      return llvm::createStringError("'model.vocab' has the id " + Twine(*id) +
                                     " twice");
    piece = StringRef(entry.first).str();
  }
  data.types.assign(data.pieces.size(), PieceType::Normal);
  return Error::success();
}

Error TokenizerReader::readMerges(const Array &merges) {
  for (const Value &value : merges) {
    if (std::optional<StringRef> text = value.getAsString()) {
      data.merges.push_back(text->str());
      continue;
    }
    const Array *pair = value.getAsArray();
    std::optional<StringRef> left, right;
    if (pair && pair->size() == 2) {
      left = (*pair)[0].getAsString();
      right = (*pair)[1].getAsString();
    }
    if (!left || !right || left->empty() || right->empty() ||
        left->contains(' ') || right->contains(' '))
      return llvm::createStringError(
          "merge " + Twine(data.merges.size()) +
          " expects two pieces without spaces in them");
    data.merges.push_back((*left + " " + *right).str());
  }
  return Error::success();
}

Error TokenizerReader::readAddedTokens() {
  const Array none, *added = tokenizer.getArray("added_tokens");
  for (const Value &value : added ? *added : none) {
    const Object *token = value.getAsObject();
    std::optional<StringRef> text =
        token ? token->getString("content") : std::nullopt;
    std::optional<int64_t> id =
        token ? getInteger(token->get("id")) : std::nullopt;
    if (!text || text->empty() || !id || *id < 0)
      return llvm::createStringError(
          "'added_tokens' expects objects with 'id' and 'content'");
    if (size_t(*id) >= vocabulary)
      continue;
    if (size_t(*id) >= data.pieces.size()) {
      data.pieces.resize(*id + 1);
      data.types.resize(*id + 1, PieceType::Normal);
    }
    data.pieces[*id] = text->str();
    data.types[*id] = token->getBoolean("special").value_or(false)
                          ? PieceType::Control
                          : PieceType::UserDefined;
    data.tokenRules.resize(data.pieces.size());
    data.tokenRules[*id] = readTokenRules(*token);
  }
  data.tokenRules.resize(data.pieces.size());
  // Ids that nothing names exist all the same.
  for (auto [id, piece] : llvm::enumerate(data.pieces))
    if (piece.empty()) {
      piece = "[UNUSED_" + std::to_string(id) + "]";
      data.types[id] = PieceType::Unused;
    }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The files beside tokenizer.json
//===----------------------------------------------------------------------===//

/// The id of a token that tokenizer_config.json names, as a string or as an
/// object with its "content"; -1 if it names none.
static int32_t findRole(const HuggingFaceConfig &config,
                        const TokenizerData &data, const Twine &key) {
  std::optional<Value> value = config.lookUp(key.str());
  if (value && value->getAsObject())
    value = config.lookUp((key + ".content").str());
  std::optional<StringRef> text =
      value ? value->getAsString() : std::optional<StringRef>();
  if (!text)
    return -1;
  auto found = llvm::find(data.pieces, text->str());
  return found == data.pieces.end() ? -1 : found - data.pieces.begin();
}

/// The chat template: a string, or the one called "default" of several.
static std::string readChatTemplate(const HuggingFaceConfig &config) {
  std::optional<Value> value = config.lookUp("chat_template");
  if (!value)
    return "";
  if (const Array *choices = value->getAsArray())
    for (const Value &choice : *choices)
      if (const Object *object = choice.getAsObject();
          object && object->getString("name") == "default")
        return object->getString("template").value_or("").str();
  return value->getAsString().value_or("").str();
}

static Error readTokenizerConfig(StringRef directory, TokenizerData &data) {
  std::string path = getPath(directory, "chat_template.jinja");
  if (llvm::sys::fs::exists(path)) {
    auto text = mapRegularFile(path);
    if (!text)
      return text.takeError();
    if (!llvm::json::isUTF8((*text)->getBuffer()))
      return llvm::createStringError(path + ": not UTF-8");
    data.chatTemplate = (*text)->getBuffer().str();
  }
  path = getPath(directory, "tokenizer_config.json");
  if (!llvm::sys::fs::exists(path))
    return Error::success();
  Expected<HuggingFaceConfig> config = HuggingFaceConfig::open(path);
  if (!config)
    return config.takeError();
  std::pair<StringRef, int32_t *> roles[] = {{"bos_token", &data.bos},
                                             {"eos_token", &data.eos},
                                             {"unk_token", &data.unknown},
                                             {"pad_token", &data.padding}};
  for (auto [key, id] : roles)
    if (*id < 0)
      *id = findRole(*config, data, key);
  if (data.chatTemplate.empty())
    data.chatTemplate = readChatTemplate(*config);
  return Error::success();
}

/// Ids that end generation: of generation_config.json, or else of config.json.
static Error readEnds(StringRef directory, TokenizerData &data) {
  for (StringRef name : {"generation_config.json", "config.json"}) {
    std::string path = getPath(directory, name);
    if (!data.endOfGeneration.empty() || !llvm::sys::fs::exists(path))
      continue;
    Expected<HuggingFaceConfig> config = HuggingFaceConfig::open(path);
    if (!config)
      return config.takeError();
    std::optional<Value> value = config->lookUp("eos_token_id");
    if (!value)
      continue;
    Array one({*value});
    for (const Value &element :
         value->getAsArray() ? *value->getAsArray() : one) {
      std::optional<int64_t> id = getInteger(&element);
      if (!id || *id < 0 || *id > INT32_MAX)
        return llvm::createStringError(
            path + ": eos_token_id expects an id or an array of ids");
      if (size_t(*id) < data.pieces.size())
        data.endOfGeneration.push_back(static_cast<int32_t>(*id));
    }
  }
  if (data.eos < 0 && !data.endOfGeneration.empty())
    data.eos = data.endOfGeneration.front();
  if (data.eos >= 0)
    data.endOfGeneration.push_back(data.eos);
  llvm::sort(data.endOfGeneration);
  data.endOfGeneration.erase(
      std::unique(data.endOfGeneration.begin(), data.endOfGeneration.end()),
      data.endOfGeneration.end());
  return Error::success();
}

Expected<std::optional<TokenizerData>>
winnow::readHuggingFaceTokenizer(StringRef directory, size_t vocabulary) {
  std::string path = getPath(directory, "tokenizer.json");
  if (!llvm::sys::fs::exists(path))
    return std::nullopt;
  auto fail = [&](Error error) {
    return llvm::createStringError(path + ": " +
                                   llvm::toString(std::move(error)));
  };
  Expected<Object> tokenizer = readJsonObject(path);
  if (!tokenizer)
    return tokenizer.takeError();
  Expected<TokenizerData> data = TokenizerReader(*tokenizer, vocabulary).run();
  if (!data)
    return fail(data.takeError());
  if (Error error = readTokenizerConfig(directory, *data))
    return std::move(error);
  if (Error error = readEnds(directory, *data))
    return std::move(error);
  // Expressions are compiled where text is encoded; try that now.
  std::string problem;
  if (!Tokenizer::create(*data, problem))
    return fail(llvm::createStringError(problem));
  return std::optional<TokenizerData>(std::move(*data));
}
