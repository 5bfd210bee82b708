//===- Text.cpp - Strings as Python sees them -----------------------------===//

#include "Text.h"

#include <algorithm>
#include <cstdint>

namespace winnow {
namespace chat {

static size_t characterSize(std::string_view text) {
  auto byte = static_cast<unsigned char>(text[0]);
  size_t size = byte < 0xc2 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  if (byte > 0xf4 || size > text.size())
    return 1;
  for (size_t i = 1; i < size; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80)
      return 1;
  return size;
}

std::vector<std::string_view> charactersOf(std::string_view text) {
  std::vector<std::string_view> characters;
  while (!text.empty()) {
    characters.push_back(text.substr(0, characterSize(text)));
    text.remove_prefix(characters.back().size());
  }
  return characters;
}

bool isSpace(std::string_view c) {
  if (c.size() == 1)
    return c[0] == ' ' || (c[0] >= 9 && c[0] <= 13) ||
           (c[0] >= 0x1c && c[0] <= 0x1f);
  for (std::string_view space : {"\u0085", "\u00a0", "\u1680", "\u2028",
                                 "\u2029", "\u202f", "\u205f", "\u3000"})
    if (c == space)
      return true;
  return c >= "\u2000" && c <= "\u200a" && c.size() == 3;
}

/// The last character.
static std::string_view lastOf(std::string_view text) {
  for (size_t size = std::min<size_t>(4, text.size()); size > 1; --size) {
    std::string_view end = text.substr(text.size() - size);
    if (characterSize(end) == size)
      return end;
  }
  return text.substr(text.size() - 1);
}

std::string_view strip(std::string_view text, const std::string *which,
                       bool left, bool right) {
  std::vector<std::string_view> chosen;
  if (which)
    chosen = charactersOf(*which);
  auto goes = [&](std::string_view c) {
    return which ? std::find(chosen.begin(), chosen.end(), c) != chosen.end()
                 : isSpace(c);
  };
  while (left && !text.empty() && goes(text.substr(0, characterSize(text))))
    text.remove_prefix(characterSize(text));
  while (right && !text.empty() && goes(lastOf(text)))
    text.remove_suffix(lastOf(text).size());
  return text;
}

static std::vector<std::string> splitAtSpaces(std::string_view text,
                                              int64_t most, bool fromRight) {
  std::vector<std::string> parts;
  text = strip(text, nullptr, !fromRight, fromRight);
  while (!text.empty()) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.emplace_back(text);
      break;
    }
    size_t size = fromRight ? text.size() : 0;
    if (fromRight)
      while (size && !isSpace(lastOf(text.substr(0, size))))
        size -= lastOf(text.substr(0, size)).size();
    else
      while (size < text.size() &&
             !isSpace(text.substr(size, characterSize(text.substr(size)))))
        size += characterSize(text.substr(size));
    parts.emplace_back(fromRight ? text.substr(size) : text.substr(0, size));
    text = strip(fromRight ? text.substr(0, size) : text.substr(size), nullptr,
                 !fromRight, fromRight);
  }
  if (fromRight)
    std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string> split(std::string_view text,
                               const std::string *separator, int64_t most,
                               bool fromRight) {
  if (!separator)
    return splitAtSpaces(text, most, fromRight);
  std::vector<std::string> parts;
  while (most < 0 || static_cast<int64_t>(parts.size()) < most) {
    size_t found = fromRight ? text.rfind(*separator) : text.find(*separator);
    if (found == std::string_view::npos)
      break;
    std::string_view before = text.substr(0, found),
                     after = text.substr(found + separator->size());
    parts.emplace_back(fromRight ? after : before);
    text = fromRight ? before : after;
  }
  parts.emplace_back(text);
  if (fromRight)
    std::reverse(parts.begin(), parts.end());
  return parts;
}

std::string replaceAll(std::string_view text, std::string_view from,
                       std::string_view to, int64_t most) {
  std::string result;
  if (from.empty()) {
    // Between all characters and at both ends.
    for (std::string_view c : charactersOf(text)) {
      if (most != 0) {
        result += to;
        --most;
      }
      result += c;
    }
    return most != 0 ? result += to : result;
  }
  for (; most != 0; --most) {
    size_t found = text.find(from);
    if (found == std::string_view::npos)
      break;
    result.append(text.substr(0, found)).append(to);
    text.remove_prefix(found + from.size());
  }
  return result.append(text);
}

static char upper(char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

std::string toUpper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), upper);
  return text;
}

std::string toLower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), lower);
  return text;
}

std::string capitalize(std::string text) {
  text = toLower(std::move(text));
  if (!text.empty())
    text[0] = upper(text[0]);
  return text;
}

std::string titleCase(std::string text) {
  bool inside = false;
  for (char &c : text) {
    c = inside ? lower(c) : upper(c);
    inside = lower(c) >= 'a' && lower(c) <= 'z';
  }
  return text;
}

} // namespace chat
} // namespace winnow
