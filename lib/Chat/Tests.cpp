//===- Tests.cpp - Tests of templates (x is ...) --------------------------===//

#include "Evaluator.h"

namespace winnow {
namespace chat {

namespace {

struct TestRow {
  const char *name;
  bool (*holds)(const Value &value);
};

} // namespace

using Kind = Value::Kind;

static const TestRow kTests[] = {
    {"defined", [](const Value &v) { return !v.is(Kind::Undefined); }},
    {"undefined", [](const Value &v) { return v.is(Kind::Undefined); }},
    {"none", [](const Value &v) { return v.is(Kind::None); }},
    {"string", [](const Value &v) { return v.isString(); }},
    {"boolean", [](const Value &v) { return v.is(Kind::Boolean); }},
    {"true", [](const Value &v) { return v.is(Kind::Boolean) && v.integer; }},
    {"false", [](const Value &v) { return v.is(Kind::Boolean) && !v.integer; }},
    {"integer", [](const Value &v) { return v.is(Kind::Integer); }},
    {"float", [](const Value &v) { return v.is(Kind::Real); }},
    {"number", [](const Value &v) { return v.isNumber(); }},
    {"mapping", [](const Value &v) { return v.isMapping(); }},
    {"callable", [](const Value &v) { return v.is(Kind::Macro); }},
    {"sequence",
     [](const Value &v) {
       return v.isSequence() || v.isMapping() || v.isString() ||
              v.is(Kind::Undefined);
     }},
    {"iterable",
     [](const Value &v) {
       return v.isSequence() || v.isMapping() || v.isString() ||
              v.is(Kind::Undefined);
     }},
    {"odd", [](const Value &v) { return v.isInteger() && v.integer % 2 != 0; }},
    {"even",
     [](const Value &v) { return v.isInteger() && v.integer % 2 == 0; }},
};

/// Tests that are operators under other names.
static const char *const kOperators[][2] = {
    {"==", "=="},      {"eq", "=="},         {"equalto", "=="}, {"!=", "!="},
    {"ne", "!="},      {"in", "in"},         {"<", "<"},        {"lt", "<"},
    {"lessthan", "<"}, {"<=", "<="},         {"le", "<="},      {">", ">"},
    {"gt", ">"},       {"greaterthan", ">"}, {">=", ">="},      {"ge", ">="},
};

Value applyTest(Evaluator &evaluator, const std::string &name,
                const Value &value, const Arguments &arguments) {
  if (!evaluator.charge(1))
    return Value();
  for (const TestRow &row : kTests)
    if (name == row.name)
      return Value::boolean(row.holds(value));
  const Value *other = arguments.get(0);
  for (const auto &[test, symbol] : kOperators)
    if (name == test)
      return other ? evaluator.compare(symbol, value, *other)
                   : evaluator.fail("test '" + name + "' expects a value");
  if (name == "divisibleby" && other && other->isInteger() && other->integer &&
      value.isInteger())
    return Value::boolean(other->integer == -1 ||
                          value.integer % other->integer == 0);
  return evaluator.fail("no test named '" + name + "'");
}

} // namespace chat
} // namespace winnow
