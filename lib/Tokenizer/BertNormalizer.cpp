//===- BertNormalizer.cpp - BERT's cleaning of text -----------------------===//

#include "BertNormalizer.h"
#include "Utf8.h"

#include <algorithm>
#include <iterator>

using namespace winnow;

namespace {

/// The code points from `first` to `last`.
struct Range {
  uint32_t first, last;
};

/// Every `step`-th code point from `first` to `last` becomes itself plus
/// `added`.
struct Shift {
  uint32_t first, last, step;
  int32_t added;
};

/// `from` becomes `to`, up to the first zero.
struct Sequence {
  uint32_t from, to[3];
};

} // namespace

#include "BertNormalizerTables.inc"

/// The last row that starts at \p point or before, or null.
template <typename Row, size_t size>
static const Row *findRow(const Row (&rows)[size], uint32_t point,
                          uint32_t Row::*start) {
  const Row *next = std::upper_bound(
      std::begin(rows), std::end(rows), point,
      [&](uint32_t value, const Row &row) { return value < row.*start; });
  return next == rows ? nullptr : next - 1;
}

template <size_t size>
static bool contains(const Range (&ranges)[size], uint32_t point) {
  const Range *range = findRow(ranges, point, &Range::first);
  return range && point <= range->last;
}

/// Calls \p use with what \p point becomes by the two tables.
template <size_t shiftCount, size_t sequenceCount, typename Use>
static void replace(const Shift (&shifts)[shiftCount],
                    const Sequence (&sequences)[sequenceCount], uint32_t point,
                    Use use) {
  const Shift *shift = findRow(shifts, point, &Shift::first);
  if (shift && point <= shift->last &&
      (point - shift->first) % shift->step == 0)
    return use(point + static_cast<uint32_t>(shift->added));
  const Sequence *sequence = findRow(sequences, point, &Sequence::from);
  if (!sequence || sequence->from != point)
    return use(point);
  for (uint32_t part : sequence->to)
    if (part)
      use(part);
}

/// The canonical decomposition without nonspacing marks.
template <typename Use> static void stripAccents(uint32_t point, Use use) {
  constexpr uint32_t firstSyllable = 0xac00, lastSyllable = 0xd7a3;
  if (point >= firstSyllable && point <= lastSyllable) {
    // A Hangul syllable: 19 leading consonants, 21 vowels, 28 endings.
    uint32_t index = point - firstSyllable;
    use(0x1100 + index / 588);
    use(0x1161 + index % 588 / 28);
    if (index % 28)
      use(0x11a7 + index % 28);
    return;
  }
  if (!contains(marks, point))
    replace(strippedShifts, strippedSequences, point, use);
}

static bool isChinese(uint32_t point) {
  static constexpr Range blocks[] = {{0x3400, 0x4dbf},   {0x4e00, 0x9fff},
                                     {0xf900, 0xfaff},   {0x20000, 0x2a6df},
                                     {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f},
                                     {0x2b820, 0x2ceaf}, {0x2f800, 0x2fa1f}};
  return contains(blocks, point);
}

namespace {

/// Words under construction.
class WordList {
public:
  void add(uint32_t point) {
    // Unicode's White_Space; cleaning removes the ones that are controls.
    if (contains(spaces, point) || point == 0x0b || point == 0x0c ||
        point == 0x85)
      return end();
    bool alone = contains(punctuation, point);
    if (alone)
      end();
    appendUtf8(word, point);
    if (alone)
      end();
  }
  void end() {
    if (!word.empty())
      words.push_back(std::move(word));
    word.clear();
  }

  std::vector<std::string> words;

private:
  std::string word;
};

} // namespace

std::vector<std::string> winnow::bertWords(std::string_view text,
                                           const BertRules &rules) {
  WordList list;
  auto addLowered = [&](uint32_t point) {
    if (!rules.lowercase)
      return list.add(point);
    replace(loweredShifts, loweredSequences, point,
            [&](uint32_t part) { list.add(part); });
  };
  for (size_t offset = 0; offset < text.size();) {
    Utf8Step step = classifyUtf8(text, offset);
    uint32_t point = replacementCharacter;
    size_t next = offset + step.length;
    if (step.kind == Utf8Step::Complete)
      point = decodeLenient(text, offset);
    offset = next;
    if (rules.cleanText && contains(removed, point))
      continue;
    bool alone = rules.separateChinese && isChinese(point);
    if (alone)
      list.end();
    if (rules.stripAccents)
      stripAccents(point, addLowered);
    else
      addLowered(point);
    if (alone)
      list.end();
  }
  list.end();
  return std::move(list.words);
}
