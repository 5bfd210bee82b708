//===- TokenizerFile.h - A checked view of NAME.tokenizer -------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_TOKENIZERFILE_H
#define WINNOW_LIB_TOKENIZER_TOKENIZERFILE_H

#include "Bytes.h"
#include "winnow/Tokenizer/TokenizerData.h"

namespace winnow {

/// The bytes of a tokenizer file, checked once and then read in place. The
/// layout is described in TokenizerData.h.
class TokenizerFile {
public:
  /// The symbol that stands for "no symbol" in merges.
  static constexpr uint32_t noSymbol = 0xffffffffu;
  /// Checks \p bytes, which must outlive the view; on failure \p error says
  /// what is wrong and at which offset.
  bool read(std::string_view bytes, std::string &error);

  /// The bit of a cut rule's number that says `inverted`.
  static constexpr uint8_t invertedCut = 8;

  uint32_t pieceCount() const { return pieces; }
  /// Pieces and extra symbols together.
  uint32_t symbolCount() const { return pieces + extras; }
  uint32_t mergeCount() const { return merges; }
  uint32_t expressionCount() const { return expressions; }
  uint32_t endOfGenerationCount() const { return endIds; }

  std::string_view symbol(uint32_t index) const { return text(index); }
  std::string_view expression(uint32_t index) const {
    return text(pieces + extras + index);
  }
  std::string_view preTokenizer() const {
    return text(pieces + extras + expressions);
  }
  std::string_view chatTemplate() const {
    return text(pieces + extras + expressions + 1);
  }
  float score(uint32_t id) const { return loadF32(scores + 4 * size_t(id)); }
  PieceType type(uint32_t id) const {
    return PieceType(uint8_t(types[id]) & ~AllTokenRules);
  }
  /// The bits of TokenRule.
  uint8_t tokenRules(uint32_t id) const {
    return uint8_t(types[id]) & AllTokenRules;
  }
  CutRule cutRule(uint32_t expression) const {
    uint8_t number = uint8_t(cutNumbers[expression]);
    return {CutBehavior(number & ~invertedCut), (number & invertedCut) != 0};
  }
  /// Part \p part (0 left, 1 right, 2 merged) of merge \p rank.
  uint32_t mergeSymbol(uint32_t rank, unsigned part) const {
    return loadU32(mergeTriples + 4 * (3 * size_t(rank) + part));
  }
  int32_t endOfGeneration(uint32_t index) const {
    return loadI32(endIdList + 4 * size_t(index));
  }

  TokenizerModel model = TokenizerModel::SentencePiece;
  bool addBos = false, addEos = false, addSpacePrefix = false;
  bool ignoreMerges = false;
  bool prefixFirstTextOnly = false, prefixUnlessSpace = false;
  bool compose = false, leftmostTokens = false;
  bool marksSpacesFirst = false, prefixesFirst = false;
  bool cutsAtSpaces = false, cutsBeforePrefix = false;
  BertRules bert;
  int32_t bos = -1, eos = -1, unknown = -1, padding = -1;

private:
  std::string_view text(size_t index) const {
    uint32_t begin = index ? loadU32(ends + 4 * (index - 1)) : 0;
    return {strings + begin, loadU32(ends + 4 * index) - begin};
  }

  uint32_t pieces = 0, extras = 0, merges = 0, expressions = 0, endIds = 0;
  const char *ends = nullptr, *scores = nullptr, *mergeTriples = nullptr,
             *endIdList = nullptr, *types = nullptr, *cutNumbers = nullptr,
             *strings = nullptr;
};

/// The two parts of the merge \p line, which are divided by the first space
/// after its first byte; both empty if there is none.
struct MergeParts {
  std::string_view left, right;
};
MergeParts splitMerge(std::string_view line);

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_TOKENIZERFILE_H
