//===- Utf8.h - UTF-8, strict and as llama.cpp reads it ---------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_UTF8_H
#define WINNOW_LIB_TOKENIZER_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace winnow {

constexpr uint32_t replacementCharacter = 0xfffd;

/// The number of bytes that the first byte of a character announces; 1 for
/// bytes that start none. Never more than 4.
inline size_t announcedLength(uint8_t first) {
  return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/// Appends \p codePoint (at most 0x10ffff; surrogates in three bytes).
void appendUtf8(std::string &text, uint32_t codePoint);

/// The code point of the character at \p offset, which is moved behind it.
/// Lenient: overlong forms and surrogates are decoded; a byte that does not
/// fit is U+FFFD by itself; so is, as a whole, what lies above 0x10ffff.
uint32_t decodeLenient(std::string_view text, size_t &offset);

/// What the bytes at \p offset are by the Unicode standard.
struct Utf8Step {
  enum Kind { Complete, Incomplete, Invalid } kind;
  /// Complete: its length. Incomplete: all that is left. Invalid: the longest
  /// start of a character that cannot be continued, at least one byte.
  size_t length;
};
Utf8Step classifyUtf8(std::string_view text, size_t offset);

/// True if \p text is valid UTF-8 throughout.
bool isValidUtf8(std::string_view text);

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_UTF8_H
