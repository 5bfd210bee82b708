//===- AddedTokens.cpp - Tokens with rules that cut a text ----------------===//

#include "AddedTokens.h"
#include "Utf8.h"

#include <algorithm>
#include <iterator>

using namespace winnow;

namespace {
/// The code points from `first` to `last`.
struct Range {
  uint32_t first, last;
};
} // namespace

#include "WordTables.inc"

static bool isWord(uint32_t codePoint) {
  const Range *range = std::lower_bound(
      std::begin(wordRanges), std::end(wordRanges), codePoint,
      [](const Range &range, uint32_t point) { return range.last < point; });
  return range != std::end(wordRanges) && range->first <= codePoint;
}

/// Unicode's White_Space.
static bool isSpace(uint32_t point) {
  return (point >= 9 && point <= 13) || point == 0x20 || point == 0x85 ||
         point == 0xa0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
         point == 0x2029 || point == 0x202f || point == 0x205f ||
         point == 0x3000;
}

/// The code point of the character that ends at \p end, which is moved in
/// front of it.
static uint32_t decodeBefore(std::string_view text, size_t &end) {
  for (size_t size = std::min<size_t>(end, 4); size > 1; --size) {
    size_t next = end - size;
    uint32_t point = decodeLenient(text, next);
    if (next == end &&
        announcedLength(static_cast<uint8_t>(text[end - size])) == size) {
      end -= size;
      return point;
    }
  }
  size_t next = --end;
  return decodeLenient(text, next);
}

/// Whether \p match has no character of a word beside it.
static bool standsAlone(std::string_view text,
                        const SpecialTokens::Match &match) {
  size_t begin = match.begin, end = match.begin + match.size;
  if (begin > 0 && isWord(decodeBefore(text, begin)))
    return false;
  return end == text.size() || !isWord(decodeLenient(text, end));
}

void AddedTokens::build(
    const Vocabulary &from,
    const std::function<std::string(std::string_view)> &normalize) {
  vocabulary = &from;
  const TokenizerFile &file = from.file;
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
    return from(a).size() > from(b).size();
  });
  std::vector<SpecialTokens::Token> found[2], foundNormalized[2];
  for (int32_t id : special) {
    bool later = file.tokenRules(id) & InNormalizedText;
    std::string_view text = from(id);
    if (later)
      text = normalizedTexts.emplace_back(normalize(text));
    auto &tokens = later ? foundNormalized : found;
    tokens[1].push_back({text, id});
    if (file.type(id) == PieceType::UserDefined)
      tokens[0].push_back({text, id});
  }
  for (bool withControl : {false, true}) {
    plain[withControl] = SpecialTokens(found[withControl]);
    normalized[withControl] = SpecialTokens(foundNormalized[withControl]);
  }
}

std::vector<AddedTokens::Part>
AddedTokens::apply(std::string_view text,
                   const std::vector<SpecialTokens::Match> &matches) const {
  std::vector<Part> parts;
  size_t done = 0;
  for (const SpecialTokens::Match &match : matches) {
    uint8_t rules = vocabulary->file.tokenRules(match.id);
    if ((rules & SingleWord) && !standsAlone(text, match))
      continue;
    size_t begin = match.begin, end = match.begin + match.size;
    if (rules & TakesSpaceBefore)
      for (size_t next = begin; begin > done; begin = next)
        if (!isSpace(decodeBefore(text, next)) || next < done)
          break;
    if (rules & TakesSpaceBehind)
      for (size_t next = end; end < text.size(); end = next)
        if (!isSpace(decodeLenient(text, next)))
          break;
    if (begin > done)
      parts.push_back({done, begin, -1});
    parts.push_back({begin, end, match.id});
    done = end;
  }
  if (done < text.size())
    parts.push_back({done, text.size(), -1});
  return parts;
}

std::vector<AddedTokens::Part> AddedTokens::cut(std::string_view text,
                                                bool withControl) const {
  const SpecialTokens &tokens = plain[withControl];
  return apply(text, vocabulary->file.leftmostTokens ? tokens.findLeftmost(text)
                                                     : tokens.find(text));
}

std::vector<AddedTokens::Part>
AddedTokens::cutNormalized(std::string_view text, bool withControl) const {
  return apply(text, normalized[withControl].findLeftmost(text));
}
