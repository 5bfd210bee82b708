//===- ImportProgram.cpp - Programs as text -------------------------------===//

#include "winnow/Import/Import.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace winnow;

/// Where the text is nested deeper than `deepest`, or npos. MLIR's parser calls
/// itself at each bracket, and printers and verifiers do so at what it makes of
/// them.
static size_t findTooDeep(StringRef text, size_t deepest) {
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] == '<' || text[i] == '>') &&
        text.substr(i + 1).starts_with("="))
      continue;
    switch (text[i]) {
    case '"':
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i)
        if (text[i] == '\\')
          ++i;
      break;
    case '/':
      if (text.substr(i).starts_with("//"))
        i = std::min(text.find('\n', i), text.size());
      break;
    case '(':
    case '[':
    case '{':
    case '<':
      if (++depth > deepest)
        return i;
      break;
    case '>':
      // Neither arrows nor comparisons are brackets.
      if (i && text[i - 1] == '-')
        break;
      [[fallthrough]];
    case ')':
    case ']':
    case '}':
      if (depth)
        --depth;
      break;
    default:
      break;
    }
  }
  return StringRef::npos;
}

/// Refuses reshapes with an empty group of dimensions, on which the verifiers
/// of MLIR 22 fail.
static LogicalResult checkReshapes(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) {
    auto groups = op->getAttrOfType<ArrayAttr>("reassociation");
    for (Attribute group : groups ? groups.getValue() : ArrayRef<Attribute>())
      if (auto dims = dyn_cast<ArrayAttr>(group); !dims || dims.empty()) {
        op->emitOpError("expects no empty group of dimensions");
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

OwningOpRef<ModuleOp> winnow::importProgram(MLIRContext *context,
                                            StringRef text, StringRef name) {
  constexpr size_t deepest = 256;
  loadImportDialects(*context);
  if (size_t at = findTooDeep(text, deepest); at != StringRef::npos) {
    StringRef before = text.take_front(at);
    emitError(FileLineColLoc::get(context, name, 1 + before.count('\n'),
                                  at - (before.rfind('\n') + 1) + 1))
        << "brackets nest deeper than " << deepest << " levels";
    return {};
  }
  auto sources = std::make_shared<llvm::SourceMgr>();
  // The parser wants text that ends in a zero.
  sources->AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, name),
                              llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(
      sources, ParserConfig(context, /*verifyAfterParse=*/false));
  if (!module || failed(checkReshapes(*module)) || failed(verify(*module)))
    return {};
  return module;
}
