//===- Prompt.cpp - What is to be continued -------------------------------===//

#include "Prompt.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <unistd.h>

namespace winnow {
namespace run {

bool readFile(const std::string &path, std::string &text, std::string &error) {
  std::FILE *file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  if (!file) {
    error = "cannot open '" + path + "': " + std::strerror(errno);
    return false;
  }
  char buffer[65536];
  errno = 0;
  while (size_t size = std::fread(buffer, 1, sizeof buffer, file))
    text.append(buffer, size);
  bool good = !std::ferror(file);
  if (!good)
    error = "cannot read '" + path + "': " + std::strerror(errno);
  if (file != stdin)
    std::fclose(file);
  return good;
}

bool openTokenizer(const Options &options,
                   std::unique_ptr<Tokenizer> &tokenizer, std::string &error) {
  std::string path = options.name + ".tokenizer";
  bool needed = !options.printsIds() || !options.stops.empty();
  if (!needed && access(path.c_str(), F_OK) != 0)
    return true;
  tokenizer = Tokenizer::open(path, error);
  return tokenizer != nullptr;
}

namespace {
/// Walks over a text and knows its line and column.
class Cursor {
public:
  explicit Cursor(const std::string &text) : text(text) {}

  bool atEnd() const { return next == text.size(); }
  char peek() const { return text[next]; }
  char take() {
    char c = text[next++];
    ++column;
    if (c == '\n') {
      ++line;
      column = 1;
    }
    return c;
  }
  std::string place() const {
    return std::to_string(line) + ":" + std::to_string(column);
  }

private:
  const std::string &text;
  size_t next = 0, line = 1, column = 1;
};
} // namespace

static bool isSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// A word for a message: printable, and not too long of it.
static std::string quote(const std::string &word) {
  std::string shown = "'";
  for (char c : word.substr(0, 20))
    shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + (word.size() > 20 ? "...'" : "'");
}

static bool parseId(const std::string &word, int32_t &id) {
  int64_t value = 0;
  size_t start = word[0] == '-';
  for (size_t i = start; i < word.size(); ++i) {
    if (word[i] < '0' || word[i] > '9')
      return false;
    value = value * 10 + (word[i] - '0');
    if (value > std::numeric_limits<int32_t>::max())
      return false;
  }
  id = static_cast<int32_t>(start ? -value : value);
  return word.size() > start;
}

bool parseIdList(const std::string &text, const std::string &name,
                 std::vector<int32_t> &ids, std::string &error) {
  Cursor cursor(text);
  // A comma separates two ids.
  bool idBefore = false, commaBefore = false;
  std::string commaPlace;
  auto failAt = [&](const std::string &place, const std::string &what) {
    error = name + ":" + place + ": " + what;
    return false;
  };
  while (true) {
    while (!cursor.atEnd() && isSpace(cursor.peek()))
      cursor.take();
    if (cursor.atEnd())
      break;
    std::string place = cursor.place();
    if (cursor.peek() == ',') {
      if (!idBefore || commaBefore)
        return failAt(place, "expected a token id in front of the comma");
      cursor.take();
      commaBefore = true;
      commaPlace = place;
      continue;
    }
    std::string word;
    while (!cursor.atEnd() && !isSpace(cursor.peek()) && cursor.peek() != ',')
      word += cursor.take();
    int32_t id;
    if (!parseId(word, id))
      return failAt(place, "expected a token id, found " + quote(word));
    ids.push_back(id);
    idBefore = true;
    commaBefore = false;
  }
  return !commaBefore ||
         failAt(commaPlace, "expected a token id after the comma");
}

bool readPrompt(const Options &options, const Tokenizer *tokenizer,
                bool continues, Prompt &prompt, std::string &error) {
  if (options.ids) {
    prompt.ids = *options.ids;
  } else if (options.idsFile) {
    std::string text;
    std::string name = *options.idsFile == "-" ? "<stdin>" : *options.idsFile;
    if (!readFile(*options.idsFile, text, error) ||
        !parseIdList(text, name, prompt.ids, error))
      return false;
  } else if (options.embeddings) {
    if (!readNpy(*options.embeddings, prompt.embeddings, error))
      return false;
  } else {
    std::string text;
    if (options.prompt)
      text = *options.prompt;
    else if (options.promptFile && !readFile(*options.promptFile, text, error))
      return false;
    EncodeOptions encode;
    encode.addBos = !continues;
    prompt.ids = tokenizer->encode(text, encode);
  }
  if (prompt.size() == 0 && !continues)
    error = "the prompt has no tokens";
  return prompt.size() != 0 || continues;
}

} // namespace run
} // namespace winnow
