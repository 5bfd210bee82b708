//===- SentencePiece.h - SentencePiece BPE over one text --------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_SENTENCEPIECE_H
#define WINNOW_LIB_TOKENIZER_SENTENCEPIECE_H

#include "MergeTable.h"
#include "Vocabulary.h"

#include <array>

namespace winnow {

/// SentencePiece's BPE: neighbours whose joint text is a piece are merged, the
/// piece of highest score first, the leftmost among equals. Characters that end
/// up in no piece become the byte pieces "<0x00>" to "<0xFF>".
class SentencePiece {
public:
  explicit SentencePiece(const Vocabulary &vocabulary);

  /// Appends the ids of \p text, whose spaces are U+2581 already.
  void encode(std::string_view text, std::vector<int32_t> &ids) const;

private:
  template <typename Rule>
  void encode(std::string_view text, const Rule &rule,
              std::vector<int32_t> &ids) const;

  const Vocabulary &vocabulary;
  /// The piece of each byte, or the unknown id, or -1.
  std::array<int32_t, 256> bytePiece;
  size_t longestPiece = 0;
  /// Ranks of merges, if the file has them; otherwise scores decide.
  MergeTable merges;
};

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_SENTENCEPIECE_H
