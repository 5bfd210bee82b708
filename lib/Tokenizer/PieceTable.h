//===- PieceTable.h - From a piece's text to its id -------------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_PIECETABLE_H
#define WINNOW_LIB_TOKENIZER_PIECETABLE_H

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace winnow {

/// Mixes two words; the multiplication carries low bits up, the fold carries
/// them down again.
inline uint64_t mixBits(uint64_t a, uint64_t b) {
  unsigned __int128 product =
      static_cast<unsigned __int128>(a ^ 0x9e3779b97f4a7c15ull) *
      (b ^ 0xd6e8feb86659fd93ull);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

/// A hash of \p text, eight bytes at a time.
inline uint64_t hashText(std::string_view text) {
  uint64_t hash = text.size();
  const char *bytes = text.data();
  size_t left = text.size();
  for (; left >= 8; bytes += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    hash = mixBits(hash, word);
  }
  uint64_t word = 0;
  if (left)
    std::memcpy(&word, bytes, left);
  return mixBits(hash, word);
}

/// Open addressing over strings that live elsewhere: a slot holds 32 bits of
/// the hash, so that a miss seldom touches a string. \p Texts gives the string
/// of an id by `operator()(uint32_t)`.
class PieceTable {
public:
  static constexpr uint32_t none = 0xffffffffu;

  /// Makes room for \p count strings at a load of at most one half.
  explicit PieceTable(size_t count = 0) {
    size_t size = 16;
    while (size < 2 * count)
      size *= 2;
    slots.assign(size, Slot{0, none});
  }

  /// Adds \p id unless its text is there already; true if it was added.
  template <typename Texts> bool insert(uint32_t id, const Texts &texts) {
    std::string_view text = texts(id);
    uint64_t hash = hashText(text);
    size_t mask = slots.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      Slot &slot = slots[at];
      if (slot.id == none) {
        slot = Slot{static_cast<uint32_t>(hash >> 32), id};
        return true;
      }
      if (slot.tag == static_cast<uint32_t>(hash >> 32) &&
          texts(slot.id) == text)
        return false;
    }
  }

  /// The id whose text is \p text, or `none`.
  template <typename Texts>
  uint32_t find(std::string_view text, const Texts &texts) const {
    uint64_t hash = hashText(text);
    size_t mask = slots.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      const Slot &slot = slots[at];
      if (slot.id == none)
        return none;
      if (slot.tag == static_cast<uint32_t>(hash >> 32) &&
          texts(slot.id) == text)
        return slot.id;
    }
  }

private:
  struct Slot {
    uint32_t tag;
    uint32_t id;
  };
  std::vector<Slot> slots;
};

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_PIECETABLE_H
