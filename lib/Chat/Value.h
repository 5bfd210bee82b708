//===- Value.h - What templates compute with --------------------*- C++ -*-===//

#ifndef WINNOW_LIB_CHAT_VALUE_H
#define WINNOW_LIB_CHAT_VALUE_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace winnow {
namespace chat {

struct Value;
struct Macro;

using List = std::vector<Value>;

/// A mapping of strings, in the order in which they came.
struct Dict {
  std::vector<std::pair<std::string, Value>> items;

  const Value *find(std::string_view key) const;
  void set(std::string_view key, Value value);
};

/// A value of Python, as far as templates need them. Copies share what they
/// refer to; only namespaces change.
struct Value {
  enum class Kind {
    Undefined, ///< `string` is the name that was not found
    None,
    Boolean,
    Integer,
    Real,
    String,
    List,
    Tuple,
    Dict,
    Namespace,
    Macro ///< or, without one, the function that `string` names
  };

  Kind kind = Kind::Undefined;
  int64_t integer = 0; ///< also of booleans
  double real = 0;
  std::shared_ptr<const std::string> string;
  std::shared_ptr<const List> list; ///< also of tuples
  std::shared_ptr<Dict> dict;       ///< also of namespaces
  const Macro *macro = nullptr;
  /// Of what a walk through the value visits, about in bytes. Namespaces are
  /// not walked through.
  size_t size = 1;
  int depth = 1;

  static Value undefined(std::string name);
  static Value none();
  static Value function(std::string name);
  static Value boolean(bool value);
  static Value of(int64_t value);
  static Value of(double value);
  static Value of(std::string value);
  static Value of(List value, Kind kind = Kind::List);
  static Value of(Dict value, Kind kind = Kind::Dict);

  bool is(Kind wanted) const { return kind == wanted; }
  bool isString() const { return kind == Kind::String; }
  bool isInteger() const {
    return kind == Kind::Integer || kind == Kind::Boolean;
  }
  bool isNumber() const { return isInteger() || kind == Kind::Real; }
  bool isSequence() const { return kind == Kind::List || kind == Kind::Tuple; }
  bool isMapping() const { return kind == Kind::Dict; }
  double number() const {
    return kind == Kind::Real ? real : static_cast<double>(integer);
  }
  const std::string &text() const { return *string; }
  bool isTrue() const;
  /// The name of the type in Python.
  const char *typeName() const;
};

bool equal(const Value &a, const Value &b);

/// str() of Python, or repr() where strings are quoted.
std::string toText(const Value &value);
std::string toRepresentation(const Value &value);
/// json.dumps of Python with ensure_ascii=False; `indent` of -1 is None. False
/// where a value has no such form.
bool toJson(const Value &value, int64_t indent, std::string &text);

} // namespace chat
} // namespace winnow

#endif // WINNOW_LIB_CHAT_VALUE_H
