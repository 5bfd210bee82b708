//===- Evaluator.h - Runs templates -----------------------------*- C++ -*-===//

#ifndef WINNOW_LIB_CHAT_EVALUATOR_H
#define WINNOW_LIB_CHAT_EVALUATOR_H

#include "Syntax.h"

namespace winnow {
namespace chat {

/// What a filter, a test, a method or a function is called with.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// The argument at `index` or called `name`; null if it is absent.
  const Value *get(size_t index, std::string_view name = "") const;
  /// The argument if it is a string, else null.
  const std::string *string(size_t index, std::string_view name = "") const;
  int64_t integer(size_t index, std::string_view name, int64_t absent) const;
  bool flag(size_t index, std::string_view name, bool absent) const;
};

/// One run of a template. After a failure everything returns at once, with
/// undefined values, and `error` says why.
class Evaluator {
public:
  /// `now` and `mostWork`: see ChatContext.
  Evaluator(int64_t now, size_t mostWork) : now(now), mostWork(mostWork) {}
  ~Evaluator();

  bool run(const Body &body, Dict globals, std::string &output,
           std::string &error);

  // For the parts of the language.
  Value evaluate(const Expression &expression);
  bool failed() const { return !error.empty(); }
  Value fail(const std::string &message);
  /// Counts work; false when there was too much.
  bool charge(size_t work);
  /// A value as it is printed; counts the work of writing down what is no
  /// string.
  std::string print(const Value &value);
  /// The items of a sequence, the keys of a mapping, the characters of a
  /// string; nothing of what is undefined.
  bool items(const Value &value, List &items);
  Value attributeOf(const Value &base, const std::string &name);
  Value itemOf(const Value &base, const Value &key);
  Value compare(const std::string &name, const Value &a, const Value &b);

private:
  enum class Flow { Next, Break, Continue };
  using Scope = Dict;

  Value compute(const Expression &expression);
  Value arithmetic(const std::string &name, const Value &a, const Value &b);
  Value repeat(const Value &a, int64_t times);
  Value slice(const Expression &expression);
  Value call(const Expression &expression);
  Value callFunction(const std::string &name, const Arguments &arguments);
  Value callMacro(const Macro &macro, const Arguments &arguments);
  bool evaluateArguments(const Expression &expression, Arguments &arguments);
  bool contains(const Value &container, const Value &item);

  Flow execute(const Body &body);
  Flow execute(const Statement &statement);
  Flow loop(const Statement &statement);
  bool bind(const std::vector<std::string> &names, const Value &value);
  void write(const std::string &text);

  int64_t now;
  size_t mostWork;
  std::vector<Scope> scopes;
  std::string *output = nullptr;
  std::string error;
  int line = 0;
  int calls = 0;
  size_t work = 0;
  /// They may refer to each other in a circle.
  std::vector<std::shared_ptr<Dict>> namespaces;
};

/// The parts of the language; they fail through `evaluator` where a name or an
/// argument makes no sense.
Value applyFilter(Evaluator &evaluator, const std::string &name,
                  const Value &value, const Arguments &arguments);
Value applyTest(Evaluator &evaluator, const std::string &name,
                const Value &value, const Arguments &arguments);
Value callMethod(Evaluator &evaluator, const Value &object,
                 const std::string &name, const Arguments &arguments);

} // namespace chat
} // namespace winnow

#endif // WINNOW_LIB_CHAT_EVALUATOR_H
