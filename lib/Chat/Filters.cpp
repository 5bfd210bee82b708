//===- Filters.cpp - Filters of templates ---------------------------------===//

#include "Evaluator.h"
#include "Text.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <map>

namespace winnow {
namespace chat {

namespace {

struct FilterCall {
  Evaluator &evaluator;
  const Value &value;
  const Arguments &arguments;

  Value fail(const std::string &message) const {
    return evaluator.fail(message);
  }
  /// The text of the value, as filters on strings see it.
  std::string text() const { return evaluator.print(value); }
};

struct FilterRow {
  const char *name;
  Value (*apply)(const FilterCall &call);
};

} // namespace

static Value applyLength(const FilterCall &call) {
  const Value &value = call.value;
  if (value.isSequence())
    return Value::of(static_cast<int64_t>(value.list->size()));
  if (value.isMapping())
    return Value::of(static_cast<int64_t>(value.dict->items.size()));
  if (value.is(Value::Kind::Undefined))
    return Value::of(int64_t(0));
  if (!value.isString())
    return call.fail(std::string(value.typeName()) + " has no length");
  if (!call.evaluator.charge(value.text().size()))
    return Value();
  return Value::of(static_cast<int64_t>(charactersOf(value.text()).size()));
}

static Value applyDefault(const FilterCall &call) {
  bool absent =
      call.value.is(Value::Kind::Undefined) ||
      (call.arguments.flag(1, "boolean", false) && !call.value.isTrue());
  const Value *other = call.arguments.get(0, "default_value");
  return !absent ? call.value : other ? *other : Value::of(std::string());
}

static Value applyFirst(const FilterCall &call) {
  List items;
  if (!call.evaluator.items(call.value, items))
    return Value();
  return items.empty() ? Value::undefined("first item") : items.front();
}

static Value applyLast(const FilterCall &call) {
  List items;
  if (!call.evaluator.items(call.value, items))
    return Value();
  return items.empty() ? Value::undefined("last item") : items.back();
}

static Value applyItems(const FilterCall &call) {
  if (call.value.is(Value::Kind::Undefined))
    return Value::of(List());
  if (!call.value.isMapping())
    return call.fail("items expects a mapping, found " +
                     std::string(call.value.typeName()));
  return callMethod(call.evaluator, call.value, "items", {});
}

static Value applyJoin(const FilterCall &call) {
  List items;
  const Value *given = call.arguments.get(0, "d"),
              *attribute = call.arguments.get(1, "attribute");
  std::string separator = given ? call.evaluator.print(*given) : "", text;
  if (!call.evaluator.items(call.value, items))
    return Value();
  for (size_t i = 0; i < items.size(); ++i) {
    Value item =
        attribute ? call.evaluator.itemOf(items[i], *attribute) : items[i];
    std::string piece = (i ? separator : "") + call.evaluator.print(item);
    if (!call.evaluator.charge(piece.size() / 16))
      return Value();
    text += piece;
  }
  return Value::of(std::move(text));
}

static Value applyToJson(const FilterCall &call) {
  int64_t indent = call.arguments.integer(0, "indent", -1);
  if (indent > 16)
    return call.fail("tojson expects an indent of at most 16");
  std::string text;
  if (!call.evaluator.charge(call.value.size) ||
      !toJson(call.value, indent, text))
    return call.fail("tojson cannot write " +
                     std::string(call.value.typeName()));
  return Value::of(std::move(text));
}

static Value applyInt(const FilterCall &call) {
  const Value &value = call.value;
  Value absent = Value::of(call.arguments.integer(0, "default", 0));
  if (value.isInteger())
    return Value::of(value.integer);
  double number = value.real;
  if (value.isString()) {
    std::string text(strip(value.text(), nullptr, true, true));
    char *end = nullptr;
    errno = 0;
    long long integer = std::strtoll(text.c_str(), &end, 10);
    if (!text.empty() && *end == 0 && errno == 0)
      return Value::of(static_cast<int64_t>(integer));
    number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != 0)
      return absent;
  } else if (!value.isNumber()) {
    return absent;
  }
  return std::fabs(number) < 9e18 ? Value::of(static_cast<int64_t>(number))
                                  : absent;
}

static Value applyFloat(const FilterCall &call) {
  if (call.value.isNumber())
    return Value::of(call.value.number());
  std::string text = call.text();
  char *end = nullptr;
  double number = std::strtod(text.c_str(), &end);
  return Value::of(!text.empty() && *end == 0 ? number : 0.0);
}

static Value applyAbs(const FilterCall &call) {
  const Value &value = call.value;
  if (!value.isNumber() || (value.isInteger() && value.integer == INT64_MIN))
    return call.fail("abs expects a number");
  return value.isInteger() ? Value::of(std::abs(value.integer))
                           : Value::of(std::fabs(value.real));
}

static Value applyList(const FilterCall &call) {
  List items;
  call.evaluator.items(call.value, items);
  return Value::of(std::move(items));
}

static Value applyReverse(const FilterCall &call) {
  List items;
  if (!call.evaluator.items(call.value, items))
    return Value();
  std::reverse(items.begin(), items.end());
  if (!call.value.isString())
    return Value::of(std::move(items));
  std::string text;
  for (const Value &item : items)
    text += item.text();
  return Value::of(std::move(text));
}

static Value applyIndent(const FilterCall &call) {
  int64_t width = call.arguments.integer(0, "width", 4);
  if (width < 0 || width > 64)
    return call.fail("indent expects a width of at most 64");
  std::string blanks(static_cast<size_t>(width), ' '), result;
  std::string newline = "\n";
  std::vector<std::string> lines = split(call.text(), &newline, -1, false);
  bool first = call.arguments.flag(1, "first", false),
       blank = call.arguments.flag(2, "blank", false);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!call.evaluator.charge(8))
      return Value();
    bool indents = i ? blank || !lines[i].empty() : first;
    result += (i ? "\n" : "") + (indents ? blanks : "") + lines[i];
  }
  return Value::of(std::move(result));
}

/// select, reject and their kin: `attribute` is the index of the test's name.
static Value choose(const FilterCall &call, bool byAttribute, bool keeps) {
  List items, chosen;
  size_t testIndex = byAttribute ? 1 : 0;
  const Value *attribute = byAttribute ? call.arguments.get(0) : nullptr;
  const Value *test = call.arguments.get(testIndex);
  if ((byAttribute && !attribute) || (test && !test->isString()))
    return call.fail("expects names of an attribute and of a test");
  Arguments rest;
  if (test)
    rest.positional.assign(call.arguments.positional.begin() + testIndex + 1,
                           call.arguments.positional.end());
  if (!call.evaluator.items(call.value, items))
    return Value();
  for (const Value &item : items) {
    Value part = attribute ? call.evaluator.itemOf(item, *attribute) : item;
    bool passes =
        test ? applyTest(call.evaluator, test->text(), part, rest).isTrue()
             : part.isTrue();
    if (call.evaluator.failed())
      return Value();
    if (passes == keeps)
      chosen.push_back(item);
  }
  return Value::of(std::move(chosen));
}

static Value applyMap(const FilterCall &call) {
  List items, results;
  const Value *attribute = call.arguments.get(SIZE_MAX, "attribute"),
              *absent = call.arguments.get(SIZE_MAX, "default");
  const std::string *filter = call.arguments.string(0);
  if (!attribute && !filter)
    return call.fail("map expects attribute= or the name of a filter");
  Arguments rest;
  if (!attribute)
    rest.positional.assign(call.arguments.positional.begin() + 1,
                           call.arguments.positional.end());
  if (!call.evaluator.items(call.value, items))
    return Value();
  for (const Value &item : items) {
    Value result = attribute ? call.evaluator.itemOf(item, *attribute)
                             : applyFilter(call.evaluator, *filter, item, rest);
    if (call.evaluator.failed())
      return Value();
    bool gone = attribute && absent && result.is(Value::Kind::Undefined);
    results.push_back(gone ? *absent : result);
  }
  return Value::of(std::move(results));
}

/// dictsort: pairs, by key.
static Value applyDictSort(const FilterCall &call) {
  if (!call.value.isMapping())
    return call.fail("dictsort expects a mapping");
  // Equal keys but for case stay in order.
  std::multimap<std::string, std::pair<std::string, Value>> byKey;
  for (const auto &item : call.value.dict->items)
    byKey.emplace(toLower(item.first), item);
  Dict sorted;
  for (auto &[key, item] : byKey)
    sorted.items.push_back(std::move(item));
  return callMethod(call.evaluator, Value::of(std::move(sorted)), "items", {});
}

static Value applyUnique(const FilterCall &call) {
  List items, kept;
  if (!call.evaluator.items(call.value, items))
    return Value();
  for (const Value &item : items) {
    Value known = call.evaluator.compare("in", item, Value::of(kept));
    if (!call.evaluator.charge(8 * kept.size()))
      return Value();
    if (!known.isTrue())
      kept.push_back(item);
  }
  return Value::of(std::move(kept));
}

static Value applyReplace(const FilterCall &call) {
  Arguments arguments;
  for (int i = 0; i < 2; ++i) {
    const Value *part = call.arguments.get(i, i ? "new" : "old");
    arguments.positional.push_back(
        Value::of(part ? call.evaluator.print(*part) : ""));
  }
  if (const Value *most = call.arguments.get(2, "count"))
    arguments.positional.push_back(*most);
  return callMethod(call.evaluator, Value::of(call.text()), "replace",
                    arguments);
}

static const FilterRow kFilters[] = {
    {"trim",
     [](const FilterCall &c) {
       const std::string *which = c.arguments.string(0, "chars");
       return Value::of(std::string(strip(c.text(), which, true, true)));
     }},
    {"upper", [](const FilterCall &c) { return Value::of(toUpper(c.text())); }},
    {"lower", [](const FilterCall &c) { return Value::of(toLower(c.text())); }},
    {"title",
     [](const FilterCall &c) { return Value::of(titleCase(c.text())); }},
    {"capitalize",
     [](const FilterCall &c) { return Value::of(capitalize(c.text())); }},
    {"string", [](const FilterCall &c) { return Value::of(c.text()); }},
    // Nothing is escaped here.
    {"safe", [](const FilterCall &c) { return Value::of(c.text()); }},
    {"length", applyLength},
    {"count", applyLength},
    {"default", applyDefault},
    {"d", applyDefault},
    {"first", applyFirst},
    {"last", applyLast},
    {"items", applyItems},
    {"join", applyJoin},
    {"tojson", applyToJson},
    {"int", applyInt},
    {"float", applyFloat},
    {"abs", applyAbs},
    {"list", applyList},
    {"reverse", applyReverse},
    {"indent", applyIndent},
    {"replace", applyReplace},
    {"select", [](const FilterCall &c) { return choose(c, false, true); }},
    {"reject", [](const FilterCall &c) { return choose(c, false, false); }},
    {"selectattr", [](const FilterCall &c) { return choose(c, true, true); }},
    {"rejectattr", [](const FilterCall &c) { return choose(c, true, false); }},
    {"map", applyMap},
    {"dictsort", applyDictSort},
    {"unique", applyUnique},
};

Value applyFilter(Evaluator &evaluator, const std::string &name,
                  const Value &value, const Arguments &arguments) {
  if (!evaluator.charge(1 + value.size / 16))
    return Value();
  for (const FilterRow &row : kFilters)
    if (name == row.name)
      return row.apply({evaluator, value, arguments});
  return evaluator.fail("no filter named '" + name + "'");
}

} // namespace chat
} // namespace winnow
