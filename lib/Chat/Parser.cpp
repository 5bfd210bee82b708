//===- Parser.cpp - Expressions of templates ------------------------------===//

#include "Parser.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace winnow {
namespace chat {

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

ExpressionPtr Parser::parseSubscript(const ExpressionPtr &base) {
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

ExpressionPtr Parser::parseTest(const ExpressionPtr &base) {
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

} // namespace chat
} // namespace winnow
