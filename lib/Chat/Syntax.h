//===- Syntax.h - Tokens and trees of templates -----------------*- C++ -*-===//

#ifndef WINNOW_LIB_CHAT_SYNTAX_H
#define WINNOW_LIB_CHAT_SYNTAX_H

#include "Value.h"

namespace winnow {
namespace chat {

struct Token {
  enum class Kind {
    Data,
    OutputBegin, ///< {{
    OutputEnd,
    BlockBegin, ///< {%
    BlockEnd,
    Name,
    Integer,
    Real,
    String,
    Operator,
    End
  };
  Kind kind;
  std::string text; ///< of data, names and operators; of strings the value
  int line;
};

/// Cuts a template into tokens, with the blanks around blocks taken away as
/// trim_blocks and lstrip_blocks say. False, and a message, on failure.
bool tokenize(std::string_view text, std::vector<Token> &tokens,
              std::string &error);

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

struct Expression {
  enum class Kind {
    Constant,
    Name,
    List,
    Tuple,
    Dict,      ///< keys and values in turn
    Attribute, ///< a.name
    Item,      ///< a[b]
    Slice,     ///< a[b:c:d], absent parts are null
    Call,      ///< callee, then arguments
    Filter,    ///< a | name(...)
    Test,      ///< a is name(...)
    Unary,     ///< name is the operator, also "not"
    Binary,    ///< name is the operator
    And,
    Or,
    Conditional, ///< condition, then, else (may be null)
  };
  Kind kind;
  int line;
  int depth = 1; ///< of the tree
  std::string name;
  Value constant;
  std::vector<ExpressionPtr> operands;
  /// Arguments by name, of calls, filters and tests.
  std::vector<std::pair<std::string, ExpressionPtr>> keywords;
};

struct Statement;
using Body = std::vector<Statement>;

struct Statement {
  enum class Kind {
    Text,
    Output,
    If,  ///< a condition for each body; one more body is the else
    For, ///< expressions: sequence, filter (may be null); bodies: loop, else
    Set, ///< names, or name and field; expressions: value
    SetBlock,
    Macro,
    Break,
    Continue
  };
  Kind kind;
  int line;
  std::string text; ///< of Text; the name of a macro
  std::vector<std::string> names;
  std::string field; ///< set names[0].field
  std::vector<ExpressionPtr> expressions;
  std::vector<Body> bodies;
  std::shared_ptr<const Macro> macro;
};

struct Macro {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExpressionPtr> defaults; ///< null where there is none
  Body body;
};

/// Parses tokens. False, and a message, on failure.
bool parse(const std::vector<Token> &tokens, Body &body, std::string &error);

} // namespace chat
} // namespace winnow

#endif // WINNOW_LIB_CHAT_SYNTAX_H
