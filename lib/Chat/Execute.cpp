//===- Execute.cpp - Statements of templates ------------------------------===//

#include "Evaluator.h"

namespace winnow {
namespace chat {

/// Bytes of output.
static constexpr size_t kMostOutput = size_t(1) << 26;

bool Evaluator::run(const Body &body, Dict globals, std::string &text,
                    std::string &message) {
  for (const char *name :
       {"raise_exception", "strftime_now", "namespace", "dict", "range"})
    globals.set(name, Value::function(name));
  // What the caller gives, and what the template sets.
  scopes = {std::move(globals), {}};
  output = &text;
  execute(body);
  message = error;
  return !failed();
}

void Evaluator::write(const std::string &text) {
  charge(1 + text.size() / 16);
  if (output->size() + text.size() > kMostOutput)
    fail("the output is too large");
  else if (!failed())
    *output += text;
}

bool Evaluator::bind(const std::vector<std::string> &names,
                     const Value &value) {
  Scope &scope = scopes.back();
  if (names.size() == 1) {
    scope.set(names[0], value);
    return true;
  }
  List parts;
  if (!items(value, parts))
    return false;
  if (parts.size() != names.size()) {
    fail("expects " + std::to_string(names.size()) + " values, found " +
         std::to_string(parts.size()));
    return false;
  }
  for (size_t i = 0; i < names.size(); ++i)
    scope.set(names[i], parts[i]);
  return true;
}

Evaluator::Flow Evaluator::execute(const Body &body) {
  for (const Statement &statement : body) {
    line = statement.line;
    if (!charge(1))
      return Flow::Break;
    if (Flow flow = execute(statement); flow != Flow::Next)
      return flow;
  }
  return Flow::Next;
}

Evaluator::Flow Evaluator::execute(const Statement &statement) {
  switch (statement.kind) {
  case Statement::Kind::Text:
    write(statement.text);
    break;
  case Statement::Kind::Output: {
    Value value = evaluate(*statement.expressions[0]);
    if (!failed())
      write(print(value));
    break;
  }
  case Statement::Kind::If: {
    size_t i = 0;
    while (i < statement.expressions.size() &&
           !evaluate(*statement.expressions[i]).isTrue())
      ++i;
    if (!failed() && i < statement.bodies.size())
      return execute(statement.bodies[i]);
    break;
  }
  case Statement::Kind::For:
    return loop(statement);
  case Statement::Kind::Set: {
    Value value = evaluate(*statement.expressions[0]);
    if (failed())
      break;
    if (statement.field.empty()) {
      bind(statement.names, value);
      break;
    }
    Value target;
    for (const Scope &scope : scopes)
      if (const Value *found = scope.find(statement.names[0]))
        target = *found;
    if (target.is(Value::Kind::Namespace))
      target.dict->set(statement.field, value);
    else
      fail("'" + statement.names[0] + "' is no namespace");
    break;
  }
  case Statement::Kind::SetBlock: {
    std::string text;
    std::string *outer = std::exchange(output, &text);
    scopes.emplace_back();
    execute(statement.bodies[0]);
    scopes.pop_back();
    output = outer;
    scopes.back().set(statement.names[0], Value::of(std::move(text)));
    break;
  }
  case Statement::Kind::Macro: {
    Value macro;
    macro.kind = Value::Kind::Macro;
    macro.macro = statement.macro.get();
    scopes.back().set(statement.macro->name, macro);
    break;
  }
  case Statement::Kind::Break:
    return Flow::Break;
  case Statement::Kind::Continue:
    return Flow::Continue;
  }
  return failed() ? Flow::Break : Flow::Next;
}

/// The variable `loop` in round `i` of `all`.
static Value loopAt(const List &all, size_t i) {
  int64_t index = static_cast<int64_t>(i),
          size = static_cast<int64_t>(all.size());
  Dict loop;
  loop.items = {{"index0", Value::of(index)},
                {"index", Value::of(index + 1)},
                {"revindex0", Value::of(size - index - 1)},
                {"revindex", Value::of(size - index)},
                {"first", Value::boolean(i == 0)},
                {"last", Value::boolean(i + 1 == all.size())},
                {"length", Value::of(size)},
                {"depth", Value::of(int64_t(1))},
                {"depth0", Value::of(int64_t(0))}};
  if (i > 0)
    loop.items.emplace_back("previtem", all[i - 1]);
  if (i + 1 < all.size())
    loop.items.emplace_back("nextitem", all[i + 1]);
  // It is looked into, never walked through.
  return Value::of(std::move(loop), Value::Kind::Namespace);
}

Evaluator::Flow Evaluator::loop(const Statement &statement) {
  Value sequence = evaluate(*statement.expressions[0]);
  List all;
  if (failed() || !items(sequence, all))
    return Flow::Break;
  const ExpressionPtr &filter = statement.expressions[1];
  if (filter) {
    List chosen;
    for (const Value &item : all) {
      scopes.emplace_back();
      bool takes = bind(statement.names, item) && evaluate(*filter).isTrue();
      scopes.pop_back();
      if (failed())
        return Flow::Break;
      if (takes)
        chosen.push_back(item);
    }
    all = std::move(chosen);
  }
  for (size_t i = 0; i < all.size(); ++i) {
    if (!charge(16))
      return Flow::Break;
    scopes.emplace_back();
    scopes.back().set("loop", loopAt(all, i));
    Flow flow = bind(statement.names, all[i]) ? execute(statement.bodies[0])
                                              : Flow::Break;
    scopes.pop_back();
    if (failed())
      return Flow::Break;
    if (flow == Flow::Break)
      break;
  }
  if (all.empty() && statement.bodies.size() > 1)
    return execute(statement.bodies[1]);
  return Flow::Next;
}

} // namespace chat
} // namespace winnow
