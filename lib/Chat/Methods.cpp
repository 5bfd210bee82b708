//===- Methods.cpp - Methods of strings and mappings ----------------------===//

#include "Evaluator.h"
#include "Text.h"

#include <algorithm>

namespace winnow {
namespace chat {

static Value listOf(std::vector<std::string> texts) {
  List items;
  for (std::string &text : texts)
    items.push_back(Value::of(std::move(text)));
  return Value::of(std::move(items));
}

/// How often `part` occurs.
static size_t countOf(std::string_view text, std::string_view part) {
  if (part.empty())
    return charactersOf(text).size() + 1;
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size()))
    ++count;
  return count;
}

namespace {

/// A call of a method of a string.
class StringMethod {
public:
  StringMethod(Evaluator &evaluator, const std::string &text,
               const std::string &name, const Arguments &arguments)
      : evaluator(evaluator), text(text), name(name), arguments(arguments) {}

  Value run();

private:
  Value strip(bool left, bool right) {
    const Value *which = arguments.get(0);
    if (which && !which->isString() && !which->is(Value::Kind::None))
      return evaluator.fail(name + " expects a string");
    return Value::of(
        std::string(chat::strip(text, arguments.string(0), left, right)));
  }
  Value split(bool fromRight);
  Value splitLines();
  Value startsOrEnds(bool starts);
  Value replace();
  Value find(bool fromRight);
  Value join();

  Evaluator &evaluator;
  const std::string &text;
  const std::string &name;
  const Arguments &arguments;
};

} // namespace

Value StringMethod::split(bool fromRight) {
  const std::string *separator = arguments.string(0, "sep");
  int64_t most = arguments.integer(1, "maxsplit", -1);
  if (separator && separator->empty())
    return evaluator.fail("empty separator");
  // Each part is an item of a list.
  size_t parts = separator ? countOf(text, *separator) : text.size() / 2;
  if (most >= 0)
    parts = std::min(parts, static_cast<size_t>(most));
  return evaluator.charge(8 * parts)
             ? listOf(chat::split(text, separator, most, fromRight))
             : Value();
}

Value StringMethod::splitLines() {
  bool keeps = arguments.flag(0, "keepends", false);
  if (!evaluator.charge(8 * countOf(text, "\n")))
    return Value();
  std::vector<std::string> lines;
  size_t start = 0;
  while (start < text.size()) {
    size_t end = std::min(text.find_first_of("\r\n", start), text.size());
    size_t next = end + (end < text.size());
    if (text.compare(end, 2, "\r\n") == 0)
      ++next;
    lines.push_back(text.substr(start, (keeps ? next : end) - start));
    start = next;
  }
  return listOf(std::move(lines));
}

Value StringMethod::startsOrEnds(bool starts) {
  const Value *given = arguments.get(0);
  List parts;
  if (given && given->isString())
    parts.push_back(*given);
  else if (!given || !given->is(Value::Kind::Tuple) ||
           !evaluator.items(*given, parts))
    return evaluator.fail(name + " expects a string");
  for (const Value &part : parts) {
    if (!part.isString() || part.text().size() > text.size())
      continue;
    size_t at = starts ? 0 : text.size() - part.text().size();
    if (text.compare(at, part.text().size(), part.text()) == 0)
      return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value StringMethod::replace() {
  const std::string *from = arguments.string(0), *to = arguments.string(1);
  if (!from || !to)
    return evaluator.fail("replace expects two strings");
  if (!evaluator.charge(text.size() / 16 +
                        countOf(text, *from) * (1 + to->size() / 16)))
    return Value();
  return Value::of(
      replaceAll(text, *from, *to, arguments.integer(2, "count", -1)));
}

Value StringMethod::find(bool fromRight) {
  const std::string *part = arguments.string(0);
  if (!part)
    return evaluator.fail(name + " expects a string");
  size_t at = fromRight ? text.rfind(*part) : text.find(*part);
  if (at == std::string::npos)
    return Value::of(int64_t(-1));
  if (!evaluator.charge(at))
    return Value();
  std::string_view before = std::string_view(text).substr(0, at);
  return Value::of(static_cast<int64_t>(charactersOf(before).size()));
}

Value StringMethod::join() {
  const Value *items = arguments.get(0);
  Arguments separator;
  separator.positional.push_back(Value::of(text));
  return items ? applyFilter(evaluator, "join", *items, separator)
               : evaluator.fail("join expects a sequence");
}

Value StringMethod::run() {
  auto all = [&](auto holds) {
    return Value::boolean(!text.empty() &&
                          std::all_of(text.begin(), text.end(), holds));
  };
  if (name == "strip")
    return strip(true, true);
  if (name == "lstrip")
    return strip(true, false);
  if (name == "rstrip")
    return strip(false, true);
  if (name == "split" || name == "rsplit")
    return split(name == "rsplit");
  if (name == "splitlines")
    return splitLines();
  if (name == "startswith" || name == "endswith")
    return startsOrEnds(name == "startswith");
  if (name == "replace")
    return replace();
  if (name == "find" || name == "rfind")
    return find(name == "rfind");
  if (name == "join")
    return join();
  if (name == "upper")
    return Value::of(toUpper(text));
  if (name == "lower")
    return Value::of(toLower(text));
  if (name == "title")
    return Value::of(titleCase(text));
  if (name == "capitalize")
    return Value::of(capitalize(text));
  if (name == "count") {
    const std::string *part = arguments.string(0);
    return part && evaluator.charge(text.size())
               ? Value::of(static_cast<int64_t>(countOf(text, *part)))
               : evaluator.fail("count expects a string");
  }
  if (name == "isdigit")
    return all([](char c) { return c >= '0' && c <= '9'; });
  if (name == "isspace")
    return all([](char c) { return isSpace({&c, 1}); });
  return evaluator.fail("str has no method '" + name + "'");
}

static Value callDictMethod(Evaluator &evaluator, const Value &object,
                            const std::string &name,
                            const Arguments &arguments) {
  const Dict &dict = *object.dict;
  if (name == "get") {
    const std::string *key = arguments.string(0);
    const Value *found = key ? dict.find(*key) : nullptr,
                *absent = arguments.get(1);
    return found ? *found : absent ? *absent : Value::none();
  }
  if (name != "items" && name != "keys" && name != "values")
    return evaluator.fail("dict has no method '" + name + "'");
  List items;
  for (const auto &[key, value] : dict.items) {
    if (!evaluator.charge(8))
      return Value();
    items.push_back(name == "keys"     ? Value::of(key)
                    : name == "values" ? value
                                       : Value::of(List{Value::of(key), value},
                                                   Value::Kind::Tuple));
  }
  return Value::of(std::move(items));
}

Value callMethod(Evaluator &evaluator, const Value &object,
                 const std::string &name, const Arguments &arguments) {
  if (!evaluator.charge(1 + (object.isString() ? object.size / 16 : 0)))
    return Value();
  if (object.isString())
    return StringMethod(evaluator, object.text(), name, arguments).run();
  if (object.isMapping())
    return callDictMethod(evaluator, object, name, arguments);
  if (object.is(Value::Kind::Undefined))
    return evaluator.fail("'" + object.text() + "' is undefined");
  return evaluator.fail(std::string(object.typeName()) + " has no method '" +
                        name + "'");
}

} // namespace chat
} // namespace winnow
