//===- Json.cpp - JSON files of untrusted origin --------------------------===//

#include "Json.h"

#include "winnow/Import/Checkpoint.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace winnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

std::optional<int64_t> winnow::getInteger(const llvm::json::Value *value) {
  if (!value || value->getAsNumber() == 0x1p63)
    return std::nullopt;
  return value->getAsInteger();
}

bool winnow::isPlainText(StringRef name) {
  return !name.empty() && llvm::json::isUTF8(name) &&
         llvm::none_of(name,
                       [](unsigned char c) { return c < 32 || c == 127; });
}

std::string winnow::quote(StringRef name) {
  constexpr size_t longest = 80;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '\'';
  llvm::printEscapedString(name.take_front(longest), os);
  os << (name.size() > longest ? "...'" : "'");
  return text;
}

/// Checks what LLVM's parser does not: it recurses into every bracket, and the
/// last of several equal keys wins. Whatever else is wrong it finds itself.
static Error checkStructure(StringRef text) {
  constexpr size_t deepest = 64;
  // The keys of each open object; arrays have none.
  llvm::SmallVector<llvm::StringSet<>, 4> open;
  StringRef lastString;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
    case '"': {
      size_t begin = i + 1;
      for (++i; i < text.size() && text[i] != '"'; ++i)
        if (text[i] == '\\')
          ++i;
      lastString = text.slice(begin, i);
      break;
    }
    case '{':
    case '[':
      if (open.size() == deepest)
        return llvm::createStringError("offset " + Twine(i) +
                                       ": nested deeper than " +
                                       Twine(deepest) + " levels");
      open.emplace_back();
      break;
    case '}':
    case ']':
      if (!open.empty())
        open.pop_back();
      break;
    case ':':
      if (!open.empty() && !open.back().insert(lastString).second)
        return llvm::createStringError("offset " + Twine(i) + ": the key " +
                                       quote(lastString) + " appears twice");
      break;
    default:
      break;
    }
  }
  return Error::success();
}

Expected<llvm::json::Object> winnow::parseJsonObject(StringRef text,
                                                     StringRef name) {
  auto fail = [&](Error error) {
    return llvm::createStringError(name + ": " +
                                   llvm::toString(std::move(error)));
  };
  if (Error error = checkStructure(text))
    return fail(std::move(error));
  Expected<llvm::json::Value> value = llvm::json::parse(text);
  if (!value)
    return fail(value.takeError());
  if (llvm::json::Object *object = value->getAsObject())
    return std::move(*object);
  return llvm::createStringError(name + ": expects a JSON object");
}

Expected<llvm::json::Object> winnow::readJsonObject(StringRef path) {
  Expected<std::unique_ptr<llvm::MemoryBuffer>> buffer = mapRegularFile(path);
  if (!buffer)
    return buffer.takeError();
  return parseJsonObject((*buffer)->getBuffer(), path);
}
