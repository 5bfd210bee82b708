//===- Evaluator.cpp - Expressions of templates ---------------------------===//

#include "Evaluator.h"

#include "Text.h"

#include <algorithm>
#include <cmath>
#include <ctime>

namespace winnow {
namespace chat {

/// Bytes that one value may have, shared parts counted as often as they occur.
static constexpr size_t kMostSize = size_t(1) << 26;
static constexpr int kMostDepth = 100;
/// Macros that call each other.
static constexpr int kMostCalls = 20;

const Value *Arguments::get(size_t index, std::string_view name) const {
  if (index < positional.size())
    return &positional[index];
  for (const auto &[given, value] : named)
    if (given == name)
      return &value;
  return nullptr;
}

const std::string *Arguments::string(size_t index,
                                     std::string_view name) const {
  const Value *value = get(index, name);
  return value && value->isString() ? value->string.get() : nullptr;
}

int64_t Arguments::integer(size_t index, std::string_view name,
                           int64_t absent) const {
  const Value *value = get(index, name);
  return value && value->isInteger() ? value->integer : absent;
}

bool Arguments::flag(size_t index, std::string_view name, bool absent) const {
  const Value *value = get(index, name);
  return value ? value->isTrue() : absent;
}

Evaluator::~Evaluator() {
  for (const std::shared_ptr<Dict> &dict : namespaces)
    dict->items.clear();
}

Value Evaluator::fail(const std::string &message) {
  if (error.empty())
    error = "line " + std::to_string(line) + ": " + message;
  return Value();
}

bool Evaluator::charge(size_t more) {
  work += std::min(more, mostWork);
  if (work > mostWork)
    fail("the template takes too much work");
  return !failed();
}

std::string Evaluator::print(const Value &value) {
  if (!value.isString() && !charge(value.size))
    return "";
  return toText(value);
}

/// What it takes to make a value.
static size_t costOf(const Value &value) {
  switch (value.kind) {
  case Value::Kind::String:
    return 1 + value.text().size() / 16;
  case Value::Kind::List:
  case Value::Kind::Tuple:
    return 1 + 8 * value.list->size();
  case Value::Kind::Dict:
    return 1 + 8 * value.dict->items.size();
  default:
    return 1;
  }
}

Value Evaluator::evaluate(const Expression &expression) {
  line = expression.line;
  if (failed())
    return Value();
  Value value = compute(expression);
  line = expression.line;
  bool shared = expression.kind == Expression::Kind::Constant ||
                expression.kind == Expression::Kind::Name ||
                expression.kind == Expression::Kind::Attribute ||
                expression.kind == Expression::Kind::Item;
  if (!charge(shared ? 1 : costOf(value)))
    return Value();
  if (value.size > kMostSize || value.depth > kMostDepth)
    return fail("the value is too large");
  return value;
}

Value Evaluator::compute(const Expression &expression) {
  const auto &operands = expression.operands;
  auto operand = [&](size_t i) { return evaluate(*operands[i]); };
  switch (expression.kind) {
  case Expression::Kind::Constant:
    return expression.constant;
  case Expression::Kind::Name:
    for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
      if (const Value *value = scope->find(expression.name))
        return *value;
    return Value::undefined(expression.name);
  case Expression::Kind::List:
  case Expression::Kind::Tuple: {
    List items;
    for (const ExpressionPtr &item : operands)
      items.push_back(evaluate(*item));
    return Value::of(std::move(items), expression.kind == Expression::Kind::List
                                           ? Value::Kind::List
                                           : Value::Kind::Tuple);
  }
  case Expression::Kind::Dict: {
    Dict dict;
    for (size_t i = 0; i + 1 < operands.size(); i += 2) {
      Value key = operand(i);
      if (!failed() && !key.isString())
        return fail("keys are strings here, found " +
                    std::string(key.typeName()));
      if (failed())
        return Value();
      dict.set(key.text(), operand(i + 1));
    }
    return Value::of(std::move(dict));
  }
  case Expression::Kind::Attribute:
    return attributeOf(operand(0), expression.name);
  case Expression::Kind::Item: {
    Value base = operand(0);
    return itemOf(base, operand(1));
  }
  case Expression::Kind::Slice:
    return slice(expression);
  case Expression::Kind::Call:
    return call(expression);
  case Expression::Kind::Filter:
  case Expression::Kind::Test: {
    Value value = operand(0);
    Arguments arguments;
    if (!evaluateArguments(expression, arguments))
      return Value();
    line = expression.line;
    return expression.kind == Expression::Kind::Filter
               ? applyFilter(*this, expression.name, value, arguments)
               : applyTest(*this, expression.name, value, arguments);
  }
  case Expression::Kind::Unary: {
    Value value = operand(0);
    if (expression.name == "not")
      return Value::boolean(!value.isTrue());
    if (failed() || !value.isNumber())
      return fail("bad operand for " + expression.name + ": " +
                  value.typeName());
    if (expression.name == "+")
      return value;
    return value.isInteger() ? arithmetic("-", Value::of(int64_t(0)), value)
                             : Value::of(-value.real);
  }
  case Expression::Kind::Binary: {
    Value a = operand(0), b = operand(1);
    if (failed())
      return Value();
    line = expression.line;
    static const std::string kArithmetic = "+-*///%~";
    return kArithmetic.find(expression.name) != std::string::npos
               ? arithmetic(expression.name, a, b)
               : compare(expression.name, a, b);
  }
  case Expression::Kind::And: {
    Value value = operand(0);
    return value.isTrue() ? operand(1) : value;
  }
  case Expression::Kind::Or: {
    Value value = operand(0);
    return value.isTrue() ? value : operand(1);
  }
  case Expression::Kind::Conditional:
    if (operand(0).isTrue())
      return operand(1);
    return operands[2] ? operand(2) : Value::undefined("");
  }
  return Value();
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

Value Evaluator::repeat(const Value &a, int64_t times) {
  size_t count = times > 0 ? static_cast<size_t>(times) : 0;
  if (count && a.size > kMostSize / count)
    return fail("the value is too large");
  // Before it is made, since it may be far larger than what work is left.
  if (!charge(count * a.size / 16))
    return Value();
  if (a.isString()) {
    std::string text;
    for (size_t i = 0; i < count; ++i)
      text += a.text();
    return Value::of(std::move(text));
  }
  List items;
  for (size_t i = 0; i < count; ++i)
    items.insert(items.end(), a.list->begin(), a.list->end());
  return Value::of(std::move(items), a.kind);
}

/// Rounds down, as Python divides.
static int64_t floorDivide(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a % b < 0) != (b < 0));
}

/// What is left after that: it has the sign of b.
static int64_t floorRemainder(int64_t a, int64_t b) {
  int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Value Evaluator::arithmetic(const std::string &name, const Value &a,
                            const Value &b) {
  if (name == "~")
    return Value::of(print(a) + print(b));
  if (name == "+" && a.isString() && b.isString())
    return Value::of(a.text() + b.text());
  if (name == "+" && a.isSequence() && a.kind == b.kind) {
    List items = *a.list;
    items.insert(items.end(), b.list->begin(), b.list->end());
    return Value::of(std::move(items), a.kind);
  }
  if (name == "*" && (a.isString() || a.isSequence()) && b.isInteger())
    return repeat(a, b.integer);
  if (name == "*" && a.isInteger() && (b.isString() || b.isSequence()))
    return repeat(b, a.integer);
  if (!a.isNumber() || !b.isNumber()) {
    for (const Value *value : {&a, &b})
      if (value->is(Value::Kind::Undefined))
        return fail("'" + value->text() + "' is undefined");
    return fail("cannot compute " + std::string(a.typeName()) + " " + name +
                " " + b.typeName());
  }
  bool divides = name == "/" || name == "//" || name == "%";
  if (divides && b.number() == 0)
    return fail("division by zero");
  if (name == "/")
    return Value::of(a.number() / b.number());
  if (a.isInteger() && b.isInteger()) {
    int64_t x = a.integer, y = b.integer, result = 0;
    bool overflow = name == "+"   ? __builtin_add_overflow(x, y, &result)
                    : name == "-" ? __builtin_sub_overflow(x, y, &result)
                    : name == "*" ? __builtin_mul_overflow(x, y, &result)
                                  : y == -1 && x == INT64_MIN;
    if (overflow)
      return fail("the number is too large");
    if (divides)
      result = name == "//" ? floorDivide(x, y) : floorRemainder(x, y);
    return Value::of(result);
  }
  double x = a.number(), y = b.number();
  if (name == "//")
    return Value::of(std::floor(x / y));
  if (name == "%") {
    double rest = std::fmod(x, y);
    return Value::of(rest && (rest < 0) != (y < 0) ? rest + y : rest);
  }
  return Value::of(name == "+" ? x + y : name == "-" ? x - y : x * y);
}

bool Evaluator::contains(const Value &container, const Value &item) {
  if (container.isString()) {
    if (!item.isString()) {
      fail("'in' expects a string, found " + std::string(item.typeName()));
      return false;
    }
    charge(container.size / 16);
    return container.text().find(item.text()) != std::string::npos;
  }
  if (container.isMapping())
    return item.isString() && container.dict->find(item.text());
  if (!container.isSequence()) {
    if (!container.is(Value::Kind::Undefined))
      fail("'in' expects a sequence, found " +
           std::string(container.typeName()));
    return false;
  }
  charge(container.list->size());
  for (const Value &other : *container.list) {
    if (!charge(std::min(item.size, other.size) / 16))
      return false;
    if (equal(item, other))
      return true;
  }
  return false;
}

Value Evaluator::compare(const std::string &name, const Value &a,
                         const Value &b) {
  if (!charge(std::min(a.size, b.size) / 16))
    return Value();
  if (name == "==" || name == "!=")
    return Value::boolean(equal(a, b) == (name == "=="));
  if (name == "in" || name == "not in")
    return Value::boolean(contains(b, a) == (name == "in"));
  int order;
  if (a.isString() && b.isString())
    order = a.text().compare(b.text());
  else if (a.isInteger() && b.isInteger())
    order = (a.integer > b.integer) - (a.integer < b.integer);
  else if (a.isNumber() && b.isNumber())
    order = (a.number() > b.number()) - (a.number() < b.number());
  else
    return fail("cannot compare " + std::string(a.typeName()) + " " + name +
                " " + b.typeName());
  return Value::boolean(name == "<"    ? order < 0
                        : name == "<=" ? order <= 0
                        : name == ">"  ? order > 0
                                       : order >= 0);
}

//===----------------------------------------------------------------------===//
// Parts of values
//===----------------------------------------------------------------------===//

bool Evaluator::items(const Value &value, List &items) {
  switch (value.kind) {
  case Value::Kind::Undefined:
    return true;
  case Value::Kind::List:
  case Value::Kind::Tuple:
    items = *value.list;
    break;
  case Value::Kind::Dict:
    for (const auto &[key, item] : value.dict->items)
      items.push_back(Value::of(key));
    break;
  case Value::Kind::String:
    if (!charge(8 * value.text().size()))
      return false;
    for (std::string_view character : charactersOf(value.text()))
      items.push_back(Value::of(std::string(character)));
    break;
  default:
    fail(std::string(value.typeName()) + " has no items");
    return false;
  }
  return charge(8 * items.size());
}

Value Evaluator::attributeOf(const Value &base, const std::string &name) {
  if (failed())
    return Value();
  if (base.is(Value::Kind::Undefined))
    return fail("'" + base.text() + "' is undefined");
  const Value *found = base.dict ? base.dict->find(name) : nullptr;
  return found ? *found : Value::undefined(name);
}

Value Evaluator::itemOf(const Value &base, const Value &key) {
  if (failed())
    return Value();
  if (key.isString())
    return attributeOf(base, key.text());
  if (base.is(Value::Kind::Undefined))
    return fail("'" + base.text() + "' is undefined");
  if (!key.isInteger())
    return Value::undefined("item");
  auto pick = [&](const auto &from) -> int64_t {
    int64_t size = static_cast<int64_t>(from.size());
    int64_t index = key.integer < 0 ? key.integer + size : key.integer;
    return index >= 0 && index < size ? index : -1;
  };
  if (base.isSequence()) {
    int64_t index = pick(*base.list);
    return index < 0 ? Value::undefined("item")
                     : (*base.list)[static_cast<size_t>(index)];
  }
  if (base.isString()) {
    if (!charge(base.text().size()))
      return Value();
    std::vector<std::string_view> characters = charactersOf(base.text());
    int64_t index = pick(characters);
    return index < 0
               ? Value::undefined("item")
               : Value::of(std::string(characters[static_cast<size_t>(index)]));
  }
  return Value::undefined("item");
}

Value Evaluator::slice(const Expression &expression) {
  Value base = evaluate(*expression.operands[0]);
  int64_t bounds[3];
  bool given[3];
  for (int i = 0; i < 3; ++i) {
    const ExpressionPtr &part = expression.operands[i + 1];
    Value value = part ? evaluate(*part) : Value::none();
    given[i] = !value.is(Value::Kind::None);
    if (!failed() && given[i] && !value.isInteger())
      return fail("a slice expects integers");
    bounds[i] = value.integer;
  }
  if (!failed() && !base.isSequence() && !base.isString())
    return fail("cannot slice " + std::string(base.typeName()));
  if (!charge(base.isString() ? base.text().size() : 1))
    return Value();
  std::vector<std::string_view> characters;
  if (base.isString())
    characters = charactersOf(base.text());
  int64_t size = static_cast<int64_t>(base.isString() ? characters.size()
                                                      : base.list->size()),
          step = given[2] ? bounds[2] : 1;
  if (step == 0)
    return fail("the step of a slice is zero");
  // The rules of Python: bounds count from the end if negative, and are cut.
  int64_t low = step < 0 ? -1 : 0, high = step < 0 ? size - 1 : size;
  auto place = [&](int i, int64_t absent) {
    if (!given[i])
      return absent;
    int64_t bound =
        bounds[i] < 0 && bounds[i] >= -size ? bounds[i] + size : bounds[i];
    return std::clamp(bound, low, high);
  };
  int64_t start = place(0, step < 0 ? high : low),
          stop = place(1, step < 0 ? low : high);
  // Beyond the size a step takes one item.
  step = std::clamp(step, -size - 1, size + 1);
  List chosen;
  std::string text;
  for (int64_t i = start; step < 0 ? i > stop : i < stop; i += step)
    if (base.isString())
      text += characters[static_cast<size_t>(i)];
    else
      chosen.push_back((*base.list)[static_cast<size_t>(i)]);
  return base.isString() ? Value::of(std::move(text))
                         : Value::of(std::move(chosen), base.kind);
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

bool Evaluator::evaluateArguments(const Expression &expression,
                                  Arguments &arguments) {
  for (size_t i = 1; i < expression.operands.size(); ++i)
    arguments.positional.push_back(evaluate(*expression.operands[i]));
  for (const auto &[name, value] : expression.keywords)
    arguments.named.emplace_back(name, evaluate(*value));
  return !failed();
}

Value Evaluator::call(const Expression &expression) {
  const Expression &callee = *expression.operands[0];
  Arguments arguments;
  if (callee.kind == Expression::Kind::Attribute) {
    Value object = evaluate(*callee.operands[0]);
    if (!evaluateArguments(expression, arguments))
      return Value();
    line = expression.line;
    return callMethod(*this, object, callee.name, arguments);
  }
  Value function = evaluate(callee);
  if (!evaluateArguments(expression, arguments))
    return Value();
  line = expression.line;
  if (function.is(Value::Kind::Macro))
    return function.macro ? callMacro(*function.macro, arguments)
                          : callFunction(function.text(), arguments);
  if (function.is(Value::Kind::Undefined))
    return fail("'" + function.text() + "' is undefined");
  return fail(std::string(function.typeName()) + " cannot be called");
}

Value Evaluator::callFunction(const std::string &name,
                              const Arguments &arguments) {
  if (name == "raise_exception") {
    const Value *message = arguments.get(0, "message");
    return fail(message ? print(*message) : "the template gave up");
  }
  if (name == "namespace" || name == "dict") {
    Dict dict;
    if (const Value *first = arguments.get(0); first && first->isMapping())
      dict = *first->dict;
    for (const auto &[key, value] : arguments.named)
      dict.set(key, value);
    if (name == "dict")
      return Value::of(std::move(dict));
    Value value = Value::of(std::move(dict), Value::Kind::Namespace);
    namespaces.push_back(value.dict);
    return value;
  }
  if (name == "range") {
    int64_t first = arguments.integer(0, "", 0), start = 0, stop = first,
            step = arguments.integer(2, "", 1);
    if (arguments.positional.size() > 1) {
      start = first;
      stop = arguments.integer(1, "", 0);
    }
    if (step == 0)
      return fail("range expects a step that is not zero");
    List numbers;
    for (int64_t i = start; step < 0 ? i > stop : i < stop;) {
      if (!charge(8))
        return Value();
      numbers.push_back(Value::of(i));
      if (__builtin_add_overflow(i, step, &i))
        break;
    }
    return Value::of(std::move(numbers));
  }
  if (name == "strftime_now") {
    const std::string *format = arguments.string(0, "format");
    if (!format || format->size() > 200)
      return fail("strftime_now expects a short format");
    char text[1024];
    std::time_t seconds = static_cast<std::time_t>(now);
    std::tm date = {};
    localtime_r(&seconds, &date);
    return Value::of(std::string(
        text, std::strftime(text, sizeof text, format->c_str(), &date)));
  }
  return fail("no function named '" + name + "'");
}

Value Evaluator::callMacro(const Macro &macro, const Arguments &arguments) {
  if (calls == kMostCalls)
    return fail("macros call each other too deep");
  if (arguments.positional.size() > macro.parameters.size())
    return fail("macro '" + macro.name + "' takes fewer arguments");
  Scope scope;
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const std::string &name = macro.parameters[i];
    if (const Value *given = arguments.get(i, name))
      scope.set(name, *given);
    else
      scope.set(name, macro.defaults[i] ? evaluate(*macro.defaults[i])
                                        : Value::undefined(name));
  }
  // A macro sees the outermost names only.
  std::vector<Scope> outside;
  outside.swap(scopes);
  scopes = {outside[0], outside[1], std::move(scope)};
  std::string text;
  std::string *outer = std::exchange(output, &text);
  ++calls;
  execute(macro.body);
  --calls;
  output = outer;
  scopes.swap(outside);
  return Value::of(std::move(text));
}

} // namespace chat
} // namespace winnow
