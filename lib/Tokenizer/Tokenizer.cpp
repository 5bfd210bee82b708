//===- Tokenizer.cpp - Text to ids and back -------------------------------===//

#include "winnow/Tokenizer/Tokenizer.h"
#include "ByteBpe.h"
#include "Compose.h"
#include "MappedFile.h"
#include "SentencePiece.h"
#include "SpecialTokens.h"
#include "Utf8.h"
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
  /// Appends the ids of \p text, in which no special token is looked for.
  void encodePlain(std::string_view text, bool prefix,
                   std::vector<int32_t> &ids) const;

  std::string owned;
  MappedFile mapped;
  Vocabulary vocabulary;
  std::unique_ptr<SentencePiece> sentencePiece;
  std::unique_ptr<ByteBpe> byteBpe;
  std::unique_ptr<WordPiece> wordPiece;
  /// With and without control tokens.
  SpecialTokens allSpecial, userDefined;
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
  } else if (file.model == TokenizerModel::WordPiece) {
    wordPiece = std::make_unique<WordPiece>(vocabulary);
  } else {
    byteBpe = std::make_unique<ByteBpe>(vocabulary);
    if (!byteBpe->build(error))
      return false;
  }

  std::vector<int32_t> special;
  for (uint32_t id = 0; id < file.pieceCount(); ++id) {
    PieceType type = file.type(id);
    if (type == PieceType::Control || type == PieceType::Unknown ||
        type == PieceType::UserDefined)
      special.push_back(static_cast<int32_t>(id));
  }
  // Long before short; std::sort, as llama.cpp has it, because the order of
  // equals is the library's.
  std::sort(special.begin(), special.end(), [&](int32_t a, int32_t b) {
    return vocabulary(a).size() > vocabulary(b).size();
  });
  std::vector<SpecialTokens::Token> all, user;
  for (int32_t id : special) {
    all.push_back({vocabulary(id), id});
    if (file.type(id) == PieceType::UserDefined)
      user.push_back({vocabulary(id), id});
  }
  allSpecial = SpecialTokens(all);
  userDefined = SpecialTokens(user);
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

void Tokenizer::Implementation::encodePlain(std::string_view text, bool prefix,
                                            std::vector<int32_t> &ids) const {
  std::string composed;
  if (vocabulary.file.compose) {
    composed = winnow::compose(text);
    text = composed;
  }
  if (byteBpe) {
    byteBpe->encode(text, ids);
    return;
  }
  if (wordPiece) {
    wordPiece->encode(text, ids);
    return;
  }
  std::string marked;
  marked.reserve(text.size() + text.size() / 2);
  if (prefix && !(vocabulary.file.prefixUnlessSpace &&
                  (text.front() == ' ' ||
                   text.substr(0, spaceMarker.size()) == spaceMarker)))
    marked += spaceMarker;
  for (char byte : text)
    if (byte == ' ')
      marked += spaceMarker;
    else
      marked.push_back(byte);
  sentencePiece->encode(marked, ids);
}

/// The first offset from \p offset on that is no white space (Unicode's
/// White_Space).
static size_t skipSpaces(std::string_view text, size_t offset) {
  while (offset < text.size()) {
    size_t next = offset;
    uint32_t point = decodeLenient(text, next);
    bool isSpace = (point >= 9 && point <= 13) || point == 0x20 ||
                   point == 0x85 || point == 0xa0 || point == 0x1680 ||
                   (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
                   point == 0x2029 || point == 0x202f || point == 0x205f ||
                   point == 0x3000;
    if (!isSpace)
      break;
    offset = next;
  }
  return offset;
}

std::vector<int32_t> Tokenizer::encode(std::string_view text,
                                       const EncodeOptions &options) const {
  const TokenizerFile &file = impl->vocabulary.file;
  std::vector<int32_t> ids;
  if (text.size() > longestText)
    return ids;
  if (options.addBos && file.addBos)
    ids.push_back(file.bos);

  bool afterSpecial = true;
  auto plain = [&](size_t begin, size_t end) {
    if (begin >= end)
      return;
    bool prefix = afterSpecial && file.addSpacePrefix &&
                  !(file.prefixFirstTextOnly && begin > 0);
    impl->encodePlain(text.substr(begin, end - begin), prefix, ids);
    afterSpecial = false;
  };
  const SpecialTokens &special =
      options.parseSpecial ? impl->allSpecial : impl->userDefined;
  size_t done = 0;
  for (const SpecialTokens::Match &match :
       file.leftmostTokens ? special.findLeftmost(text) : special.find(text)) {
    plain(done, match.begin);
    ids.push_back(match.id);
    afterSpecial = true;
    done = match.begin + match.size;
    if (file.takesSpaceBehind(match.id))
      done = skipSpaces(text, done);
  }
  plain(done, text.size());

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
