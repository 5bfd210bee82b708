//===- Tokenizer.cpp - Text to ids and back -------------------------------===//

#include "winnow/Tokenizer/Tokenizer.h"
#include "AddedTokens.h"
#include "ByteBpe.h"
#include "Compose.h"
#include "MappedFile.h"
#include "SentencePiece.h"
#include "WordPiece.h"

#include <algorithm>
#include <unordered_set>

using namespace winnow;

static constexpr std::string_view spaceMarker = "\xe2\x96\x81";
/// Positions in a text are 32-bit numbers, and a space takes three bytes.
static constexpr size_t longestText = INT32_MAX / 3;

struct Tokenizer::Implementation {
  /// Reads \p bytes, which live in `owned` or `mapped`.
  bool load(std::string_view bytes, std::string &error);

  bool inRange(int32_t id) const {
    return id >= 0 && static_cast<uint32_t>(id) < vocabulary.file.pieceCount();
  }
  /// \p text as tokens are looked for in it for the second time.
  std::string normalize(std::string_view text, bool prefix) const;
  /// Appends the ids of \p text, which is normalized and in which no special
  /// token is looked for. Words that start before \p prefixEnd get the space
  /// prefix.
  void encodePlain(std::string_view text, size_t prefixEnd,
                   std::vector<int32_t> &ids) const;

  std::string owned;
  MappedFile mapped;
  Vocabulary vocabulary;
  std::unique_ptr<SentencePiece> sentencePiece;
  /// Cuts what SentencePiece encodes.
  PreTokenizer preTokenizer;
  std::unique_ptr<ByteBpe> byteBpe;
  std::unique_ptr<WordPiece> wordPiece;
  AddedTokens addedTokens;
  std::unordered_set<int32_t> endOfGeneration;
};

bool Tokenizer::Implementation::load(std::string_view bytes,
                                     std::string &error) {
  TokenizerFile &file = vocabulary.file;
  if (!file.read(bytes, error))
    return false;
  vocabulary.index();
  if (file.model == TokenizerModel::SentencePiece) {
    sentencePiece = std::make_unique<SentencePiece>(vocabulary);
    if (!preTokenizer.addAll(file, error))
      return false;
  } else if (file.model == TokenizerModel::WordPiece) {
    wordPiece = std::make_unique<WordPiece>(vocabulary);
  } else {
    byteBpe = std::make_unique<ByteBpe>(vocabulary);
    if (!byteBpe->build(error))
      return false;
  }

  addedTokens.build(vocabulary, [&](std::string_view text) {
    return normalize(text, file.addSpacePrefix);
  });
  for (uint32_t i = 0; i < file.endOfGenerationCount(); ++i)
    endOfGeneration.insert(file.endOfGeneration(i));
  return true;
}

Tokenizer::Tokenizer(std::unique_ptr<Implementation> implementation)
    : impl(std::move(implementation)) {}

Tokenizer::~Tokenizer() = default;

std::unique_ptr<Tokenizer> Tokenizer::open(const std::string &path,
                                           std::string &error) {
  auto implementation = std::make_unique<Implementation>();
  if (!implementation->mapped.open(path, error))
    return nullptr;
  if (!implementation->load(implementation->mapped.bytes(), error)) {
    error = "'" + path + "': " + error;
    return nullptr;
  }
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(implementation)));
}

std::unique_ptr<Tokenizer> Tokenizer::fromBytes(std::string bytes,
                                                std::string &error) {
  auto implementation = std::make_unique<Implementation>();
  implementation->owned = std::move(bytes);
  if (!implementation->load(implementation->owned, error))
    return nullptr;
  return std::unique_ptr<Tokenizer>(new Tokenizer(std::move(implementation)));
}

std::unique_ptr<Tokenizer> Tokenizer::create(const TokenizerData &data,
                                             std::string &error) {
  if (std::optional<std::string> problem = checkTokenizerData(data)) {
    error = std::move(*problem);
    return nullptr;
  }
  return fromBytes(serialize(data), error);
}

//===----------------------------------------------------------------------===//
// Text to ids
//===----------------------------------------------------------------------===//

/// Appends \p text with U+2581 for each space.
static void appendMarked(std::string &marked, std::string_view text) {
  for (char byte : text)
    if (byte == ' ')
      marked += spaceMarker;
    else
      marked.push_back(byte);
}

std::string Tokenizer::Implementation::normalize(std::string_view text,
                                                 bool prefix) const {
  const TokenizerFile &file = vocabulary.file;
  std::string composed;
  if (file.compose) {
    composed = winnow::compose(text);
    text = composed;
  }
  std::string result;
  if (prefix && file.prefixesFirst)
    result += spaceMarker;
  if (file.marksSpacesFirst)
    appendMarked(result, text);
  else
    result += text;
  return result;
}

void Tokenizer::Implementation::encodePlain(std::string_view text,
                                            size_t prefixEnd,
                                            std::vector<int32_t> &ids) const {
  const TokenizerFile &file = vocabulary.file;
  if (byteBpe) {
    std::string prefixed;
    if (prefixEnd > 0 && file.prefixUnlessSpace && text.front() != ' ')
      text = (prefixed = " ").append(text);
    byteBpe->encode(text, ids);
    return;
  }
  if (wordPiece) {
    wordPiece->encode(text, ids);
    return;
  }
  auto encodeWords = [&](std::string_view marked) {
    if (preTokenizer.empty() || file.cutsBeforePrefix) {
      sentencePiece->encode(marked, ids);
      return;
    }
    for (Stretch word : preTokenizer.split(marked))
      sentencePiece->encode(marked.substr(word.begin, word.end - word.begin),
                            ids);
  };
  std::string marked;
  auto encodeStretch = [&](Stretch stretch) {
    std::string_view part =
        text.substr(stretch.begin, stretch.end - stretch.begin);
    marked.clear();
    if (stretch.begin < prefixEnd &&
        !(file.prefixUnlessSpace &&
          (part.front() == ' ' ||
           part.substr(0, spaceMarker.size()) == spaceMarker)))
      marked += spaceMarker;
    appendMarked(marked, part);
    std::string_view rest = marked;
    while (file.cutsAtSpaces && !rest.empty()) {
      size_t end = std::min(rest.find(spaceMarker, 1), rest.size());
      encodeWords(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    if (!rest.empty())
      encodeWords(rest);
  };
  if (!file.cutsBeforePrefix)
    return encodeStretch({0, text.size()});
  for (Stretch word : preTokenizer.split(text))
    encodeStretch(word);
}

std::vector<int32_t> Tokenizer::encode(std::string_view text,
                                       const EncodeOptions &options) const {
  const TokenizerFile &file = impl->vocabulary.file;
  std::vector<int32_t> ids;
  if (text.size() > longestText)
    return ids;
  if (options.addBos && file.addBos)
    ids.push_back(file.bos);

  for (const AddedTokens::Part &part :
       impl->addedTokens.cut(text, options.parseSpecial)) {
    if (part.id >= 0) {
      ids.push_back(part.id);
      continue;
    }
    bool prefix =
        file.addSpacePrefix && !(file.prefixFirstTextOnly && part.begin > 0);
    std::string normalized =
        impl->normalize(text.substr(part.begin, part.end - part.begin), prefix);
    for (const AddedTokens::Part &inner :
         impl->addedTokens.cutNormalized(normalized, options.parseSpecial)) {
      if (inner.id >= 0) {
        ids.push_back(inner.id);
        continue;
      }
      bool prefixHere = prefix && !file.prefixesFirst &&
                        !(file.prefixFirstTextOnly && inner.begin > 0);
      size_t size = inner.end - inner.begin;
      impl->encodePlain(std::string_view(normalized).substr(inner.begin, size),
                        !prefixHere                ? 0
                        : file.prefixFirstTextOnly ? 1
                                                   : size,
                        ids);
    }
  }

  if (options.addEos && file.addEos)
    ids.push_back(file.eos);
  return ids;
}

//===----------------------------------------------------------------------===//
// Ids to text
//===----------------------------------------------------------------------===//

std::string Tokenizer::decodeToken(int32_t id, bool renderSpecial) const {
  if (!impl->inRange(id))
    return {};
  std::string_view text = piece(id);
  switch (impl->vocabulary.file.type(static_cast<uint32_t>(id))) {
  case PieceType::Unknown:
  case PieceType::Control:
    return renderSpecial ? std::string(text) : std::string();
  case PieceType::UserDefined:
    return std::string(text);
  case PieceType::Unused:
    return {};
  case PieceType::Byte:
    if (int byte = byteOfPiece(text); byte >= 0)
      return std::string(1, static_cast<char>(byte));
    return std::string(text);
  case PieceType::Normal:
    break;
  }
  if (impl->byteBpe)
    return decodeByteLevel(text);
  if (impl->wordPiece)
    return WordPiece::decode(text);
  std::string plain;
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at, spaceMarker.size()) == spaceMarker) {
      plain.push_back(' ');
      at += spaceMarker.size();
    } else {
      plain.push_back(text[at++]);
    }
  }
  return plain;
}

std::string Tokenizer::decode(const std::vector<int32_t> &ids,
                              const DecodeOptions &options) const {
  std::string text;
  // The prefix goes in front of text that starts the sequence or follows a
  // special token.
  bool strip = options.stripSpacePrefix && addsSpacePrefix();
  bool afterSpecial = true;
  for (int32_t id : ids) {
    if (!impl->inRange(id))
      continue;
    PieceType type = impl->vocabulary.file.type(static_cast<uint32_t>(id));
    bool special = type == PieceType::Control || type == PieceType::Unknown ||
                   type == PieceType::UserDefined;
    std::string bytes = decodeToken(id, options.renderSpecial);
    if (strip && afterSpecial && !special && !bytes.empty() && bytes[0] == ' ')
      bytes.erase(0, 1);
    text += bytes;
    afterSpecial = special;
  }
  return text;
}

//===----------------------------------------------------------------------===//
// What the vocabulary says
//===----------------------------------------------------------------------===//

bool Tokenizer::isEndOfGeneration(int32_t id) const {
  return impl->endOfGeneration.count(id) != 0;
}

bool Tokenizer::isControl(int32_t id) const {
  if (!impl->inRange(id))
    return false;
  PieceType type = impl->vocabulary.file.type(static_cast<uint32_t>(id));
  return type == PieceType::Control || type == PieceType::Unknown;
}

int32_t Tokenizer::vocabularySize() const {
  return static_cast<int32_t>(impl->vocabulary.file.pieceCount());
}

std::string_view Tokenizer::piece(int32_t id) const {
  return impl->inRange(id) ? impl->vocabulary(static_cast<uint32_t>(id))
                           : std::string_view();
}

int32_t Tokenizer::findPiece(std::string_view text) const {
  return impl->vocabulary.findPiece(text);
}

TokenizerModel Tokenizer::model() const { return impl->vocabulary.file.model; }
int32_t Tokenizer::bos() const { return impl->vocabulary.file.bos; }
int32_t Tokenizer::eos() const { return impl->vocabulary.file.eos; }
int32_t Tokenizer::unknown() const { return impl->vocabulary.file.unknown; }
int32_t Tokenizer::padding() const { return impl->vocabulary.file.padding; }
bool Tokenizer::addsBos() const { return impl->vocabulary.file.addBos; }
bool Tokenizer::addsEos() const { return impl->vocabulary.file.addEos; }
bool Tokenizer::addsSpacePrefix() const {
  return impl->vocabulary.file.addSpacePrefix;
}
std::string_view Tokenizer::chatTemplate() const {
  return impl->vocabulary.file.chatTemplate();
}
