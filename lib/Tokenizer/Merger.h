//===- Merger.h - Best-first merging of neighbouring symbols ----*- C++ -*-===//
//
// Both kinds of BPE start from a row of symbols and merge the best pair of
// neighbours until no pair can be merged. They differ in what a symbol is and
// in what "best" means.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_TOKENIZER_MERGER_H
#define WINNOW_LIB_TOKENIZER_MERGER_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace winnow {

/// Merges a row of symbols. \p Rule has
///   using Key:  what pairs are ordered by, smaller is merged first; and
///   bool operator()(const Symbol &left, const Symbol &right, Key &key,
///                   uint32_t &merged) const: whether the two can be merged,
///                   into which symbol, and how good that is.
/// Equal keys are merged from left to right. O(n log n), no recursion.
template <typename Rule> class Merger {
public:
  using Key = typename Rule::Key;
  static constexpr uint32_t none = 0xffffffffu;

  /// One piece of the text under way.
  struct Symbol {
    /// The first byte in the text and the number of bytes; 0 after the symbol
    /// went into the one on its left.
    uint32_t begin, size;
    uint32_t previous, next;
    /// What the rule makes of it.
    uint32_t symbol;
  };

  explicit Merger(const Rule &rule) : rule(rule) {}

  void clear() { symbols.clear(); }

  /// Adds a symbol on the right.
  void add(uint32_t begin, uint32_t size, uint32_t symbol) {
    uint32_t index = static_cast<uint32_t>(symbols.size());
    if (index)
      symbols.back().next = index;
    symbols.push_back({begin, size, index ? index - 1 : none, none, symbol});
  }

  /// Merges all that can be merged and calls \p visit(const Symbol &) for what
  /// remains, from left to right.
  template <typename Visit> void run(Visit visit) {
    for (uint32_t right = 1; right < symbols.size(); ++right)
      consider(right - 1, right);
    // Building the heap at once is linear.
    std::make_heap(queue.begin(), queue.end(), later);
    heaped = true;
    while (!queue.empty()) {
      std::pop_heap(queue.begin(), queue.end(), later);
      Pair pair = queue.back();
      queue.pop_back();
      Symbol &left = symbols[pair.left], &right = symbols[pair.right];
      // One of the two went into another symbol or grew: this pair is gone.
      if (left.size == 0 || right.size == 0 ||
          left.size + right.size != pair.size)
        continue;
      left.size = pair.size;
      left.symbol = pair.merged;
      left.next = right.next;
      right.size = 0;
      if (right.next != none)
        symbols[right.next].previous = pair.left;
      if (left.previous != none)
        consider(left.previous, pair.left);
      if (left.next != none)
        consider(pair.left, left.next);
    }
    heaped = false;
    for (uint32_t i = symbols.empty() ? none : 0; i != none;
         i = symbols[i].next)
      visit(symbols[i]);
  }

private:
  struct Pair {
    Key key;
    uint32_t left, right;
    /// Bytes of both together when the pair was seen.
    uint32_t size;
    uint32_t merged;
  };

  static bool later(const Pair &a, const Pair &b) {
    return a.key != b.key ? a.key > b.key : a.left > b.left;
  }

  void consider(uint32_t left, uint32_t right) {
    Pair pair;
    if (!rule(symbols[left], symbols[right], pair.key, pair.merged))
      return;
    pair.left = left;
    pair.right = right;
    pair.size = symbols[left].size + symbols[right].size;
    queue.push_back(pair);
    if (heaped)
      std::push_heap(queue.begin(), queue.end(), later);
  }

  const Rule &rule;
  std::vector<Symbol> symbols;
  std::vector<Pair> queue;
  bool heaped = false;
};

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_MERGER_H
