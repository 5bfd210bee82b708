//===- Compose.cpp - Unicode's normalization form C -----------------------===//

#include "Compose.h"
#include "Utf8.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <vector>

using namespace winnow;

namespace {

/// `point` stands for `first` and, if it is not 0, `second`. Composing does not
/// undo it where `second` has the bit `excluded`.
struct Decomposition {
  uint32_t point, first, second;
};

/// Code points of one combining class other than 0.
struct CombiningRange {
  uint32_t first, last, kind;
};

struct Character {
  uint32_t point, kind;
  size_t place = 0; ///< among those that are sorted
};

} // namespace

static constexpr uint32_t excluded = 1u << 31;

#include "ComposeTables.inc"

// Hangul syllables compose by arithmetic: 19 leading consonants, 21 vowels and
// 27 endings, with no ending as the 28th.
static constexpr uint32_t syllables = 0xac00, leads = 0x1100, vowels = 0x1161,
                          endings = 0x11a7;
static constexpr uint32_t syllableCount = 11172, leadCount = 19,
                          vowelCount = 21, endingCount = 28;

static uint32_t combiningClass(uint32_t point) {
  const CombiningRange *next =
      std::upper_bound(std::begin(combiningRanges), std::end(combiningRanges),
                       point, [](uint32_t value, const CombiningRange &range) {
                         return value < range.first;
                       });
  if (next == combiningRanges || point > next[-1].last)
    return 0;
  return next[-1].kind;
}

static void decompose(uint32_t point, std::vector<Character> &characters) {
  uint32_t index = point - syllables;
  if (index < syllableCount) {
    characters.push_back({leads + index / (vowelCount * endingCount), 0});
    characters.push_back(
        {vowels + index % (vowelCount * endingCount) / endingCount, 0});
    if (index % endingCount)
      characters.push_back({endings + index % endingCount, 0});
    return;
  }
  const Decomposition *row =
      std::lower_bound(std::begin(decompositions), std::end(decompositions),
                       point, [](const Decomposition &entry, uint32_t value) {
                         return entry.point < value;
                       });
  if (row == std::end(decompositions) || row->point != point) {
    characters.push_back({point, combiningClass(point)});
    return;
  }
  decompose(row->first, characters);
  if (uint32_t second = row->second & ~excluded)
    decompose(second, characters);
}

/// The composition of two code points, or 0.
static uint32_t composePair(uint32_t first, uint32_t second) {
  static const auto pairs = [] {
    std::unordered_map<uint64_t, uint32_t> result;
    for (const Decomposition &row : decompositions)
      if (row.second && !(row.second & excluded))
        result[uint64_t(row.first) << 32 | row.second] = row.point;
    return result;
  }();
  if (first - leads < leadCount && second - vowels < vowelCount)
    return syllables +
           ((first - leads) * vowelCount + second - vowels) * endingCount;
  if (first - syllables < syllableCount &&
      (first - syllables) % endingCount == 0 && second > endings &&
      second < endings + endingCount)
    return first + second - endings;
  auto found = pairs.find(uint64_t(first) << 32 | second);
  return found == pairs.end() ? 0 : found->second;
}

std::string winnow::compose(std::string_view text) {
  // Nothing below U+0300 decomposes into anything that is not composed again.
  if (std::all_of(text.begin(), text.end(),
                  [](char byte) { return static_cast<uint8_t>(byte) < 0xcc; }))
    return std::string(text);
  std::vector<Character> characters;
  for (size_t offset = 0; offset < text.size();)
    decompose(decodeLenient(text, offset), characters);
  for (auto begin = characters.begin(); begin != characters.end();) {
    if (begin->kind == 0) {
      ++begin;
      continue;
    }
    auto end = std::find_if(begin, characters.end(),
                            [](const Character &c) { return c.kind == 0; });
    // By class, else as they came. (std::stable_sort of libstdc++ 12 uses what
    // C++17 deprecates.)
    for (auto it = begin; it != end; ++it)
      it->place = static_cast<size_t>(it - begin);
    std::sort(begin, end, [](const Character &a, const Character &b) {
      return std::pair(a.kind, a.place) < std::pair(b.kind, b.place);
    });
    begin = end;
  }
  std::string result;
  std::vector<Character> composed;
  size_t starter = SIZE_MAX;
  for (const Character &next : characters) {
    if (starter != SIZE_MAX) {
      // Blocked if something of the same class or a starter lies between.
      bool adjacent = composed.size() == starter + 1;
      if (adjacent || composed.back().kind < next.kind)
        if (uint32_t point = composePair(composed[starter].point, next.point)) {
          composed[starter].point = point;
          continue;
        }
    }
    if (next.kind == 0)
      starter = composed.size();
    composed.push_back(next);
  }
  for (const Character &character : composed)
    appendUtf8(result, character.point);
  return result;
}
