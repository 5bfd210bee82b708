//===- Parser.h - Tokens to trees -------------------------------*- C++ -*-===//
//
// The grammar of Jinja 2.11 and later. Trees are never deeper than kMostDepth:
// whatever walks them needs no check of its own.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_CHAT_PARSER_H
#define WINNOW_LIB_CHAT_PARSER_H

#include "Syntax.h"

namespace winnow {
namespace chat {

inline constexpr int kMostDepth = 100;

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
  ExpressionPtr parseSubscript(const ExpressionPtr &base);
  ExpressionPtr parseFilters(ExpressionPtr base);
  ExpressionPtr parseTest(const ExpressionPtr &base);
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

} // namespace chat
} // namespace winnow

#endif // WINNOW_LIB_CHAT_PARSER_H
