//===- Lexer.cpp - Templates to tokens ------------------------------------===//

#include "Syntax.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace winnow {
namespace chat {

static bool isBlank(char c) { return c && std::strchr(" \t\n\r\f\v", c); }
static bool isDigit(char c) { return c >= '0' && c <= '9'; }
static bool startsName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// False for what is no character.
static bool appendCharacter(std::string &text, uint32_t code) {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    return false;
  int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const int kFirst[] = {0, 0xc0, 0xe0, 0xf0};
  text += static_cast<char>(kFirst[more] | code >> 6 * more);
  while (more--)
    text += static_cast<char>(0x80 | (code >> 6 * more & 0x3f));
  return true;
}

namespace {

class Lexer {
public:
  Lexer(std::string_view text, std::vector<Token> &tokens, std::string &error)
      : text(text), tokens(tokens), error(error) {}

  bool run();

private:
  bool fail(const std::string &message) {
    error = "line " + std::to_string(line) + ": " + message;
    return false;
  }
  void advance(size_t count) {
    line += static_cast<int>(
        std::count(text.begin() + offset, text.begin() + offset + count, '\n'));
    offset += count;
  }
  void add(Token::Kind kind, std::string value) {
    tokens.push_back({kind, std::move(value), line});
  }
  char at(size_t index) const { return index < text.size() ? text[index] : 0; }
  bool lexData();
  bool lexComment();
  bool lexExpression(bool block);
  bool lexString();
  void lexNumber();
  /// Skips `size` bytes of a closing mark and the blanks that go with it.
  void close(size_t size, bool stripsAll, bool trimsLine);

  std::string_view text;
  std::vector<Token> &tokens;
  std::string &error;
  size_t offset = 0;
  int line = 1;
  bool lineStarting = true;
};

} // namespace

void Lexer::close(size_t size, bool stripsAll, bool trimsLine) {
  size_t end = offset + size;
  if (stripsAll)
    while (isBlank(at(end)))
      ++end;
  else if (trimsLine && at(end) == '\n')
    ++end;
  lineStarting = text[end - 1] == '\n';
  advance(end - offset);
}

/// Text up to the next mark, and the mark.
bool Lexer::lexData() {
  size_t mark = offset;
  while ((mark = text.find('{', mark)) != std::string_view::npos &&
         !std::strchr("{%#", at(mark + 1) ? at(mark + 1) : ' '))
    ++mark;
  bool found = mark != std::string_view::npos;
  std::string_view data = text.substr(offset, found ? mark - offset : mark);
  char kind = found ? at(mark + 1) : 0, sign = found ? at(mark + 2) : 0;
  size_t size = data.size();
  if (sign == '-') {
    while (size && isBlank(data[size - 1]))
      --size;
  } else if (found && kind != '{' && sign != '+') {
    size_t start = data.rfind('\n') + 1; // 0 if there is none
    bool blank = std::all_of(data.begin() + start, data.end(), isBlank);
    if ((start || lineStarting) && blank)
      size = start;
  }
  if (size)
    add(Token::Kind::Data, std::string(data.substr(0, size)));
  advance(data.size());
  if (!found)
    return true;
  advance(sign == '-' || sign == '+' ? 3 : 2);
  if (kind == '#')
    return lexComment();
  add(kind == '%' ? Token::Kind::BlockBegin : Token::Kind::OutputBegin, "");
  return lexExpression(kind == '%');
}

bool Lexer::lexComment() {
  size_t end = text.find("#}", offset);
  if (end == std::string_view::npos)
    return fail("the comment has no end");
  bool stripsAll = end > offset && text[end - 1] == '-';
  bool keepsLine = end > offset && text[end - 1] == '+';
  advance(end - offset);
  close(2, stripsAll, !keepsLine);
  return true;
}

bool Lexer::lexString() {
  char quote = text[offset];
  std::string value;
  size_t i = offset + 1;
  for (; at(i) != quote; ++i) {
    if (i >= text.size())
      return fail("the string has no end");
    if (text[i] != '\\') {
      value += text[i];
      continue;
    }
    static const char kNames[] = "ntrbfav0\\'\"",
                      kBytes[] = "\n\t\r\b\f\a\v\0\\'\"";
    char name = at(++i);
    const char *known = name ? std::strchr(kNames, name) : nullptr;
    size_t digits = name == 'x' ? 2 : name == 'u' ? 4 : name == 'U' ? 8 : 0;
    uint32_t code = 0;
    if (known)
      value += kBytes[known - kNames];
    else if (digits) {
      std::string_view hex = text.substr(i + 1, digits);
      auto [stop, status] =
          std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
      if (status != std::errc() || stop != hex.data() + digits ||
          !appendCharacter(value, code))
        return fail("bad escape in a string");
      i += digits;
    } else if (i < text.size() && name != '\n')
      value += {'\\', name}; // as Python
  }
  add(Token::Kind::String, value);
  advance(i + 1 - offset);
  return true;
}

void Lexer::lexNumber() {
  size_t end = offset;
  while (isDigit(at(end)) || at(end) == '_')
    ++end;
  // In a.0.1 the numbers are indices.
  bool index = offset && text[offset - 1] == '.';
  bool real = !index && at(end) == '.' && isDigit(at(end + 1));
  if (real)
    do
      ++end;
    while (isDigit(at(end)));
  size_t exponent = end + 1;
  if (at(exponent) == '-' || at(exponent) == '+')
    ++exponent;
  if ((at(end) == 'e' || at(end) == 'E') && isDigit(at(exponent))) {
    real = true;
    for (end = exponent; isDigit(at(end));)
      ++end;
  }
  std::string digits(text.substr(offset, end - offset));
  digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  add(real ? Token::Kind::Real : Token::Kind::Integer, digits);
  advance(end - offset);
}

bool Lexer::lexExpression(bool block) {
  const char *end = block ? "%}" : "}}";
  size_t open = 0;
  while (true) {
    while (isBlank(at(offset)))
      advance(1);
    if (offset >= text.size())
      return fail(std::string("expects ") + end);
    std::string_view rest = text.substr(offset);
    bool sign = rest[0] == '-' || (block && rest[0] == '+');
    if (!open && rest.substr(sign, 2) == end) {
      add(block ? Token::Kind::BlockEnd : Token::Kind::OutputEnd, "");
      close(sign + 2, rest[0] == '-', block && rest[0] != '+');
      return true;
    }
    char c = rest[0];
    if (c == '\'' || c == '"') {
      if (!lexString())
        return false;
    } else if (isDigit(c)) {
      lexNumber();
    } else if (startsName(c)) {
      size_t size = 1;
      while (size < rest.size() &&
             (startsName(rest[size]) || isDigit(rest[size])))
        ++size;
      add(Token::Kind::Name, std::string(rest.substr(0, size)));
      advance(size);
    } else {
      size_t size = 1;
      for (const char *two : {"==", "!=", "<=", ">=", "//", "**"})
        if (rest.substr(0, 2) == two)
          size = 2;
      if (size == 1 && !std::strchr("+-*/%~<>=.,:|()[]{}", c))
        return fail("unexpected character");
      if (std::strchr("([{", c))
        ++open;
      if (std::strchr(")]}", c) && open)
        --open;
      add(Token::Kind::Operator, std::string(rest.substr(0, size)));
      advance(size);
    }
  }
}

bool Lexer::run() {
  while (offset < text.size())
    if (!lexData())
      return false;
  add(Token::Kind::End, "");
  return true;
}

bool tokenize(std::string_view text, std::vector<Token> &tokens,
              std::string &error) {
  // All ends of lines are one character, and the last one of all goes.
  std::string normal;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
      continue;
    normal += text[i] == '\r' ? '\n' : text[i];
  }
  if (!normal.empty() && normal.back() == '\n')
    normal.pop_back();
  return Lexer(normal, tokens, error).run();
}

} // namespace chat
} // namespace winnow
