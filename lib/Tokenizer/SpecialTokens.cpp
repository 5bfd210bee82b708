//===- SpecialTokens.cpp - Tokens that are found before splitting ---------===//
//
// The rule is stated token by token: take the longest token, cut all its
// occurrences out of the text, go on with the next one in what is left. Done so
// it costs a pass over the text for each of thousands of tokens. Here each
// position waits in the bucket of the longest token that starts there; buckets
// are emptied from long to short, and a position whose token no longer fits
// moves to the bucket of the next shorter token that starts there.
//
//===----------------------------------------------------------------------===//

#include "SpecialTokens.h"

#include <algorithm>

using namespace winnow;

SpecialTokens::SpecialTokens(const std::vector<Token> &tokens) {
  entries.reserve(tokens.size());
  for (size_t rank = 0; rank < tokens.size(); ++rank)
    if (!tokens[rank].text.empty())
      entries.push_back({tokens[rank].text, tokens[rank].id,
                         static_cast<uint32_t>(rank), none});
  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) {
    return a.text != b.text ? a.text < b.text : a.rank < b.rank;
  });
  entries.erase(std::unique(entries.begin(), entries.end(),
                            [](const Entry &a, const Entry &b) {
                              return a.text == b.text;
                            }),
                entries.end());
  // In this order the tokens that start a token are the open ones above it.
  std::vector<uint32_t> open;
  for (uint32_t i = 0; i < entries.size(); ++i) {
    std::string_view text = entries[i].text;
    longest = std::max(longest, text.size());
    while (!open.empty() && text.substr(0, entries[open.back()].text.size()) !=
                                entries[open.back()].text)
      open.pop_back();
    if (!open.empty())
      entries[i].prefix = open.back();
    open.push_back(i);
    ++firstByte[static_cast<uint8_t>(text[0]) + 1];
  }
  for (size_t byte = 0; byte < 256; ++byte)
    firstByte[byte + 1] += firstByte[byte];
}

uint32_t SpecialTokens::longestAt(std::string_view text, size_t offset) const {
  uint8_t first = static_cast<uint8_t>(text[offset]);
  uint32_t begin = firstByte[first], end = firstByte[first + 1];
  uint32_t found = none;
  for (size_t depth = 1; begin != end; ++depth) {
    // All of [begin, end) start with the `depth` bytes at `offset`; one that
    // ends here is the first of them.
    if (entries[begin].text.size() == depth) {
      found = begin++;
    }
    if (offset + depth == text.size())
      break;
    uint8_t next = static_cast<uint8_t>(text[offset + depth]);
    auto byteAt = [depth](const Entry &entry) {
      return static_cast<uint8_t>(entry.text[depth]);
    };
    auto lower = std::lower_bound(
        entries.begin() + begin, entries.begin() + end, next,
        [&](const Entry &entry, uint8_t byte) { return byteAt(entry) < byte; });
    auto upper = std::upper_bound(
        lower, entries.begin() + end, next,
        [&](uint8_t byte, const Entry &entry) { return byte < byteAt(entry); });
    begin = static_cast<uint32_t>(lower - entries.begin());
    end = static_cast<uint32_t>(upper - entries.begin());
  }
  return found;
}

std::vector<SpecialTokens::Match>
SpecialTokens::findLeftmost(std::string_view text) const {
  std::vector<Match> matches;
  for (size_t offset = 0; offset < text.size();) {
    uint32_t entry = entries.empty() ? none : longestAt(text, offset);
    if (entry == none) {
      ++offset;
      continue;
    }
    matches.push_back({offset, entries[entry].text.size(), entries[entry].id});
    offset += matches.back().size;
  }
  return matches;
}

std::vector<SpecialTokens::Match>
SpecialTokens::find(std::string_view text) const {
  std::vector<Match> matches;
  if (entries.empty())
    return matches;

  struct Candidate {
    uint32_t entry;
    size_t begin;
  };
  std::vector<std::vector<Candidate>> byLength(longest + 1);
  bool any = false;
  for (size_t offset = 0; offset < text.size(); ++offset) {
    uint32_t entry = longestAt(text, offset);
    if (entry == none)
      continue;
    byLength[entries[entry].text.size()].push_back({entry, offset});
    any = true;
  }
  if (!any)
    return matches;

  std::vector<bool> taken(text.size());
  for (size_t length = longest; length > 0; --length) {
    std::vector<Candidate> candidates = std::move(byLength[length]);
    std::sort(candidates.begin(), candidates.end(),
              [&](const Candidate &a, const Candidate &b) {
                uint32_t rankA = entries[a.entry].rank,
                         rankB = entries[b.entry].rank;
                return rankA != rankB ? rankA < rankB : a.begin < b.begin;
              });
    for (const Candidate &candidate : candidates) {
      // What was taken so far is at least as long, so it covers one end of
      // whatever it overlaps.
      if (taken[candidate.begin])
        continue;
      const Entry &entry = entries[candidate.entry];
      if (!taken[candidate.begin + length - 1]) {
        std::fill_n(taken.begin() + candidate.begin, length, true);
        matches.push_back({candidate.begin, length, entry.id});
      } else if (entry.prefix != none) {
        byLength[entries[entry.prefix].text.size()].push_back(
            {entry.prefix, candidate.begin});
      }
    }
  }
  std::sort(matches.begin(), matches.end(),
            [](const Match &a, const Match &b) { return a.begin < b.begin; });
  return matches;
}
