//===- ExpressionView.cpp - What expressions see of a text ----------------===//

#include "ExpressionView.h"
#include "Utf8.h"

using namespace winnow;

/// A character of the same kind and size that every PCRE2 knows, in place of
/// one that the expressions cannot be shown. Kinds are letter, number,
/// punctuation and other.
///
/// Vocabularies are made with a certain version of Unicode, llama.cpp
/// with 15.1, and the library at hand has another (PCRE2 10.40 has 14). These
/// ranges are what Unicode 15 and 15.1 added; all lie between U+10000 and
/// U+3FFFF.
static uint32_t standIn(uint32_t codePoint) {
  constexpr uint32_t letter = 0x10000, number = 0x10107, punctuation = 0x10100;
  struct Range {
    uint32_t first, last, kind;
  };
  static constexpr Range newer[] = {
      {0x1123f, 0x11240, letter}, {0x11b00, 0x11b09, punctuation},
      {0x11f02, 0x11f02, letter}, {0x11f04, 0x11f10, letter},
      {0x11f12, 0x11f33, letter}, {0x11f43, 0x11f4f, punctuation},
      {0x11f50, 0x11f59, number}, {0x1342f, 0x1342f, letter},
      {0x13441, 0x13446, letter}, {0x1b132, 0x1b132, letter},
      {0x1b155, 0x1b155, letter}, {0x1d2c0, 0x1d2d3, number},
      {0x1df25, 0x1df2a, letter}, {0x1e030, 0x1e06d, letter},
      {0x1e4d0, 0x1e4eb, letter}, {0x1e4f0, 0x1e4f9, number},
      {0x2b739, 0x2b739, letter}, {0x2ebf0, 0x2ee5d, letter},
      {0x31350, 0x323af, letter},
  };
  if (codePoint < 0xd800)
    return codePoint;
  if (codePoint <= 0xdfff)
    return 0xe000;
  for (const Range &range : newer)
    if (codePoint >= range.first && codePoint <= range.last)
      return range.kind;
  return codePoint;
}

std::string_view winnow::viewForExpressions(std::string_view text,
                                            std::string &buffer) {
  if (text.find('\xf0') == std::string_view::npos && isValidUtf8(text))
    return text;
  buffer.clear();
  buffer.reserve(text.size());
  for (size_t offset = 0; offset < text.size();) {
    size_t begin = offset, size = buffer.size();
    appendUtf8(buffer, standIn(decodeLenient(text, offset)));
    // Whatever is not written in its usual length.
    if (buffer.size() - size != offset - begin) {
      buffer.resize(size);
      buffer.append(offset - begin, '\x1a');
    }
  }
  return buffer;
}
