//===- PreTokenizer.cpp - Cuts text into words ----------------------------===//

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "ExpressionView.h"
#include "PreTokenizer.h"
#include "Utf8.h"

#include <algorithm>
#include <memory>

using namespace winnow;

static pcre2_code *asCode(void *code) {
  return static_cast<pcre2_code *>(code);
}

PreTokenizer::~PreTokenizer() {
  for (const Cut &cut : cuts)
    pcre2_code_free(asCode(cut.code));
}

/// `\s` and `\S` as Unicode White_Space: PCRE2 counts U+180E among the spaces
/// as well. Inside a class only `\s` is replaced.
static std::string withUnicodeSpaces(std::string_view expression) {
  constexpr std::string_view spaces =
      "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}"
      "\\x{202f}\\x{205f}\\x{3000}";
  std::string result;
  bool inClass = false;
  for (size_t i = 0; i < expression.size(); ++i) {
    char c = expression[i];
    if (c == '\\' && i + 1 < expression.size()) {
      char escaped = expression[++i];
      if (escaped == 's') {
        result +=
            inClass ? std::string(spaces) : "[" + std::string(spaces) + "]";
      } else if (escaped == 'S' && !inClass) {
        result += "[^" + std::string(spaces) + "]";
      } else {
        result += c;
        result += escaped;
      }
      continue;
    }
    if (c == '[' && !inClass)
      inClass = true;
    else if (c == ']')
      inClass = false;
    result += c;
  }
  return result;
}

bool PreTokenizer::add(std::string_view expression, CutRule rule,
                       std::string &error) {
  std::string pattern = withUnicodeSpaces(expression);
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code *compiled = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr);
  if (!compiled) {
    PCRE2_UCHAR message[256] = {};
    pcre2_get_error_message(code, message, sizeof(message));
    error = "pre-tokenizer expression '" + std::string(expression) +
            "': " + reinterpret_cast<const char *>(message);
    return false;
  }
  // Without a just-in-time compiler matching is only slower.
  pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
  cuts.push_back({compiled, rule});
  return true;
}

bool PreTokenizer::addAll(const TokenizerFile &file, std::string &error) {
  for (uint32_t i = 0; i < file.expressionCount(); ++i)
    if (!add(file.expression(i), file.cutRule(i), error))
      return false;
  return true;
}

namespace {

/// A match or what lies between two of them.
struct Part {
  Stretch stretch;
  bool isMatch;
};

/// Cuts one stretch of a text after the other by one expression.
class Matcher {
public:
  Matcher(std::string_view text, pcre2_code *code)
      : text(text), code(code),
        match(pcre2_match_data_create_from_pattern(code, nullptr),
              pcre2_match_data_free) {}

  /// Appends the matches in \p whole and all that lies between. Matches of
  /// nothing count: two of them enclose a part.
  void run(Stretch whole, std::vector<Part> &parts) const {
    size_t done = whole.begin, from = whole.begin;
    bool any = false;
    while (match && from <= whole.end) {
      if (find(whole, from) < 0)
        break;
      PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(match.get());
      size_t begin = whole.begin + bounds[0], end = whole.begin + bounds[1];
      // \K can turn the bounds round or set them before the start.
      if (begin < done || end < begin || end < from)
        break;
      if (begin == end && any && end == done) {
        // Nothing, directly behind a match: on by a character.
        size_t length = from < whole.end
                            ? announcedLength(static_cast<uint8_t>(text[from]))
                            : 1;
        from += length;
        continue;
      }
      if (begin > done)
        parts.push_back({{done, begin}, false});
      parts.push_back({{begin, end}, true});
      any = true;
      done = from = end;
    }
    if (done < whole.end)
      parts.push_back({{done, whole.end}, false});
  }

private:
  /// A stretch is matched as a text of its own: no expression looks at its
  /// neighbours.
  int find(Stretch whole, size_t from) const {
    auto matchWith = [&](uint32_t options) {
      return pcre2_match(
          code, reinterpret_cast<PCRE2_SPTR>(text.data()) + whole.begin,
          whole.end - whole.begin, from - whole.begin,
          PCRE2_NO_UTF_CHECK | options, match.get(), nullptr);
    };
    int count = matchWith(0);
    // The interpreter keeps its stack on the heap.
    return count == PCRE2_ERROR_JIT_STACKLIMIT ? matchWith(PCRE2_NO_JIT)
                                               : count;
  }

  std::string_view text;
  pcre2_code *code;
  std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data *)> match;
};

} // namespace

/// Appends the words that \p parts of one stretch become.
static void join(const std::vector<Part> &parts, CutBehavior behavior,
                 std::vector<Stretch> &words) {
  size_t first = words.size();
  bool previous = false;
  // Of two matches in a row the second one is a word of its own.
  if (behavior == CutBehavior::MergedWithNext) {
    for (size_t i = parts.size(); i-- > 0; previous = parts[i].isMatch)
      if (parts[i].isMatch && !previous && words.size() > first)
        words.back().begin = parts[i].stretch.begin;
      else
        words.push_back(parts[i].stretch);
    std::reverse(words.begin() + first, words.end());
  } else {
    for (const Part &part : parts) {
      bool joins =
          behavior == CutBehavior::MergedWithPrevious
              ? part.isMatch && !previous
              : behavior == CutBehavior::Contiguous && part.isMatch == previous;
      if (joins && words.size() > first)
        words.back().end = part.stretch.end;
      else if (!part.isMatch || behavior != CutBehavior::Removed)
        words.push_back(part.stretch);
      previous = part.isMatch;
    }
  }
  words.erase(std::remove_if(
                  words.begin() + first, words.end(),
                  [](const Stretch &word) { return word.begin == word.end; }),
              words.end());
}

std::vector<Stretch> PreTokenizer::split(std::string_view text) const {
  std::vector<Stretch> words;
  if (text.empty())
    return words;
  words.push_back({0, text.size()});
  std::string buffer;
  if (!cuts.empty())
    text = viewForExpressions(text, buffer);
  std::vector<Stretch> before;
  std::vector<Part> parts;
  for (const Cut &cut : cuts) {
    Matcher matcher(text, asCode(cut.code));
    before.swap(words);
    words.clear();
    for (Stretch stretch : before) {
      parts.clear();
      matcher.run(stretch, parts);
      if (cut.rule.inverted)
        for (Part &part : parts)
          part.isMatch = !part.isMatch;
      join(parts, cut.rule.behavior, words);
    }
  }
  return words;
}
