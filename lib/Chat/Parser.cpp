//===- Parser.cpp - Tokens to trees ---------------------------------------===//
//
// The grammar of Jinja 2.11 and later. Trees are never deeper than kMostDepth:
// whatever walks them needs no check of its own.
//
//===----------------------------------------------------------------------===//

#include "Syntax.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace winnow {
namespace chat {

static constexpr int kMostDepth = 100;

namespace {

class Parser {
public:
  Parser(const std::vector<Token> &tokens, std::string &error)
      : tokens(tokens), error(error) {}

  bool run(Body &body) {
    return parseBody(body, {}) &&
           (atEnd() || fail("unexpected end of a block"));
  }

private:
  using Kind = Expression::Kind;

  // Tokens.
  const Token &peek() const { return tokens[position]; }
  bool atEnd() const { return peek().kind == Token::Kind::End; }
  bool isOperator(std::string_view text) const {
    return peek().kind == Token::Kind::Operator && peek().text == text;
  }
  bool isName(std::string_view text) const {
    return peek().kind == Token::Kind::Name && peek().text == text;
  }
  bool take(std::string_view text) {
    if (!isOperator(text) && !isName(text))
      return false;
    ++position;
    return true;
  }
  bool expect(std::string_view text) {
    return take(text) || fail("expects '" + std::string(text) + "'");
  }
  bool expect(Token::Kind kind, const char *what) {
    if (peek().kind != kind)
      return fail(std::string("expects ") + what);
    ++position;
    return true;
  }
  bool expectName(std::string &name) {
    if (peek().kind != Token::Kind::Name)
      return fail("expects a name");
    name = tokens[position++].text;
    return true;
  }
  /// Keeps the first failure.
  bool fail(const std::string &message) {
    if (error.empty())
      error = "line " + std::to_string(peek().line) + ": " + message;
    return false;
  }

  // Expressions; null after a failure.
  ExpressionPtr make(Kind kind, std::string name,
                     std::vector<ExpressionPtr> operands);
  ExpressionPtr finish(Expression expression);
  ExpressionPtr parseExpression();
  ExpressionPtr parseOr();
  ExpressionPtr parseAnd();
  ExpressionPtr parseNot();
  ExpressionPtr parseCompare();
  ExpressionPtr parseBinary(int level);
  ExpressionPtr parseUnary(bool filters);
  ExpressionPtr parsePrimary();
  ExpressionPtr parseSequence(Kind kind, const char *close);
  ExpressionPtr parseDict();
  ExpressionPtr parsePostfix(ExpressionPtr base);
  ExpressionPtr parseSubscript(ExpressionPtr base);
  ExpressionPtr parseFilters(ExpressionPtr base);
  ExpressionPtr parseTest(ExpressionPtr base);
  bool parseArguments(Expression &call);
  /// What may stand bare after `in`, `set` and in {{ }}: a, b is a tuple.
  ExpressionPtr parseTuple();

  // Statements.
  bool parseBody(Body &body, const std::vector<std::string_view> &ends);
  bool parseStatement(Body &body);
  bool parseIf(Statement &statement);
  bool parseFor(Statement &statement);
  bool parseSet(Statement &statement);
  bool parseMacro(Statement &statement);
  bool expectBlockEnd() { return expect(Token::Kind::BlockEnd, "'%}'"); }
  bool endBlock(std::string_view name) {
    return expect(name) && expectBlockEnd();
  }

  const std::vector<Token> &tokens;
  std::string &error;
  size_t position = 0;
  int nesting = 0, loops = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

ExpressionPtr Parser::finish(Expression expression) {
  auto visit = [&](const ExpressionPtr &operand) {
    if (operand)
      expression.depth = std::max(expression.depth, operand->depth + 1);
  };
  for (const ExpressionPtr &operand : expression.operands)
    visit(operand);
  for (const auto &[name, operand] : expression.keywords)
    visit(operand);
  if (expression.depth > kMostDepth) {
    fail("expressions are nested too deep");
    return nullptr;
  }
  return std::make_shared<const Expression>(std::move(expression));
}

ExpressionPtr Parser::make(Kind kind, std::string name,
                           std::vector<ExpressionPtr> operands) {
  Expression expression{kind, peek().line};
  expression.name = std::move(name);
  expression.operands = std::move(operands);
  return finish(std::move(expression));
}

ExpressionPtr Parser::parseExpression() {
  if (++nesting > kMostDepth) {
    fail("expressions are nested too deep");
    return nullptr;
  }
  ExpressionPtr value = parseOr();
  while (value && take("if")) {
    ExpressionPtr condition = parseOr(), otherwise;
    if (!condition || (take("else") && !(otherwise = parseExpression())))
      return nullptr;
    value = make(Kind::Conditional, "", {condition, value, otherwise});
  }
  --nesting;
  return value;
}

ExpressionPtr Parser::parseOr() {
  ExpressionPtr left = parseAnd();
  while (left && take("or")) {
    ExpressionPtr right = parseAnd();
    left = right ? make(Kind::Or, "", {left, right}) : nullptr;
  }
  return left;
}

ExpressionPtr Parser::parseAnd() {
  ExpressionPtr left = parseNot();
  while (left && take("and")) {
    ExpressionPtr right = parseNot();
    left = right ? make(Kind::And, "", {left, right}) : nullptr;
  }
  return left;
}

ExpressionPtr Parser::parseNot() {
  int count = 0;
  while (take("not"))
    ++count;
  ExpressionPtr operand = parseCompare();
  for (; operand && count; --count)
    operand = make(Kind::Unary, "not", {operand});
  return operand;
}

ExpressionPtr Parser::parseCompare() {
  ExpressionPtr left = parseBinary(0), chain;
  while (left) {
    std::string name;
    for (const char *known : {"==", "!=", "<", "<=", ">", ">=", "in"})
      if (isOperator(known) || isName(known))
        name = known;
    if (isName("not") && tokens[position + 1].text == "in") {
      ++position;
      name = "not in";
    }
    if (name.empty())
      return chain ? chain : left;
    ++position;
    ExpressionPtr right = parseBinary(0);
    if (!right)
      return nullptr;
    ExpressionPtr compared = make(Kind::Binary, name, {left, right});
    chain =
        chain && compared ? make(Kind::And, "", {chain, compared}) : compared;
    left = chain ? right : nullptr;
  }
  return nullptr;
}

/// From loose to tight: + -, then ~, then * / // %.
ExpressionPtr Parser::parseBinary(int level) {
  static const std::vector<const char *> kLevels[] = {
      {"+", "-"}, {"~"}, {"*", "/", "//", "%"}};
  if (level == 3)
    return parseUnary(/*filters=*/true);
  ExpressionPtr left = parseBinary(level + 1);
  while (left) {
    const char *name = nullptr;
    for (const char *known : kLevels[level])
      if (isOperator(known))
        name = known;
    if (!name)
      break;
    ++position;
    ExpressionPtr right = parseBinary(level + 1);
    left = right ? make(Kind::Binary, name, {left, right}) : nullptr;
  }
  return left;
}

ExpressionPtr Parser::parseUnary(bool filters) {
  ExpressionPtr value;
  if (isOperator("-") || isOperator("+")) {
    std::string name = tokens[position++].text;
    if (++nesting > kMostDepth) {
      fail("expressions are nested too deep");
      return nullptr;
    }
    ExpressionPtr operand = parseUnary(false);
    --nesting;
    value = operand ? make(Kind::Unary, name, {operand}) : nullptr;
  } else {
    value = parsePrimary();
    if (value)
      value = parsePostfix(value);
  }
  return value && filters ? parseFilters(value) : value;
}

ExpressionPtr Parser::parsePrimary() {
  const Token &token = peek();
  Expression constant{Kind::Constant, token.line};
  switch (token.kind) {
  case Token::Kind::Integer: {
    ++position;
    const char *end = token.text.data() + token.text.size();
    int64_t number;
    if (std::from_chars(token.text.data(), end, number).ec != std::errc()) {
      fail("the number is too large");
      return nullptr;
    }
    constant.constant = Value::of(number);
    return finish(constant);
  }
  case Token::Kind::Real:
    ++position;
    constant.constant = Value::of(std::strtod(token.text.c_str(), nullptr));
    return finish(constant);
  case Token::Kind::String: {
    std::string text;
    while (peek().kind == Token::Kind::String)
      text += tokens[position++].text;
    constant.constant = Value::of(text);
    return finish(constant);
  }
  case Token::Kind::Name:
    ++position;
    if (token.text == "true" || token.text == "True")
      constant.constant = Value::boolean(true);
    else if (token.text == "false" || token.text == "False")
      constant.constant = Value::boolean(false);
    else if (token.text == "none" || token.text == "None")
      constant.constant = Value::none();
    else
      return make(Kind::Name, token.text, {});
    return finish(constant);
  default:
    break;
  }
  if (take("("))
    return parseSequence(Kind::Tuple, ")");
  if (take("["))
    return parseSequence(Kind::List, "]");
  if (take("{"))
    return parseDict();
  fail(token.text.empty() ? "expects an expression"
                          : "unexpected '" + token.text + "'");
  return nullptr;
}

/// A list, a tuple, or an expression in parentheses.
ExpressionPtr Parser::parseSequence(Kind kind, const char *close) {
  std::vector<ExpressionPtr> items;
  bool comma = false;
  while (!isOperator(close)) {
    if (!items.empty() && !expect(","))
      return nullptr;
    comma = !items.empty();
    if (comma && isOperator(close))
      break;
    ExpressionPtr item = parseExpression();
    if (!item)
      return nullptr;
    items.push_back(item);
  }
  ++position;
  if (kind == Kind::Tuple && items.size() == 1 && !comma)
    return items[0];
  return make(kind, "", std::move(items));
}

ExpressionPtr Parser::parseDict() {
  std::vector<ExpressionPtr> items;
  while (!isOperator("}")) {
    if (!items.empty() && !expect(","))
      return nullptr;
    if (isOperator("}"))
      break;
    ExpressionPtr key = parseExpression();
    if (!key || !expect(":"))
      return nullptr;
    ExpressionPtr value = parseExpression();
    if (!value)
      return nullptr;
    items.insert(items.end(), {key, value});
  }
  ++position;
  return make(Kind::Dict, "", std::move(items));
}

ExpressionPtr Parser::parsePostfix(ExpressionPtr base) {
  while (base) {
    if (take(".")) {
      // a.0 is a[0].
      if (peek().kind == Token::Kind::Integer) {
        ExpressionPtr index = parsePrimary();
        base = index ? make(Kind::Item, "", {base, index}) : nullptr;
        continue;
      }
      std::string name;
      base = expectName(name) ? make(Kind::Attribute, name, {base}) : nullptr;
    } else if (take("[")) {
      base = parseSubscript(base);
    } else if (isOperator("(")) {
      Expression call{Kind::Call, peek().line};
      call.operands.push_back(base);
      base = parseArguments(call) ? finish(std::move(call)) : nullptr;
    } else {
      return base;
    }
  }
  return nullptr;
}

ExpressionPtr Parser::parseSubscript(ExpressionPtr base) {
  ExpressionPtr parts[3];
  int part = 0;
  bool slice = false;
  while (!isOperator("]")) {
    if (take(":")) {
      slice = true;
      if (++part > 2) {
        fail("a slice has at most three parts");
        return nullptr;
      }
      continue;
    }
    if (parts[part]) {
      fail("expects ']'");
      return nullptr;
    }
    if (!(parts[part] = parseExpression()))
      return nullptr;
  }
  ++position;
  if (slice)
    return make(Kind::Slice, "", {base, parts[0], parts[1], parts[2]});
  if (!parts[0]) {
    fail("expects an index");
    return nullptr;
  }
  return make(Kind::Item, "", {base, parts[0]});
}

/// (a, b, name=c), appended to the operands and keywords of `call`.
bool Parser::parseArguments(Expression &call) {
  if (!expect("("))
    return false;
  for (bool first = true; !take(")"); first = false) {
    if (!first && !expect(","))
      return false;
    if (take(")"))
      return true;
    std::string name;
    if (peek().kind == Token::Kind::Name &&
        tokens[position + 1].kind == Token::Kind::Operator &&
        tokens[position + 1].text == "=") {
      name = peek().text;
      position += 2;
    }
    ExpressionPtr value = parseExpression();
    if (!value)
      return false;
    if (!name.empty())
      call.keywords.emplace_back(name, value);
    else if (!call.keywords.empty())
      return fail("arguments with names come last");
    else
      call.operands.push_back(value);
  }
  return true;
}

ExpressionPtr Parser::parseFilters(ExpressionPtr base) {
  while (base) {
    if (take("|")) {
      Expression filter{Kind::Filter, peek().line};
      filter.operands.push_back(base);
      if (!expectName(filter.name) ||
          (isOperator("(") && !parseArguments(filter)))
        return nullptr;
      base = finish(std::move(filter));
    } else if (take("is")) {
      base = parseTest(base);
    } else if (isOperator("(")) {
      base = parsePostfix(base);
    } else {
      return base;
    }
  }
  return nullptr;
}

ExpressionPtr Parser::parseTest(ExpressionPtr base) {
  bool negated = take("not");
  Expression test{Kind::Test, peek().line};
  test.operands.push_back(base);
  if (!expectName(test.name))
    return nullptr;
  if (isOperator("(")) {
    if (!parseArguments(test))
      return nullptr;
  } else if (peek().kind == Token::Kind::String ||
             peek().kind == Token::Kind::Integer ||
             peek().kind == Token::Kind::Real || isOperator("[") ||
             isOperator("{") ||
             (peek().kind == Token::Kind::Name && !isName("and") &&
              !isName("or") && !isName("else") && !isName("if") &&
              !isName("is") && !isName("in") && !isName("not"))) {
    // One argument needs no parentheses.
    ExpressionPtr argument = parsePrimary();
    if (argument)
      argument = parsePostfix(argument);
    if (!argument)
      return nullptr;
    test.operands.push_back(argument);
  }
  ExpressionPtr result = finish(std::move(test));
  return result && negated ? make(Kind::Unary, "not", {result}) : result;
}

ExpressionPtr Parser::parseTuple() {
  ExpressionPtr first = parseExpression();
  if (!first || !isOperator(","))
    return first;
  std::vector<ExpressionPtr> items = {first};
  while (take(",")) {
    if (peek().kind == Token::Kind::BlockEnd ||
        peek().kind == Token::Kind::OutputEnd)
      break;
    ExpressionPtr item = parseExpression();
    if (!item)
      return nullptr;
    items.push_back(item);
  }
  return make(Kind::Tuple, "", std::move(items));
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

/// Statements up to the start of a block with one of the names `ends`, which
/// then is the next token; without names, up to the end of the template.
bool Parser::parseBody(Body &body, const std::vector<std::string_view> &ends) {
  if (++nesting > kMostDepth)
    return fail("blocks are nested too deep");
  while (!atEnd()) {
    Statement statement{Statement::Kind::Text, peek().line};
    switch (peek().kind) {
    case Token::Kind::Data:
      statement.text = tokens[position++].text;
      body.push_back(std::move(statement));
      break;
    case Token::Kind::OutputBegin: {
      ++position;
      statement.kind = Statement::Kind::Output;
      ExpressionPtr value = parseTuple();
      if (!value || !expect(Token::Kind::OutputEnd, "'}}'"))
        return false;
      statement.expressions.push_back(value);
      body.push_back(std::move(statement));
      break;
    }
    default:
      ++position; // a block begins
      for (std::string_view end : ends)
        if (isName(end)) {
          --nesting;
          return true;
        }
      if (!parseStatement(body))
        return false;
    }
  }
  --nesting;
  return ends.empty() ||
         fail("expects '" + std::string(ends.back()) + "' before the end");
}

bool Parser::parseStatement(Body &body) {
  Statement statement{Statement::Kind::If, peek().line};
  // What marks the assistant's words for training is plain text here.
  if (take("generation"))
    return expectBlockEnd() && parseBody(body, {"endgeneration"}) &&
           endBlock("endgeneration");
  bool parsed = take("if")      ? parseIf(statement)
                : take("for")   ? parseFor(statement)
                : take("set")   ? parseSet(statement)
                : take("macro") ? parseMacro(statement)
                                : false;
  if (!parsed && (isName("break") || isName("continue"))) {
    if (!loops)
      return fail("'" + peek().text + "' outside of a loop");
    statement.kind =
        isName("break") ? Statement::Kind::Break : Statement::Kind::Continue;
    ++position;
    parsed = expectBlockEnd();
  }
  if (!parsed)
    return fail("unknown block '" + peek().text + "'");
  body.push_back(std::move(statement));
  return true;
}

bool Parser::parseIf(Statement &statement) {
  do {
    ExpressionPtr condition = parseTuple();
    if (!condition || !expectBlockEnd())
      return false;
    statement.expressions.push_back(condition);
    if (!parseBody(statement.bodies.emplace_back(), {"elif", "else", "endif"}))
      return false;
  } while (take("elif"));
  if (take("else") && (!expectBlockEnd() ||
                       !parseBody(statement.bodies.emplace_back(), {"endif"})))
    return false;
  return endBlock("endif");
}

bool Parser::parseFor(Statement &statement) {
  statement.kind = Statement::Kind::For;
  bool parenthesis = take("(");
  do {
    if (!expectName(statement.names.emplace_back()))
      return false;
  } while (take(","));
  if ((parenthesis && !expect(")")) || !expect("in"))
    return false;
  // `if` after the sequence chooses items; it makes no conditional expression.
  ExpressionPtr sequence = parseOr(), filter;
  if (!sequence || (take("if") && !(filter = parseExpression())) ||
      !expectBlockEnd())
    return false;
  statement.expressions = {sequence, filter};
  ++loops;
  bool parsed = parseBody(statement.bodies.emplace_back(), {"else", "endfor"});
  --loops;
  if (!parsed || (take("else") &&
                  (!expectBlockEnd() ||
                   !parseBody(statement.bodies.emplace_back(), {"endfor"}))))
    return false;
  return endBlock("endfor");
}

bool Parser::parseSet(Statement &statement) {
  statement.kind = Statement::Kind::Set;
  if (!expectName(statement.names.emplace_back()))
    return false;
  if (take(".")) {
    if (!expectName(statement.field))
      return false;
  } else {
    while (take(","))
      if (!expectName(statement.names.emplace_back()))
        return false;
  }
  if (take("=")) {
    ExpressionPtr value = parseTuple();
    statement.expressions.push_back(value);
    return value && expectBlockEnd();
  }
  statement.kind = Statement::Kind::SetBlock;
  if (statement.names.size() != 1)
    return fail("expects '='");
  return expectBlockEnd() &&
         parseBody(statement.bodies.emplace_back(), {"endset"}) &&
         endBlock("endset");
}

bool Parser::parseMacro(Statement &statement) {
  statement.kind = Statement::Kind::Macro;
  auto macro = std::make_shared<Macro>();
  if (!expectName(macro->name) || !expect("("))
    return false;
  while (!take(")")) {
    if (!macro->parameters.empty() && !expect(","))
      return false;
    ExpressionPtr value;
    if (!expectName(macro->parameters.emplace_back()) ||
        (take("=") && !(value = parseExpression())))
      return false;
    macro->defaults.push_back(value);
  }
  int outside = std::exchange(loops, 0);
  bool parsed = expectBlockEnd() && parseBody(macro->body, {"endmacro"});
  loops = outside;
  statement.macro = std::move(macro);
  return parsed && endBlock("endmacro");
}

bool parse(const std::vector<Token> &tokens, Body &body, std::string &error) {
  return Parser(tokens, error).run(body);
}

} // namespace chat
} // namespace winnow
