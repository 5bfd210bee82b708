//===- WordPieceFile.cpp - WordPiece vocabularies of Hugging Face ---------===//

#include "ImportEncoder.h"
#include "Json.h"
#include "TextRules.h"

#include "winnow/Import/Checkpoint.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace winnow;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// Reads a vocabulary. The first error is kept.
class WordPieceReader {
public:
  explicit WordPieceReader(StringRef path) : path(path) {
    data.model = TokenizerModel::WordPiece;
    data.addSpacePrefix = true;
  }

  void readTokenizer(const llvm::json::Object &file);
  void readVocabTxt(StringRef text, llvm::json::Object settings);

  llvm::Expected<std::optional<TokenizerData>> take() {
    if (firstError.empty())
      if (auto problem = checkTokenizerData(data))
        fail(*problem);
    if (!firstError.empty())
      return llvm::createStringError(firstError);
    return std::move(data);
  }

private:
  void fail(const Twine &message) {
    if (firstError.empty())
      firstError = (path + ": " + message).str();
  }
  /// The id of a piece; an error if there is none.
  int32_t require(StringRef piece, StringRef role) {
    int32_t id = find(piece);
    if (id < 0)
      fail("the vocabulary lacks the " + role + " token " + quote(piece));
    return id;
  }
  int32_t find(StringRef piece) {
    auto it = idOfPiece.find(piece);
    return it == idOfPiece.end() ? -1 : it->second;
  }
  void setPiece(StringRef piece, int64_t id, size_t limit);
  void setControl(StringRef piece) {
    if (int32_t id = find(piece); id >= 0)
      data.types[id] = PieceType::Control;
  }
  void readNormalizer(const llvm::json::Object &normalizer);
  void readTemplate(const llvm::json::Object *processor);

  StringRef path;
  TokenizerData data;
  llvm::StringMap<int32_t> idOfPiece;
  std::string firstError;
};

} // namespace

/// Ids are dense: `limit` bounds them.
void WordPieceReader::setPiece(StringRef piece, int64_t id, size_t limit) {
  if (id < 0 || static_cast<uint64_t>(id) >= limit)
    return fail("the id " + Twine(id) + " of " + quote(piece) +
                " is not below the number of pieces, " + Twine(limit));
  size_t index = static_cast<size_t>(id);
  if (data.pieces.size() <= index) {
    data.pieces.resize(index + 1);
    data.types.resize(index + 1, PieceType::Unused);
  }
  if (data.types[index] != PieceType::Unused && data.pieces[index] != piece)
    return fail("the pieces " + quote(data.pieces[index]) + " and " +
                quote(piece) + " have the same id " + Twine(id));
  data.pieces[index] = piece.str();
  data.types[index] = PieceType::Normal;
  // Of equal texts the first one counts.
  idOfPiece.try_emplace(piece, static_cast<int32_t>(id));
}

void WordPieceReader::readNormalizer(const llvm::json::Object &normalizer) {
  if (normalizer.getString("type") != "BertNormalizer")
    return fail("the normalizer is supported as BertNormalizer only");
  auto flag = [&](StringRef key, bool fallback) {
    return normalizer.getBoolean(key).value_or(fallback);
  };
  data.bert.cleanText = flag("clean_text", true);
  data.bert.separateChinese = flag("handle_chinese_chars", true);
  data.bert.lowercase = flag("lowercase", true);
  // null: as lower case.
  data.bert.stripAccents = flag("strip_accents", data.bert.lowercase);
}

/// Which tokens go around a text. The roles' names are those of the file.
void WordPieceReader::readTemplate(const llvm::json::Object *processor) {
  if (!processor)
    return;
  StringRef type = processor->getString("type").value_or("");
  StringRef first, last;
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    auto name = [&](StringRef key) -> StringRef {
      const llvm::json::Array *pair = processor->getArray(key);
      if (pair && pair->size() == 2)
        return (*pair)[0].getAsString().value_or("");
      return "";
    };
    first = name("cls");
    last = name("sep");
  } else if (type == "TemplateProcessing") {
    const llvm::json::Array *parts = processor->getArray("single");
    auto special = [&](size_t i) -> StringRef {
      const llvm::json::Object *part = (*parts)[i].getAsObject();
      part = part ? part->getObject("SpecialToken") : nullptr;
      return part ? part->getString("id").value_or("") : "";
    };
    if (parts && parts->size() == 3) {
      first = special(0);
      last = special(2);
    }
  }
  if (first.empty() || last.empty())
    return fail("the post-processor is supported where it puts one token "
                "before a text and one behind it");
  data.bos = require(first, "first");
  data.eos = require(last, "last");
  data.addBos = data.addEos = true;
}

void WordPieceReader::readTokenizer(const llvm::json::Object &file) {
  const llvm::json::Object *model = file.getObject("model");
  const llvm::json::Object *vocabulary =
      model ? model->getObject("vocab") : nullptr;
  if (!vocabulary || model->getString("type") != "WordPiece")
    return fail("the model is supported as WordPiece only");
  if (model->getString("continuing_subword_prefix").value_or("##") != "##")
    return fail("continuing_subword_prefix is supported as ## only");
  if (getInteger(model->get("max_input_chars_per_word")).value_or(100) != 100)
    return fail("max_input_chars_per_word is supported as 100 only");
  data.leftmostTokens = true;
  const llvm::json::Array *added = file.getArray("added_tokens");
  size_t limit = vocabulary->size() + (added ? added->size() : 0);
  for (const auto &[piece, id] : *vocabulary)
    setPiece(piece.str(), getInteger(&id).value_or(-1), limit);
  if (added)
    for (const llvm::json::Value &value : *added) {
      const llvm::json::Object *token = value.getAsObject();
      std::optional<StringRef> text =
          token ? token->getString("content") : std::nullopt;
      if (!text || text->empty())
        return fail("expects each added token to have a 'content'");
      setPiece(*text, getInteger(token->get("id")).value_or(-1), limit);
      if (!firstError.empty())
        return;
      data.types[*getInteger(token->get("id"))] =
          token->getBoolean("special").value_or(false) ? PieceType::Control
                                                       : PieceType::UserDefined;
      uint8_t rules = readTokenRules(*token);
      if (rules & InNormalizedText)
        return fail("added token " + quote(*text) +
                    ": 'normalized' is not supported with WordPiece");
      data.tokenRules.resize(data.pieces.size());
      data.tokenRules[*getInteger(token->get("id"))] = rules;
    }
  data.tokenRules.resize(data.pieces.size());
  if (!firstError.empty())
    return;
  const llvm::json::Object *normalizer = file.getObject("normalizer");
  const llvm::json::Object *splitter = file.getObject("pre_tokenizer");
  if (!normalizer)
    return fail("there is no normalizer; BertNormalizer is supported");
  readNormalizer(*normalizer);
  if (!splitter || splitter->getString("type") != "BertPreTokenizer")
    return fail("the pre_tokenizer is supported as BertPreTokenizer only");
  data.unknown =
      require(model->getString("unk_token").value_or("[UNK]"), "unknown");
  data.padding = find("[PAD]");
  readTemplate(file.getObject("post_processor"));
}

void WordPieceReader::readVocabTxt(StringRef text,
                                   llvm::json::Object settings) {
  llvm::SmallVector<StringRef> lines;
  text.split(lines, '\n');
  if (!lines.empty() && lines.back().empty())
    lines.pop_back();
  for (auto [id, line] : llvm::enumerate(lines))
    setPiece(line.rtrim('\r'), static_cast<int64_t>(id), lines.size());
  if (!firstError.empty())
    return;
  auto name = [&](StringRef key, StringRef fallback) {
    return settings.getString(key).value_or(fallback);
  };
  StringRef unknown = name("unk_token", "[UNK]"),
            first = name("cls_token", "[CLS]"),
            last = name("sep_token", "[SEP]"),
            padding = name("pad_token", "[PAD]"),
            mask = name("mask_token", "[MASK]");
  for (StringRef piece : {unknown, first, last, padding, mask})
    setControl(piece);
  data.unknown = require(unknown, "unknown");
  data.bos = require(first, "first");
  data.eos = require(last, "last");
  data.padding = find(padding);
  data.addBos = data.addEos = true;
  auto flag = [&](StringRef key, bool fallback) {
    return settings.getBoolean(key).value_or(fallback);
  };
  data.bert.lowercase = flag("do_lower_case", true);
  data.bert.stripAccents = flag("strip_accents", data.bert.lowercase);
  data.bert.separateChinese = flag("tokenize_chinese_chars", true);
}

llvm::Expected<std::optional<TokenizerData>>
winnow::readWordPiece(StringRef directory) {
  auto pathOf = [&](StringRef name) {
    llvm::SmallString<256> path(directory);
    llvm::sys::path::append(path, name);
    return std::string(path);
  };
  std::string path = pathOf("tokenizer.json");
  if (llvm::sys::fs::exists(path)) {
    llvm::Expected<llvm::json::Object> file = readJsonObject(path);
    if (!file)
      return file.takeError();
    WordPieceReader reader(path);
    reader.readTokenizer(*file);
    return reader.take();
  }
  path = pathOf("vocab.txt");
  if (!llvm::sys::fs::exists(path))
    return std::nullopt;
  auto buffer = mapRegularFile(path);
  if (!buffer)
    return buffer.takeError();
  llvm::json::Object settings;
  if (std::string other = pathOf("tokenizer_config.json");
      llvm::sys::fs::exists(other)) {
    llvm::Expected<llvm::json::Object> file = readJsonObject(other);
    if (!file)
      return file.takeError();
    settings = std::move(*file);
  }
  WordPieceReader reader(path);
  reader.readVocabTxt((*buffer)->getBuffer(), std::move(settings));
  return reader.take();
}
