//===- Utf8.cpp - UTF-8, strict and as llama.cpp reads it -----------------===//

#include "Utf8.h"

using namespace winnow;

void winnow::appendUtf8(std::string &text, uint32_t codePoint) {
  if (codePoint < 0x80) {
    text.push_back(static_cast<char>(codePoint));
  } else if (codePoint < 0x800) {
    text.push_back(static_cast<char>(0xc0 | codePoint >> 6));
    text.push_back(static_cast<char>(0x80 | (codePoint & 0x3f)));
  } else if (codePoint < 0x10000) {
    text.push_back(static_cast<char>(0xe0 | codePoint >> 12));
    text.push_back(static_cast<char>(0x80 | (codePoint >> 6 & 0x3f)));
    text.push_back(static_cast<char>(0x80 | (codePoint & 0x3f)));
  } else {
    text.push_back(static_cast<char>(0xf0 | codePoint >> 18));
    text.push_back(static_cast<char>(0x80 | (codePoint >> 12 & 0x3f)));
    text.push_back(static_cast<char>(0x80 | (codePoint >> 6 & 0x3f)));
    text.push_back(static_cast<char>(0x80 | (codePoint & 0x3f)));
  }
}

static uint8_t byteAt(std::string_view text, size_t offset) {
  return static_cast<uint8_t>(text[offset]);
}

uint32_t winnow::decodeLenient(std::string_view text, size_t &offset) {
  uint8_t first = byteAt(text, offset);
  if (first < 0x80) {
    ++offset;
    return first;
  }
  size_t length = first < 0xc0 || first >= 0xf8 ? 0 : announcedLength(first);
  if (length == 0 || length > text.size() - offset) {
    ++offset;
    return replacementCharacter;
  }
  uint32_t codePoint = first & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    uint8_t byte = byteAt(text, offset + i);
    if ((byte & 0xc0) != 0x80) {
      ++offset;
      return replacementCharacter;
    }
    codePoint = codePoint << 6 | (byte & 0x3f);
  }
  offset += length;
  return codePoint > 0x10ffff ? replacementCharacter : codePoint;
}

Utf8Step winnow::classifyUtf8(std::string_view text, size_t offset) {
  uint8_t first = byteAt(text, offset);
  if (first < 0x80)
    return {Utf8Step::Complete, 1};
  if (first < 0xc2 || first > 0xf4)
    return {Utf8Step::Invalid, 1};
  size_t length = announcedLength(first);
  // The second byte alone excludes overlong forms, surrogates and what lies
  // above 0x10ffff.
  uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  for (size_t i = 1; i < length; ++i) {
    if (offset + i == text.size())
      return {Utf8Step::Incomplete, i};
    uint8_t byte = byteAt(text, offset + i);
    if (byte < low || byte > high)
      return {Utf8Step::Invalid, i};
    low = 0x80;
    high = 0xbf;
  }
  return {Utf8Step::Complete, length};
}

bool winnow::isValidUtf8(std::string_view text) {
  for (size_t offset = 0; offset < text.size();) {
    if (byteAt(text, offset) < 0x80) {
      ++offset;
      continue;
    }
    Utf8Step step = classifyUtf8(text, offset);
    if (step.kind != Utf8Step::Complete)
      return false;
    offset += step.length;
  }
  return true;
}
