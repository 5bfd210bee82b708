//===- Value.cpp - What templates compute with ----------------------------===//

#include "Value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace winnow {
namespace chat {

const Value *Dict::find(std::string_view key) const {
  for (const auto &[name, value] : items)
    if (name == key)
      return &value;
  return nullptr;
}

void Dict::set(std::string_view key, Value value) {
  for (auto &[name, old] : items)
    if (name == key) {
      old = std::move(value);
      return;
    }
  items.emplace_back(key, std::move(value));
}

Value Value::undefined(std::string name) {
  Value value;
  value.string = std::make_shared<const std::string>(std::move(name));
  return value;
}

Value Value::none() {
  Value value;
  value.kind = Kind::None;
  return value;
}

Value Value::function(std::string name) {
  Value value = undefined(std::move(name));
  value.kind = Kind::Macro;
  return value;
}

Value Value::boolean(bool truth) {
  Value value;
  value.kind = Kind::Boolean;
  value.integer = truth;
  return value;
}

Value Value::of(int64_t number) {
  Value value;
  value.kind = Kind::Integer;
  value.integer = number;
  return value;
}

Value Value::of(double number) {
  Value value;
  value.kind = Kind::Real;
  value.real = number;
  return value;
}

Value Value::of(std::string text) {
  Value value;
  value.kind = Kind::String;
  value.size += text.size();
  value.string = std::make_shared<const std::string>(std::move(text));
  return value;
}

/// Counts a part of `whole`.
static void contain(Value &whole, const Value &part, size_t more) {
  whole.size += part.size + more;
  whole.depth = std::max(whole.depth, part.depth + 1);
}

Value Value::of(List list, Kind kind) {
  Value value;
  value.kind = kind;
  for (const Value &item : list)
    contain(value, item, 8);
  value.list = std::make_shared<const List>(std::move(list));
  return value;
}

Value Value::of(Dict dict, Kind kind) {
  Value value;
  value.kind = kind;
  if (kind == Kind::Dict)
    for (const auto &[key, item] : dict.items)
      contain(value, item, key.size() + 8);
  value.dict = std::make_shared<Dict>(std::move(dict));
  return value;
}

bool Value::isTrue() const {
  switch (kind) {
  case Kind::Undefined:
  case Kind::None:
    return false;
  case Kind::Boolean:
  case Kind::Integer:
    return integer != 0;
  case Kind::Real:
    return real != 0;
  case Kind::String:
    return !string->empty();
  case Kind::List:
  case Kind::Tuple:
    return !list->empty();
  case Kind::Dict:
    return !dict->items.empty();
  case Kind::Namespace:
  case Kind::Macro:
    return true;
  }
  return false;
}

const char *Value::typeName() const {
  switch (kind) {
  case Kind::Undefined:
    return "undefined";
  case Kind::None:
    return "None";
  case Kind::Boolean:
    return "bool";
  case Kind::Integer:
    return "int";
  case Kind::Real:
    return "float";
  case Kind::String:
    return "str";
  case Kind::List:
    return "list";
  case Kind::Tuple:
    return "tuple";
  case Kind::Dict:
    return "dict";
  case Kind::Namespace:
    return "namespace";
  case Kind::Macro:
    return "macro";
  }
  return "";
}

bool equal(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber())
    return a.isInteger() && b.isInteger() ? a.integer == b.integer
                                          : a.number() == b.number();
  if (a.kind != b.kind)
    return false;
  switch (a.kind) {
  case Value::Kind::String:
    return a.text() == b.text();
  case Value::Kind::List:
  case Value::Kind::Tuple: {
    if (a.list->size() != b.list->size())
      return false;
    for (size_t i = 0; i < a.list->size(); ++i)
      if (!equal((*a.list)[i], (*b.list)[i]))
        return false;
    return true;
  }
  case Value::Kind::Dict:
    if (a.dict->items.size() != b.dict->items.size())
      return false;
    for (const auto &[key, value] : a.dict->items) {
      const Value *other = b.dict->find(key);
      if (!other || !equal(value, *other))
        return false;
    }
    return true;
  case Value::Kind::Namespace:
    return a.dict == b.dict;
  case Value::Kind::Macro:
    return a.macro == b.macro && a.string == b.string;
  default:
    return true; // none and undefined
  }
}

//===----------------------------------------------------------------------===//
// As text
//===----------------------------------------------------------------------===//

/// The shortest digits that give the number back, as Python writes them.
static std::string realText(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char digits[32], fixed[400];
  char *end = std::to_chars(digits, digits + sizeof digits, value,
                            std::chars_format::scientific)
                  .ptr;
  std::string scientific(digits, end);
  long exponent =
      std::strtol(scientific.c_str() + scientific.find('e') + 1, nullptr, 10);
  if (exponent < -4 || exponent >= 16)
    return scientific;
  end = std::to_chars(fixed, fixed + sizeof fixed, value,
                      std::chars_format::fixed)
            .ptr;
  std::string text(fixed, end);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

static std::string quoted(const std::string &text) {
  // Double quotes only where that saves escapes.
  char quote = text.find('\'') != std::string::npos &&
                       text.find('"') == std::string::npos
                   ? '"'
                   : '\'';
  std::string result(1, quote);
  for (char c : text) {
    if (c == quote || c == '\\')
      result += {'\\', c};
    else if (c == '\n')
      result += "\\n";
    else if (c == '\r')
      result += "\\r";
    else if (c == '\t')
      result += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\x%02x",
                    static_cast<unsigned char>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result + quote;
}

static std::string scalarText(const Value &value) {
  switch (value.kind) {
  case Value::Kind::None:
    return "None";
  case Value::Kind::Boolean:
    return value.integer ? "True" : "False";
  case Value::Kind::Integer:
    return std::to_string(value.integer);
  case Value::Kind::Real:
    return realText(value.real);
  default:
    return "";
  }
}

std::string toRepresentation(const Value &value) {
  std::string text;
  const char *separator = "";
  switch (value.kind) {
  case Value::Kind::Undefined:
    return "Undefined";
  case Value::Kind::String:
    return quoted(value.text());
  case Value::Kind::List:
  case Value::Kind::Tuple: {
    bool tuple = value.is(Value::Kind::Tuple);
    text = tuple ? "(" : "[";
    for (const Value &item : *value.list) {
      text += separator + toRepresentation(item);
      separator = ", ";
    }
    if (tuple && value.list->size() == 1)
      text += ",";
    return text + (tuple ? ")" : "]");
  }
  case Value::Kind::Dict:
    text = "{";
    for (const auto &[key, item] : value.dict->items) {
      text += separator + quoted(key) + ": " + toRepresentation(item);
      separator = ", ";
    }
    return text + "}";
  case Value::Kind::Namespace:
    return "<Namespace>";
  case Value::Kind::Macro:
    return "<Macro>";
  default:
    return scalarText(value);
  }
}

std::string toText(const Value &value) {
  if (value.isString())
    return value.text();
  return value.is(Value::Kind::Undefined) ? "" : toRepresentation(value);
}

static std::string jsonString(const std::string &text) {
  std::string result = "\"";
  for (char c : text) {
    static const char kEscaped[] = "\"\\\n\r\t\b\f", kEscapes[] = "\"\\nrtbf";
    const char *known =
        c ? std::char_traits<char>::find(kEscaped, 7, c) : nullptr;
    if (known) {
      result += {'\\', kEscapes[known - kEscaped]};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x",
                    static_cast<unsigned char>(c));
      result += escape;
    } else {
      result += c;
    }
  }
  return result + "\"";
}

namespace {

/// Writes JSON with the line breaks of json.dumps.
class JsonWriter {
public:
  JsonWriter(int64_t indent, std::string &text) : indent(indent), text(text) {}

  bool write(const Value &value) {
    switch (value.kind) {
    case Value::Kind::None:
      text += "null";
      return true;
    case Value::Kind::Boolean:
      text += value.integer ? "true" : "false";
      return true;
    case Value::Kind::Integer:
    case Value::Kind::Real:
      text += toText(value);
      return true;
    case Value::Kind::String:
      text += jsonString(value.text());
      return true;
    case Value::Kind::List:
    case Value::Kind::Tuple:
      return writeAll('[', ']', value.list->size(),
                      [&](size_t i) { return write((*value.list)[i]); });
    case Value::Kind::Dict:
      return writeAll('{', '}', value.dict->items.size(), [&](size_t i) {
        text += jsonString(value.dict->items[i].first) + ": ";
        return write(value.dict->items[i].second);
      });
    default:
      return false;
    }
  }

private:
  template <typename Function>
  bool writeAll(char open, char close, size_t count, Function writeItem) {
    text += open;
    ++depth;
    for (size_t i = 0; i < count; ++i) {
      if (i)
        text += indent < 0 ? ", " : ",";
      breakLine();
      if (!writeItem(i))
        return false;
    }
    --depth;
    if (count)
      breakLine();
    text += close;
    return true;
  }
  void breakLine() {
    if (indent >= 0)
      text += "\n" + std::string(static_cast<size_t>(indent * depth), ' ');
  }

  int64_t indent, depth = 0;
  std::string &text;
};

} // namespace

bool toJson(const Value &value, int64_t indent, std::string &text) {
  return JsonWriter(indent, text).write(value);
}

} // namespace chat
} // namespace winnow
