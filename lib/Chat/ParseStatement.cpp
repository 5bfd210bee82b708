//===- ParseStatement.cpp - Statements of templates -----------------------===//

#include "Parser.h"

namespace winnow {
namespace chat {

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
