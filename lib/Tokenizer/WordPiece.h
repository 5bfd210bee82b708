//===- WordPiece.h - WordPiece over one text --------------------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_WORDPIECE_H
#define WINNOW_LIB_TOKENIZER_WORDPIECE_H

#include "Vocabulary.h"

namespace winnow {

/// WordPiece with BERT's cleaning: each word becomes the longest piece that it
/// starts with, then the longest that the rest starts with, and so on; pieces
/// inside a word carry "##" in front. A word without such pieces, or of more
/// than 100 characters, is the unknown token.
class WordPiece {
public:
  explicit WordPiece(const Vocabulary &vocabulary);

  /// Appends the ids of \p text.
  void encode(std::string_view text, std::vector<int32_t> &ids) const;

  /// What \p piece adds to a text: pieces that start a word have a space in
  /// front.
  static std::string decode(std::string_view piece);

private:
  bool encodeWord(std::string_view word, std::vector<int32_t> &ids) const;

  const Vocabulary &vocabulary;
  size_t longestPiece = 0;
};

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_WORDPIECE_H
