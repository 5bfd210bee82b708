//===- WordPiece.cpp - WordPiece over one text ----------------------------===//

#include "WordPiece.h"
#include "BertNormalizer.h"

#include <algorithm>

using namespace winnow;

static constexpr std::string_view continuation = "##";
static constexpr size_t longestWord = 100;

static bool continuesCharacter(char byte) { return (byte & 0xc0) == 0x80; }

WordPiece::WordPiece(const Vocabulary &vocabulary) : vocabulary(vocabulary) {
  for (uint32_t id = 0; id < vocabulary.file.pieceCount(); ++id)
    longestPiece = std::max(longestPiece, vocabulary(id).size());
}

bool WordPiece::encodeWord(std::string_view word,
                           std::vector<int32_t> &ids) const {
  size_t continuing = static_cast<size_t>(
      std::count_if(word.begin(), word.end(), continuesCharacter));
  if (word.size() - continuing > longestWord)
    return false;
  std::string candidate;
  for (size_t begin = 0; begin < word.size();) {
    candidate = begin ? continuation : "";
    size_t prefix = candidate.size();
    candidate += word.substr(begin, longestPiece);
    int32_t id = -1;
    while (true) {
      // Only whole characters.
      size_t end = begin + candidate.size() - prefix;
      if (end == word.size() || !continuesCharacter(word[end]))
        id = vocabulary.findPiece(candidate);
      if (id >= 0 || candidate.size() == prefix + 1)
        break;
      candidate.pop_back();
    }
    if (id < 0)
      return false;
    ids.push_back(id);
    begin += candidate.size() - prefix;
  }
  return true;
}

void WordPiece::encode(std::string_view text, std::vector<int32_t> &ids) const {
  for (const std::string &word : bertWords(text, vocabulary.file.bert)) {
    size_t before = ids.size();
    if (encodeWord(word, ids))
      continue;
    ids.resize(before);
    ids.push_back(vocabulary.file.unknown);
  }
}

std::string WordPiece::decode(std::string_view piece) {
  if (piece.substr(0, continuation.size()) == continuation)
    return std::string(piece.substr(continuation.size()));
  return " " + std::string(piece);
}
