//===- Json.cpp - Reading a manifest --------------------------------------===//

#include "Json.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace winnow {
namespace run {

static constexpr int kDeepest = 100;

const Json *Json::find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i)
    if (keys[i] == key)
      return &items[i];
  return nullptr;
}

std::optional<double> Json::number() const {
  if (kind != Kind::Number)
    return std::nullopt;
  return std::strtod(text.c_str(), nullptr);
}

namespace {

class Parser {
public:
  explicit Parser(std::string_view text) : text(text) {}

  std::optional<Json> parse(std::string &error) {
    Json value;
    if (parseValue(value, 0)) {
      skipSpace();
      if (at == text.size())
        return value;
    }
    error = "malformed JSON at byte " + std::to_string(at);
    return std::nullopt;
  }

private:
  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' ||
                                text[at] == '\t' || text[at] == '\r'))
      ++at;
  }
  bool take(std::string_view expected) {
    if (text.substr(at, expected.size()) != expected)
      return false;
    at += expected.size();
    return true;
  }
  bool takeAfterSpace(std::string_view expected) {
    skipSpace();
    return take(expected);
  }

  bool parseValue(Json &value, int depth) {
    skipSpace();
    if (at >= text.size() || depth > kDeepest)
      return false;
    switch (text[at]) {
    case '{':
      return parseObject(value, depth);
    case '[':
      return parseArray(value, depth);
    case '"':
      value.kind = Json::Kind::String;
      return parseString(value.text);
    case 't':
      value.boolean = true;
      value.kind = Json::Kind::Boolean;
      return take("true");
    case 'f':
      value.kind = Json::Kind::Boolean;
      return take("false");
    case 'n':
      return take("null");
    default:
      return parseNumber(value);
    }
  }

  bool parseObject(Json &value, int depth) {
    value.kind = Json::Kind::Object;
    ++at;
    if (takeAfterSpace("}"))
      return true;
    do {
      skipSpace();
      value.keys.emplace_back();
      value.items.emplace_back();
      if (!parseString(value.keys.back()) || !takeAfterSpace(":") ||
          !parseValue(value.items.back(), depth + 1))
        return false;
    } while (takeAfterSpace(","));
    return take("}");
  }

  bool parseArray(Json &value, int depth) {
    value.kind = Json::Kind::Array;
    ++at;
    if (takeAfterSpace("]"))
      return true;
    do {
      value.items.emplace_back();
      if (!parseValue(value.items.back(), depth + 1))
        return false;
    } while (takeAfterSpace(","));
    return take("]");
  }

  bool parseNumber(Json &value) {
    value.kind = Json::Kind::Number;
    size_t start = at;
    take("-");
    size_t digits = skipDigits();
    // No leading zeros.
    if (digits == 0 || (digits > 1 && text[at - digits] == '0'))
      return false;
    if (take(".") && skipDigits() == 0)
      return false;
    if (take("e") || take("E")) {
      if (!take("+"))
        take("-");
      if (skipDigits() == 0)
        return false;
    }
    value.text = std::string(text.substr(start, at - start));
    return true;
  }
  size_t skipDigits() {
    size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9')
      ++at;
    return at - start;
  }

  bool parseString(std::string &result) {
    if (!take("\""))
      return false;
    while (at < text.size() && text[at] != '"') {
      char c = text[at++];
      if (static_cast<unsigned char>(c) < 0x20)
        return false;
      if (c != '\\')
        result += c;
      else if (!parseEscape(result))
        return false;
    }
    return take("\"");
  }

  bool parseEscape(std::string &result) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (at >= text.size())
      return false;
    char c = text[at++];
    size_t simple = kNames.find(c);
    if (simple != std::string_view::npos) {
      result += kValues[simple];
      return true;
    }
    uint32_t code, low;
    if (c != 'u' || !parseHex(code))
      return false;
    if (code >= 0xd800 && code < 0xdc00 && take("\\u")) {
      if (!parseHex(low) || low < 0xdc00 || low > 0xdfff)
        return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    appendUtf8(result, code);
    return true;
  }

  bool parseHex(uint32_t &code) {
    code = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      char c = at < text.size() ? text[at] : '\0';
      int digit = c >= '0' && c <= '9'   ? c - '0'
                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                         : -1;
      if (digit < 0)
        return false;
      code = code * 16 + static_cast<uint32_t>(digit);
    }
    return true;
  }

  static void appendUtf8(std::string &result, uint32_t code) {
    if (code >= 0xd800 && code < 0xe000)
      code = 0xfffd; // half of a pair
    if (code < 0x80) {
      result += static_cast<char>(code);
      return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static constexpr uint32_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
    result += static_cast<char>(kLead[more] | code >> (6 * more));
    while (more-- > 0)
      result += static_cast<char>(0x80 | (code >> (6 * more) & 0x3f));
  }

  std::string_view text;
  size_t at = 0;
};

} // namespace

std::optional<Json> parseJson(std::string_view text, std::string &error) {
  return Parser(text).parse(error);
}

std::string quoteJson(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", c);
      quoted += code;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

} // namespace run
} // namespace winnow
