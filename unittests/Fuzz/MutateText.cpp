//===- MutateText.cpp - Random changes to text that has tokens ------------===//

#include "MutateText.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace winnow {
namespace fuzz {

using Tokens = std::vector<std::string_view>;

/// Numbers at which something may overflow, and the smallest values of JSON.
static constexpr std::string_view interesting[] = {
    "0",          "1",          "-1",   "2",     "3",    "16",
    "64",         "65536",      "0.5",  "1e-30", "1e39", "1e999",
    "2147483647", "2147483648", "null", "true",  "{}",   "9223372036854775807",
    "4294967295", "4294967296", "[]",   "false", "\"\"", "-9223372036854775808",
    "?",          "[[]]"};

static bool isWord(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '.' || c >= 0x80;
}
static bool isSpace(char c) { return c == ' ' || c == '\n' || c == '\t'; }

/// Words, strings in double quotes, runs of spaces and single characters.
static Tokens tokenize(std::string_view text) {
  Tokens tokens;
  for (size_t begin = 0, end; begin < text.size(); begin = end) {
    end = begin + 1;
    if (text[begin] == '"') {
      while (end < text.size() && text[end] != '"')
        end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
    } else if (isWord(text[begin])) {
      while (end < text.size() && isWord(text[end]))
        ++end;
    } else if (isSpace(text[begin])) {
      while (end < text.size() && isSpace(text[end]))
        ++end;
    }
    tokens.push_back(text.substr(begin, end - begin));
  }
  return tokens;
}

static size_t below(size_t limit, Random &random) {
  return random() % std::max<size_t>(limit, 1);
}

namespace {
struct Range {
  size_t begin, end;
};
} // namespace

/// A few tokens, a line, or what brackets enclose.
static Range pick(const Tokens &tokens, Random &random) {
  size_t begin = below(tokens.size(), random), end = begin + 1;
  if (tokens.empty())
    return {0, 0};
  std::string_view first = tokens[begin];
  if ((first == "{" || first == "[" || first == "(" || first == "<") &&
      below(4, random)) {
    int depth = 1;
    for (; end < tokens.size() && depth; ++end)
      if (tokens[end].size() == 1)
        depth += (std::string_view("{[(<").find(tokens[end]) !=
                  std::string_view::npos) -
                 (std::string_view("}])>").find(tokens[end]) !=
                  std::string_view::npos);
    return {begin, end};
  }
  if (below(4, random) == 0) {
    while (end < tokens.size() &&
           tokens[end].find('\n') == std::string_view::npos)
      ++end;
    return {begin, end};
  }
  if (below(2, random))
    end = std::min(begin + 1 + below(6, random), tokens.size());
  return {begin, end};
}

/// Replaces `range` of `tokens` by `part`.
static void splice(Tokens &tokens, Range range, Tokens part) {
  auto at =
      tokens.erase(tokens.begin() + range.begin, tokens.begin() + range.end);
  tokens.insert(at, part.begin(), part.end());
}

static Tokens slice(const Tokens &tokens, Range range) {
  return Tokens(tokens.begin() + range.begin, tokens.begin() + range.end);
}

static std::string join(const Tokens &tokens) {
  std::string text;
  for (std::string_view token : tokens)
    text += token;
  return text;
}

std::string mutateBytes(std::string_view bytes, size_t grow) {
  std::string result(bytes);
  result.resize(bytes.size() + grow);
  result.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t *>(&result[0]),
                                 bytes.size(), result.size()));
  return result;
}

std::string mutateText(std::string_view text, Random &random) {
  Tokens tokens = tokenize(text);
  std::vector<std::string> fresh; // owns new tokens
  fresh.reserve(8);
  for (size_t steps = 1 + below(3, random); steps; --steps) {
    Range range = pick(tokens, random);
    switch (below(5, random)) {
    case 0: // Leave it out.
      splice(tokens, range, {});
      break;
    case 1: { // Say it once more, here or elsewhere.
      size_t at = below(2, random) ? range.end : below(tokens.size(), random);
      splice(tokens, {at, at}, slice(tokens, range));
      break;
    }
    case 2: // Say something else of the text.
      splice(tokens, range, slice(tokens, pick(tokens, random)));
      break;
    case 3: {
      size_t which = below(std::size(interesting), random);
      if (range.begin < range.end)
        splice(tokens, {range.begin, range.begin + 1}, {interesting[which]});
      break;
    }
    case 4: // Change the bytes of a token.
      if (range.begin < range.end) {
        fresh.push_back(mutateBytes(tokens[range.begin], 16));
        tokens[range.begin] = fresh.back();
      }
      break;
    }
  }
  return join(tokens);
}

std::string crossText(std::string_view text, std::string_view other,
                      Random &random) {
  Tokens tokens = tokenize(text), others = tokenize(other);
  Range range = pick(tokens, random);
  if (below(2, random))
    range.end = range.begin;
  splice(tokens, range, slice(others, pick(others, random)));
  return join(tokens);
}

} // namespace fuzz
} // namespace winnow
