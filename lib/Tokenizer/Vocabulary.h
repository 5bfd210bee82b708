//===- Vocabulary.h - The pieces of a tokenizer file, indexed ---*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_VOCABULARY_H
#define WINNOW_LIB_TOKENIZER_VOCABULARY_H

#include "PieceTable.h"
#include "TokenizerFile.h"

namespace winnow {

/// A tokenizer file and the way from a text to its symbol.
struct Vocabulary {
  TokenizerFile file;

  /// Indexes the symbols; of equal texts the first one counts.
  void index() {
    table = PieceTable(file.symbolCount());
    for (uint32_t symbol = 0; symbol < file.symbolCount(); ++symbol)
      if (!(*this)(symbol).empty())
        table.insert(symbol, *this);
  }

  std::string_view operator()(uint32_t symbol) const {
    return file.symbol(symbol);
  }

  /// The piece or extra symbol \p text, or `PieceTable::none`.
  uint32_t findSymbol(std::string_view text) const {
    return table.find(text, *this);
  }

  /// The id of the piece \p text, or -1.
  int32_t findPiece(std::string_view text) const {
    uint32_t symbol = findSymbol(text);
    return symbol < file.pieceCount() ? static_cast<int32_t>(symbol) : -1;
  }

private:
  PieceTable table;
};

/// The byte that the piece \p text ("<0x0A>") stands for, or -1.
int byteOfPiece(std::string_view text);

/// The piece of \p byte: "<0x0A>".
std::string pieceOfByte(uint8_t byte);

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_VOCABULARY_H
