//===- TokenizerFile.cpp - Reading and writing NAME.tokenizer -------------===//

#include "TokenizerFile.h"
#include "PieceTable.h"

#include <cmath>
#include <deque>

using namespace winnow;

static constexpr std::string_view magic = "WNWTOKEN";
static constexpr uint32_t version = 2;
static constexpr size_t headerBytes = 60;
namespace {
enum Flag : uint32_t {
  addBosFlag = 1,
  addEosFlag = 2,
  addSpacePrefixFlag = 4,
  ignoreMergesFlag = 8,
  cleanTextFlag = 16,
  separateChineseFlag = 32,
  stripAccentsFlag = 64,
  lowercaseFlag = 128,
  bertFlagMask = 240,
  leftmostTokensFlag = 256,
  prefixFirstTextOnlyFlag = 512,
  prefixUnlessSpaceFlag = 1024,
  composeFlag = 2048,
  marksSpacesFirstFlag = 4096,
  prefixesFirstFlag = 8192,
  cutsAtSpacesFlag = 16384,
  cutsBeforePrefixFlag = 32768,
  sentencePieceFlagMask = 61440,
  allFlags = 65535,
};
} // namespace

MergeParts winnow::splitMerge(std::string_view line) {
  size_t space = line.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == line.size())
    return {};
  return {line.substr(0, space), line.substr(space + 1)};
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static bool fail(std::string &error, std::string message, size_t offset) {
  error = std::move(message) + " at offset " + std::to_string(offset);
  return false;
}

static bool isIdOrNone(int32_t id, uint32_t pieces) {
  return id >= -1 && (id < 0 || static_cast<uint32_t>(id) < pieces);
}

bool TokenizerFile::read(std::string_view bytes, std::string &error) {
  const char *base = bytes.data();
  if (bytes.size() < headerBytes)
    return fail(error,
                "not a tokenizer file: " + std::to_string(bytes.size()) +
                    " bytes, the header alone has 60",
                bytes.size());
  if (bytes.substr(0, magic.size()) != magic)
    return fail(error, "not a tokenizer file: wrong magic", 0);
  if (loadU32(base + 8) != version)
    return fail(error,
                "tokenizer file has version " +
                    std::to_string(loadU32(base + 8)) + ", expected 2",
                8);
  uint32_t modelNumber = loadU32(base + 12);
  if (modelNumber < uint32_t(TokenizerModel::SentencePiece) ||
      modelNumber > uint32_t(TokenizerModel::WordPiece))
    return fail(error, "unknown model " + std::to_string(modelNumber), 12);
  model = TokenizerModel(modelNumber);
  uint32_t flags = loadU32(base + 16);
  uint32_t known = allFlags;
  if (model != TokenizerModel::WordPiece)
    known &= ~bertFlagMask;
  if (model != TokenizerModel::SentencePiece)
    known &= ~sentencePieceFlagMask;
  if (flags & ~known)
    return fail(error, "unknown flags " + std::to_string(flags), 16);
  addBos = flags & addBosFlag;
  addEos = flags & addEosFlag;
  addSpacePrefix = flags & addSpacePrefixFlag;
  ignoreMerges = flags & ignoreMergesFlag;
  leftmostTokens = flags & leftmostTokensFlag;
  prefixFirstTextOnly = flags & prefixFirstTextOnlyFlag;
  prefixUnlessSpace = flags & prefixUnlessSpaceFlag;
  compose = flags & composeFlag;
  marksSpacesFirst = flags & marksSpacesFirstFlag;
  prefixesFirst = flags & prefixesFirstFlag;
  cutsAtSpaces = flags & cutsAtSpacesFlag;
  cutsBeforePrefix = flags & cutsBeforePrefixFlag;
  bert.cleanText = flags & cleanTextFlag;
  bert.separateChinese = flags & separateChineseFlag;
  bert.stripAccents = flags & stripAccentsFlag;
  bert.lowercase = flags & lowercaseFlag;

  bos = loadI32(base + 20);
  eos = loadI32(base + 24);
  unknown = loadI32(base + 28);
  padding = loadI32(base + 32);
  pieces = loadU32(base + 36);
  extras = loadU32(base + 40);
  merges = loadU32(base + 44);
  expressions = loadU32(base + 48);
  endIds = loadU32(base + 52);
  uint32_t stringBytes = loadU32(base + 56);
  if (pieces > INT32_MAX)
    return fail(error, "too many pieces: " + std::to_string(pieces), 36);
  for (size_t offset = 20; offset < 36; offset += 4)
    if (!isIdOrNone(loadI32(base + offset), pieces))
      return fail(error,
                  "id " + std::to_string(loadI32(base + offset)) +
                      " is out of range: there are " + std::to_string(pieces) +
                      " pieces",
                  offset);
  if (addBos && bos < 0)
    return fail(error, "BOS is to be added but has no id", 16);
  if (addEos && eos < 0)
    return fail(error, "EOS is to be added but has no id", 16);
  if (model == TokenizerModel::WordPiece && unknown < 0)
    return fail(error, "the WordPiece vocabulary has no unknown token", 28);

  // No sum of products of 32-bit counts with small factors leaves 64 bits.
  uint64_t texts = uint64_t(pieces) + extras + expressions + 2;
  uint64_t endsAt = headerBytes, scoresAt = endsAt + 4 * texts,
           mergesAt = scoresAt + 4 * uint64_t(pieces),
           endIdsAt = mergesAt + 12 * uint64_t(merges),
           typesAt = endIdsAt + 4 * uint64_t(endIds), cutsAt = typesAt + pieces,
           stringsAt = cutsAt + expressions, end = stringsAt + stringBytes;
  if (end != bytes.size())
    return fail(error,
                "the counts in the header ask for " + std::to_string(end) +
                    " bytes, the file has " + std::to_string(bytes.size()),
                36);
  ends = base + endsAt;
  scores = base + scoresAt;
  mergeTriples = base + mergesAt;
  endIdList = base + endIdsAt;
  types = base + typesAt;
  cutNumbers = base + cutsAt;
  strings = base + stringsAt;

  uint32_t last = 0;
  for (uint64_t i = 0; i < texts; ++i) {
    uint32_t position = loadU32(ends + 4 * i);
    if (position < last || position > stringBytes)
      return fail(error,
                  "end of string " + std::to_string(i) +
                      " is out of order or beyond the strings",
                  endsAt + 4 * i);
    last = position;
  }
  if (last != stringBytes)
    return fail(error, "bytes after the last string", stringsAt + last);
  for (uint32_t id = 0; id < pieces; ++id) {
    if (std::isnan(score(id)))
      return fail(error,
                  "score of id " + std::to_string(id) + " is not a number",
                  scoresAt + 4 * uint64_t(id));
    uint8_t number = static_cast<uint8_t>(types[id]) & ~AllTokenRules;
    if (number < uint8_t(PieceType::Normal) ||
        number > uint8_t(PieceType::Byte))
      return fail(error,
                  "unknown type " + std::to_string(number) + " of id " +
                      std::to_string(id),
                  typesAt + id);
  }
  for (uint32_t i = 0; i < expressions; ++i)
    if ((uint8_t(cutNumbers[i]) & ~invertedCut) >
        uint8_t(CutBehavior::Contiguous))
      return fail(error,
                  "unknown cut rule " + std::to_string(uint8_t(cutNumbers[i])) +
                      " of expression " + std::to_string(i),
                  cutsAt + i);
  for (uint32_t rank = 0; rank < merges; ++rank) {
    unsigned absent = 0;
    for (unsigned part = 0; part < 3; ++part) {
      uint32_t index = mergeSymbol(rank, part);
      absent += index == noSymbol;
      if (index != noSymbol && index >= symbolCount())
        return fail(error,
                    "merge " + std::to_string(rank) + " names symbol " +
                        std::to_string(index) + ", there are " +
                        std::to_string(symbolCount()),
                    mergesAt + 12 * uint64_t(rank));
    }
    if (absent != 0 && absent != 3)
      return fail(error, "merge " + std::to_string(rank) + " is incomplete",
                  mergesAt + 12 * uint64_t(rank));
    if (absent == 0 && symbol(mergeSymbol(rank, 0)).size() +
                               symbol(mergeSymbol(rank, 1)).size() !=
                           symbol(mergeSymbol(rank, 2)).size())
      return fail(error,
                  "merge " + std::to_string(rank) +
                      " gives a symbol of another length than its parts",
                  mergesAt + 12 * uint64_t(rank));
  }
  for (uint32_t i = 0; i < endIds; ++i)
    if (endOfGeneration(i) < 0 || uint32_t(endOfGeneration(i)) >= pieces)
      return fail(error,
                  "end-of-generation id " + std::to_string(endOfGeneration(i)) +
                      " is out of range",
                  endIdsAt + 4 * uint64_t(i));
  return true;
}

std::optional<TokenizerData> winnow::parseTokenizerData(std::string_view bytes,
                                                        std::string &error) {
  TokenizerFile file;
  if (!file.read(bytes, error))
    return std::nullopt;
  TokenizerData data;
  data.model = file.model;
  data.bos = file.bos;
  data.eos = file.eos;
  data.unknown = file.unknown;
  data.padding = file.padding;
  data.addBos = file.addBos;
  data.addEos = file.addEos;
  data.addSpacePrefix = file.addSpacePrefix;
  data.ignoreMerges = file.ignoreMerges;
  data.bert = file.bert;
  data.pieces.reserve(file.pieceCount());
  data.scores.reserve(file.pieceCount());
  data.types.reserve(file.pieceCount());
  for (uint32_t id = 0; id < file.pieceCount(); ++id) {
    data.pieces.emplace_back(file.symbol(id));
    data.scores.push_back(file.score(id));
    data.types.push_back(file.type(id));
  }
  data.merges.reserve(file.mergeCount());
  for (uint32_t rank = 0; rank < file.mergeCount(); ++rank) {
    std::string merge;
    if (file.mergeSymbol(rank, 0) != TokenizerFile::noSymbol) {
      merge = file.symbol(file.mergeSymbol(rank, 0));
      merge += ' ';
      merge += file.symbol(file.mergeSymbol(rank, 1));
    }
    data.merges.push_back(std::move(merge));
  }
  for (uint32_t i = 0; i < file.expressionCount(); ++i) {
    data.preTokenizerExpressions.emplace_back(file.expression(i));
    data.cutRules.push_back(file.cutRule(i));
  }
  for (uint32_t i = 0; i < file.endOfGenerationCount(); ++i)
    data.endOfGeneration.push_back(file.endOfGeneration(i));
  data.leftmostTokens = file.leftmostTokens;
  data.prefixFirstTextOnly = file.prefixFirstTextOnly;
  data.prefixUnlessSpace = file.prefixUnlessSpace;
  data.compose = file.compose;
  data.marksSpacesFirst = file.marksSpacesFirst;
  data.prefixesFirst = file.prefixesFirst;
  data.cutsAtSpaces = file.cutsAtSpaces;
  data.cutsBeforePrefix = file.cutsBeforePrefix;
  data.tokenRules.reserve(file.pieceCount());
  for (uint32_t id = 0; id < file.pieceCount(); ++id)
    data.tokenRules.push_back(file.tokenRules(id));
  data.preTokenizer = file.preTokenizer();
  data.chatTemplate = file.chatTemplate();
  return data;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static uint32_t sentencePieceFlags(const TokenizerData &data) {
  return (data.marksSpacesFirst ? marksSpacesFirstFlag : 0) |
         (data.prefixesFirst ? prefixesFirstFlag : 0) |
         (data.cutsAtSpaces ? cutsAtSpacesFlag : 0) |
         (data.cutsBeforePrefix ? cutsBeforePrefixFlag : 0);
}

std::optional<std::string>
winnow::checkTokenizerData(const TokenizerData &data) {
  size_t count = data.pieces.size();
  if (count > INT32_MAX)
    return "too many pieces: " + std::to_string(count);
  if (!data.scores.empty() && data.scores.size() != count)
    return std::to_string(data.scores.size()) + " scores for " +
           std::to_string(count) + " pieces";
  if (!data.types.empty() && data.types.size() != count)
    return std::to_string(data.types.size()) + " types for " +
           std::to_string(count) + " pieces";
  for (size_t id = 0; id < data.scores.size(); ++id)
    if (std::isnan(data.scores[id]))
      return "score of id " + std::to_string(id) + " is not a number";
  for (size_t id = 0; id < data.types.size(); ++id)
    if (data.types[id] < PieceType::Normal || data.types[id] > PieceType::Byte)
      return "unknown type " + std::to_string(unsigned(data.types[id])) +
             " of id " + std::to_string(id);
  const std::pair<const char *, int32_t> roles[] = {{"BOS", data.bos},
                                                    {"EOS", data.eos},
                                                    {"unknown", data.unknown},
                                                    {"padding", data.padding}};
  for (auto [name, id] : roles)
    if (!isIdOrNone(id, static_cast<uint32_t>(count)))
      return std::string(name) + " id " + std::to_string(id) +
             " is out of range: there are " + std::to_string(count) + " pieces";
  if (!data.tokenRules.empty() && data.tokenRules.size() != count)
    return "rules of " + std::to_string(data.tokenRules.size()) +
           " tokens for " + std::to_string(count) + " pieces";
  for (size_t id = 0; id < data.tokenRules.size(); ++id)
    if (data.tokenRules[id] & ~AllTokenRules)
      return "unknown rules " + std::to_string(unsigned(data.tokenRules[id])) +
             " of id " + std::to_string(id);
  if (!data.cutRules.empty() &&
      data.cutRules.size() != data.preTokenizerExpressions.size())
    return std::to_string(data.cutRules.size()) + " cut rules for " +
           std::to_string(data.preTokenizerExpressions.size()) + " expressions";
  for (size_t i = 0; i < data.cutRules.size(); ++i)
    if (data.cutRules[i].behavior > CutBehavior::Contiguous)
      return "unknown cut rule " +
             std::to_string(unsigned(data.cutRules[i].behavior)) +
             " of expression " + std::to_string(i);
  if (data.model != TokenizerModel::SentencePiece && sentencePieceFlags(data))
    return std::string("rules of SentencePiece for another model");
  for (int32_t id : data.endOfGeneration)
    if (id < 0 || size_t(id) >= count)
      return "end-of-generation id " + std::to_string(id) +
             " is out of range: there are " + std::to_string(count) + " pieces";
  if (data.addBos && data.bos < 0)
    return std::string("BOS is to be added but has no id");
  if (data.addEos && data.eos < 0)
    return std::string("EOS is to be added but has no id");
  if (data.model == TokenizerModel::WordPiece && data.unknown < 0)
    return std::string("the WordPiece vocabulary has no unknown token");
  // Twice the merges bounds the extra symbols as well.
  uint64_t bytes = data.preTokenizer.size() + data.chatTemplate.size();
  for (const std::string &piece : data.pieces)
    bytes += piece.size();
  for (const std::string &merge : data.merges)
    bytes += 2 * merge.size();
  for (const std::string &expression : data.preTokenizerExpressions)
    bytes += expression.size();
  if (bytes > UINT32_MAX || data.merges.size() > UINT32_MAX / 4 ||
      data.preTokenizerExpressions.size() > UINT32_MAX ||
      data.endOfGeneration.size() > UINT32_MAX)
    return std::string("the vocabulary has more than 4 GiB of text");
  return std::nullopt;
}

namespace {
/// Gives numbers to the strings that occur in merges.
class SymbolTable {
public:
  explicit SymbolTable(const TokenizerData &data)
      : pieces(data.pieces), table(pieces.size() + 3 * data.merges.size()) {
    for (uint32_t id = 0; id < pieces.size(); ++id)
      table.insert(id, *this);
  }

  std::string_view operator()(uint32_t symbol) const {
    return symbol < pieces.size() ? std::string_view(pieces[symbol])
                                  : extras[symbol - pieces.size()];
  }

  uint32_t number(std::string text) {
    uint32_t found = table.find(text, *this);
    if (found != PieceTable::none)
      return found;
    uint32_t symbol = static_cast<uint32_t>(pieces.size() + extras.size());
    extras.push_back(std::move(text));
    table.insert(symbol, *this);
    return symbol;
  }

  const std::vector<std::string> &pieces;
  std::deque<std::string> extras;

private:
  PieceTable table;
};
} // namespace

static uint32_t bertFlags(const BertRules &rules) {
  return (rules.cleanText ? cleanTextFlag : 0) |
         (rules.separateChinese ? separateChineseFlag : 0) |
         (rules.stripAccents ? stripAccentsFlag : 0) |
         (rules.lowercase ? lowercaseFlag : 0);
}

std::string winnow::serialize(const TokenizerData &data) {
  SymbolTable symbols(data);
  std::string mergeTriples;
  for (const std::string &merge : data.merges) {
    MergeParts parts = splitMerge(merge);
    if (parts.left.empty()) {
      for (unsigned part = 0; part < 3; ++part)
        appendU32(mergeTriples, TokenizerFile::noSymbol);
      continue;
    }
    appendU32(mergeTriples, symbols.number(std::string(parts.left)));
    appendU32(mergeTriples, symbols.number(std::string(parts.right)));
    appendU32(mergeTriples, symbols.number(std::string(parts.left) +
                                           std::string(parts.right)));
  }

  std::string ends, strings;
  auto addString = [&](std::string_view text) {
    strings += text;
    appendU32(ends, static_cast<uint32_t>(strings.size()));
  };
  for (const std::string &piece : data.pieces)
    addString(piece);
  for (const std::string &extra : symbols.extras)
    addString(extra);
  for (const std::string &expression : data.preTokenizerExpressions)
    addString(expression);
  addString(data.preTokenizer);
  addString(data.chatTemplate);

  std::string file(magic);
  appendU32(file, version);
  appendU32(file, uint32_t(data.model));
  appendU32(
      file,
      (data.addBos ? addBosFlag : 0) | (data.addEos ? addEosFlag : 0) |
          (data.addSpacePrefix ? addSpacePrefixFlag : 0) |
          (data.ignoreMerges ? ignoreMergesFlag : 0) |
          (data.leftmostTokens ? leftmostTokensFlag : 0) |
          (data.prefixFirstTextOnly ? prefixFirstTextOnlyFlag : 0) |
          (data.prefixUnlessSpace ? prefixUnlessSpaceFlag : 0) |
          (data.compose ? composeFlag : 0) | sentencePieceFlags(data) |
          (data.model == TokenizerModel::WordPiece ? bertFlags(data.bert) : 0));
  for (int32_t id : {data.bos, data.eos, data.unknown, data.padding})
    appendU32(file, static_cast<uint32_t>(id));
  for (size_t count : {data.pieces.size(), symbols.extras.size(),
                       data.merges.size(), data.preTokenizerExpressions.size(),
                       data.endOfGeneration.size(), strings.size()})
    appendU32(file, static_cast<uint32_t>(count));
  file += ends;
  for (size_t id = 0; id < data.pieces.size(); ++id)
    appendF32(file, data.scores.empty() ? 0.0f : data.scores[id]);
  file += mergeTriples;
  for (int32_t id : data.endOfGeneration)
    appendU32(file, static_cast<uint32_t>(id));
  for (size_t id = 0; id < data.pieces.size(); ++id) {
    PieceType type = data.types.empty() ? PieceType::Normal : data.types[id];
    uint8_t rules = data.tokenRules.empty() ? 0 : data.tokenRules[id];
    file.push_back(static_cast<char>(uint8_t(type) | rules));
  }
  for (size_t i = 0; i < data.preTokenizerExpressions.size(); ++i) {
    CutRule rule = data.cutRules.empty() ? CutRule() : data.cutRules[i];
    file.push_back(
        static_cast<char>(uint8_t(rule.behavior) |
                          (rule.inverted ? TokenizerFile::invertedCut : 0)));
  }
  return file + strings;
}
