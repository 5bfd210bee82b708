//===- PreTokenizer.cpp - Cuts text into words ----------------------------===//

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "PreTokenizer.h"

#include <memory>

using namespace winnow;

static pcre2_code *asCode(void *code) {
  return static_cast<pcre2_code *>(code);
}

PreTokenizer::~PreTokenizer() {
  for (void *code : codes)
    pcre2_code_free(asCode(code));
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

bool PreTokenizer::add(std::string_view expression, std::string &error) {
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
  codes.push_back(compiled);
  return true;
}

std::vector<size_t> PreTokenizer::split(std::string_view text) const {
  std::vector<size_t> ends;
  if (text.empty())
    return ends;
  ends.push_back(text.size());
  PCRE2_SPTR subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  std::vector<size_t> before;
  for (void *code : codes) {
    std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data *)> match(
        pcre2_match_data_create_from_pattern(asCode(code), nullptr),
        pcre2_match_data_free);
    if (!match)
      return ends;
    before.swap(ends);
    ends.clear();
    size_t begin = 0;
    for (size_t end : before) {
      // A stretch is matched as a text of its own: no expression looks at its
      // neighbours.
      size_t done = begin;
      for (size_t from = begin; from < end;) {
        auto matchWith = [&](uint32_t options) {
          return pcre2_match(asCode(code), subject + begin, end - begin,
                             from - begin,
                             PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY | options,
                             match.get(), nullptr);
        };
        int count = matchWith(0);
        // The interpreter keeps its stack on the heap.
        if (count == PCRE2_ERROR_JIT_STACKLIMIT)
          count = matchWith(PCRE2_NO_JIT);
        if (count < 0)
          break;
        PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(match.get());
        size_t matchBegin = begin + bounds[0], matchEnd = begin + bounds[1];
        // \K in a lookahead can turn the bounds round.
        if (matchEnd <= from || matchBegin < done || matchBegin >= matchEnd)
          break;
        if (matchBegin > done)
          ends.push_back(matchBegin);
        ends.push_back(matchEnd);
        done = from = matchEnd;
      }
      if (done < end)
        ends.push_back(end);
      begin = end;
    }
  }
  return ends;
}
