//===- SentencePiece.cpp - SentencePiece BPE over one text ----------------===//

#include "SentencePiece.h"
#include "Merger.h"
#include "Utf8.h"

using namespace winnow;

int winnow::byteOfPiece(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>')
    return -1;
  int byte = 0;
  for (char digit : text.substr(3, 2)) {
    int value = digit >= '0' && digit <= '9'   ? digit - '0'
                : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                               : -1;
    if (value < 0)
      return -1;
    byte = byte * 16 + value;
  }
  return byte;
}

std::string winnow::pieceOfByte(uint8_t byte) {
  const char *digits = "0123456789ABCDEF";
  return {'<', '0', 'x', digits[byte >> 4], digits[byte & 15], '>'};
}

SentencePiece::SentencePiece(const Vocabulary &vocabulary)
    : vocabulary(vocabulary) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    char raw = static_cast<char>(byte);
    int32_t id = vocabulary.findPiece(pieceOfByte(static_cast<uint8_t>(byte)));
    if (id < 0)
      id = vocabulary.findPiece({&raw, 1});
    bytePiece[byte] = id < 0 ? vocabulary.file.unknown : id;
  }
  for (uint32_t id = 0; id < vocabulary.file.pieceCount(); ++id)
    longestPiece = std::max(longestPiece, vocabulary(id).size());
  merges.build(vocabulary.file);
}

namespace {
struct ScoreRule {
  /// The negative score.
  using Key = float;

  template <typename Symbol>
  bool operator()(const Symbol &left, const Symbol &right, Key &key,
                  uint32_t &merged) const {
    size_t size = size_t(left.size) + right.size;
    if (size > longestPiece)
      return false;
    int32_t id = vocabulary.findPiece(text.substr(left.begin, size));
    if (id < 0)
      return false;
    merged = static_cast<uint32_t>(id);
    key = -vocabulary.file.score(merged);
    return true;
  }

  const Vocabulary &vocabulary;
  std::string_view text;
  size_t longestPiece;
};
} // namespace

template <typename Rule>
void SentencePiece::encode(std::string_view text, const Rule &rule,
                           std::vector<int32_t> &ids) const {
  using PieceMerger = Merger<Rule>;
  PieceMerger merger(rule);
  for (size_t offset = 0; offset < text.size();) {
    size_t size = std::min(announcedLength(static_cast<uint8_t>(text[offset])),
                           text.size() - offset);
    // Scores go by texts, ranks by symbols.
    uint32_t symbol = PieceMerger::none;
    if constexpr (std::is_same_v<Rule, RankRule>)
      symbol = vocabulary.findSymbol(text.substr(offset, size));
    merger.add(static_cast<uint32_t>(offset), static_cast<uint32_t>(size),
               symbol);
    offset += size;
  }
  merger.run([&](const typename PieceMerger::Symbol &symbol) {
    if (symbol.symbol < vocabulary.file.pieceCount()) {
      ids.push_back(static_cast<int32_t>(symbol.symbol));
      return;
    }
    std::string_view character = text.substr(symbol.begin, symbol.size);
    int32_t id = vocabulary.findPiece(character);
    if (id >= 0) {
      ids.push_back(id);
      return;
    }
    for (char byte : character)
      if (int32_t piece = bytePiece[static_cast<uint8_t>(byte)]; piece >= 0)
        ids.push_back(piece);
  });
}

void SentencePiece::encode(std::string_view text,
                           std::vector<int32_t> &ids) const {
  if (vocabulary.file.mergeCount())
    encode(text, RankRule{merges}, ids);
  else
    encode(text, ScoreRule{vocabulary, text, longestPiece}, ids);
}
