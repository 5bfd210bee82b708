//===- Diagnostics.cpp - What MLIR reports about a model ------------------===//

#include "Diagnostics.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace winnow {

static void printLocation(mlir::Location location, raw_ostream &os) {
  if (auto file = dyn_cast<mlir::FileLineColLoc>(location)) {
    os << file.getFilename().getValue();
    if (file.getLine())
      os << ":" << file.getLine() << ":" << file.getColumn();
    return;
  }
  if (auto name = dyn_cast<mlir::NameLoc>(location)) {
    os << name.getName().getValue();
    return;
  }
  os << location;
}

static std::string print(mlir::Diagnostic &diagnostic) {
  std::string text;
  raw_string_ostream os(text);
  if (!isa<mlir::UnknownLoc>(diagnostic.getLocation())) {
    printLocation(diagnostic.getLocation(), os);
    os << ": ";
  }
  os << diagnostic;
  return text;
}

LoadedModel::Diagnostics::Diagnostics(mlir::MLIRContext *context,
                                      DiagnosticFunction forward)
    : forward(std::move(forward)),
      handler(context, [this](mlir::Diagnostic &diagnostic) {
        handle(diagnostic);
        return mlir::success();
      }) {}

void LoadedModel::Diagnostics::handle(mlir::Diagnostic &diagnostic) {
  bool first = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error &&
               firstError.empty();
  if (!first && !forward)
    return;
  std::string text = print(diagnostic);
  if (forward) {
    forward(diagnostic.getSeverity(), text);
    for (mlir::Diagnostic &note : diagnostic.getNotes())
      forward(note.getSeverity(), print(note));
  }
  if (first)
    firstError = std::move(text);
}

Error LoadedModel::Diagnostics::take(const Twine &fallback) {
  std::string line = firstError.empty() ? fallback.str() : firstError;
  firstError.clear();
  return createStringError(line);
}

} // namespace winnow
