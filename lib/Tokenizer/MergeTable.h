//===- MergeTable.h - Ranked merges by their parts --------------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_MERGETABLE_H
#define WINNOW_LIB_TOKENIZER_MERGETABLE_H

#include "PieceTable.h"
#include "TokenizerFile.h"

#include <vector>

namespace winnow {

/// The merges of a tokenizer file, found by their two symbols.
class MergeTable {
public:
  struct Merge {
    uint32_t left, right;
    uint32_t rank;
    uint32_t merged;
  };

  /// Indexes the merges; of equal pairs the first one counts.
  void build(const TokenizerFile &file) {
    size_t size = 16;
    while (3 * size < 4 * size_t(file.mergeCount()))
      size *= 2;
    merges.assign(size, Merge{PieceTable::none, PieceTable::none, 0, 0});
    for (uint32_t rank = 0; rank < file.mergeCount(); ++rank) {
      uint32_t left = file.mergeSymbol(rank, 0),
               right = file.mergeSymbol(rank, 1);
      if (left == TokenizerFile::noSymbol)
        continue;
      size_t at = mixBits(left, right) & (size - 1);
      while (merges[at].left != PieceTable::none &&
             (merges[at].left != left || merges[at].right != right))
        at = (at + 1) & (size - 1);
      if (merges[at].left == PieceTable::none)
        merges[at] = Merge{left, right, rank, file.mergeSymbol(rank, 2)};
    }
  }

  /// The merge of two symbols, or null.
  const Merge *find(uint32_t left, uint32_t right) const {
    size_t mask = merges.size() - 1;
    for (size_t at = mixBits(left, right) & mask;
         merges[at].left != PieceTable::none; at = (at + 1) & mask)
      if (merges[at].left == left && merges[at].right == right)
        return &merges[at];
    return nullptr;
  }

private:
  /// Open addressing; `left` is `PieceTable::none` in free slots.
  std::vector<Merge> merges;
};

/// The rule of a Merger that merges the pair of the lowest rank first.
struct RankRule {
  using Key = uint32_t;

  template <typename Symbol>
  bool operator()(const Symbol &left, const Symbol &right, Key &key,
                  uint32_t &merged) const {
    if (left.symbol == PieceTable::none || right.symbol == PieceTable::none)
      return false;
    const MergeTable::Merge *merge = table.find(left.symbol, right.symbol);
    if (!merge)
      return false;
    key = merge->rank;
    merged = merge->merged;
    return true;
  }

  const MergeTable &table;
};

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_MERGETABLE_H
