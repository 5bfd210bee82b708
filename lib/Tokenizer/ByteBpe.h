//===- ByteBpe.h - Byte-level BPE over one text -----------------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_BYTEBPE_H
#define WINNOW_LIB_TOKENIZER_BYTEBPE_H

#include "MergeTable.h"
#include "PreTokenizer.h"
#include "Vocabulary.h"

#include <array>

namespace winnow {

/// GPT-2's BPE: the text is cut into words by the pre-tokenizer's expressions,
/// each byte of a word is one of 256 printable characters, and neighbours are
/// merged in the order of the list of merges.
class ByteBpe {
public:
  /// Compiles the expressions and indexes the merges of \p vocabulary, which
  /// must outlive this object.
  explicit ByteBpe(const Vocabulary &vocabulary) : vocabulary(vocabulary) {}
  bool build(std::string &error);

  /// Appends the ids of \p text.
  void encode(std::string_view text, std::vector<int32_t> &ids) const;

private:
  class Encoder;

  const Vocabulary &vocabulary;
  PreTokenizer preTokenizer;
  /// The symbol of each byte, or `PieceTable::none`.
  std::array<uint32_t, 256> byteSymbol;
  /// The piece whose text is one byte, or -1: what becomes of symbols that are
  /// no pieces.
  std::array<int32_t, 256> rawBytePiece;
  size_t longestPiece = 0;
  MergeTable merges;
};

/// The bytes that the piece \p text of a byte-level vocabulary stands for.
/// Characters that stand for no byte are kept.
std::string decodeByteLevel(std::string_view text);

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_BYTEBPE_H
