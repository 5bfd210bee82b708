//===- Recipe.cpp - Passes in a file --------------------------------------===//

#include "winnow/Driver/Recipe.h"

#include "winnow/Driver/LoadedModel.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace winnow {

/// `line` up to a '#' that is not in quotes.
static StringRef dropComment(StringRef line) {
  char quote = 0;
  for (auto [index, c] : enumerate(line)) {
    if (quote)
      quote = c == quote ? 0 : quote;
    else if (c == '#')
      return line.take_front(index);
    else if (c == '"' || c == '\'')
      quote = c;
  }
  return line;
}

/// What MLIR's parser says of a pass: one line, and in `column`, from 1, the
/// place that it names.
static std::string describe(StringRef message, unsigned &column) {
  // "MLIR Textual PassPipeline Parser:1:COLUMN: error: WHAT\nPASS\n   ^"
  if (message.consume_front("MLIR Textual PassPipeline Parser:1:") &&
      !message.consumeInteger(10, column)) {
    message.consume_front(": error: ");
    return message.take_until([](char c) { return c == '\n'; }).str();
  }
  // "<Pass-Options-Parser>: WHAT\n\nfailed to add `PASS` with ..."
  message.consume_front("<Pass-Options-Parser>: ");
  SmallVector<StringRef> lines;
  message.split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  return join(lines, "; ");
}

/// The pass that a name was meant to be: with one letter less, another or more,
/// or with what all of ours begin with. Empty where there is none.
static std::string findNearPass(StringRef name) {
  std::vector<std::string> candidates = {("winnow-" + name).str()};
  for (size_t i = 0; i <= name.size(); ++i) {
    StringRef front = name.take_front(i), back = name.drop_front(i);
    candidates.push_back((front + back.drop_front(!back.empty())).str());
    for (char letter : StringRef("abcdefghijklmnopqrstuvwxyz-")) {
      candidates.push_back((front + Twine(letter) + back).str());
      candidates.push_back(
          (front + Twine(letter) + back.drop_front(!back.empty())).str());
    }
  }
  for (std::string &candidate : candidates)
    if (mlir::PassInfo::lookup(candidate))
      return std::move(candidate);
  return "";
}

Expected<std::vector<RecipePass>> parseRecipe(StringRef text, StringRef name) {
  registerModelPasses();
  std::vector<RecipePass> passes;
  std::unique_ptr<MemoryBuffer> buffer = MemoryBuffer::getMemBufferCopy(text);
  for (line_iterator line(*buffer); !line.is_at_end(); ++line) {
    StringRef pass = dropComment(*line).trim();
    if (pass.empty())
      continue;
    auto place = [&](unsigned column) {
      return (name + ":" + Twine(line.line_number()) + ":" +
              Twine(column + (pass.data() - line->data())))
          .str();
    };
    mlir::OpPassManager manager(mlir::ModuleOp::getOperationName(),
                                mlir::OpPassManager::Nesting::Explicit);
    std::string message;
    raw_string_ostream os(message);
    if (mlir::failed(mlir::parsePassPipeline(pass, manager, os))) {
      unsigned column = 1;
      std::string what = describe(message, column);
      StringRef passName =
          pass.take_until([](char c) { return c == '{' || c == '('; }).trim();
      if (!mlir::PassInfo::lookup(passName))
        if (std::string near = findNearPass(passName); !near.empty())
          what += "; did you mean '" + near + "'?";
      return createStringError(
          std::make_error_code(std::errc::invalid_argument),
          place(column) + ": " + what);
    }
    passes.push_back({pass.str(), place(/*column=*/1), manager.size()});
  }
  return passes;
}

Expected<std::vector<RecipePass>> readRecipe(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file =
      MemoryBuffer::getFile(path, /*IsText=*/true);
  if (std::error_code code = file.getError())
    return createStringError(code, "'" + path + "': " + code.message());
  return parseRecipe((*file)->getBuffer(), path);
}

} // namespace winnow
