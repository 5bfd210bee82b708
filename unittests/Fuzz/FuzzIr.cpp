//===- FuzzIr.cpp - Any text as IR ----------------------------------------===//
//
// Parses and verifies the input. What is accepted has to print as IR that is
// accepted too and prints the same, and its ops have to answer what passes ask.
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Import/Import.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

using namespace winnow;

/// A context for some thousand inputs: making one takes longer than reading an
/// input, and one keeps all types and attributes that it ever saw.
static mlir::MLIRContext &getContext() {
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned uses = 0;
  if (!context || ++uses % 4096 == 0)
    context = std::make_unique<mlir::MLIRContext>(
        mlir::MLIRContext::Threading::DISABLED);
  return *context;
}

/// Whether a text meets a fault of MLIR 22 itself, which crashes where an
/// iterator type of linalg.generic is no string, and where a group of
/// dimensions of tensor.expand_shape or collapse_shape is empty, and prints
/// empty names of symbols as what it cannot read.
static bool meetsKnownFault(llvm::StringRef text) {
  std::string dense;
  llvm::copy_if(text, std::back_inserter(dense),
                [](unsigned char c) { return c > ' '; });
  llvm::StringRef view = dense;
  return view.contains("iterator_types") || view.contains("@\"\"") ||
         view.contains("sym_name=\"\"") ||
         (view.contains("_shape") && view.contains("[]"));
}

static std::string print(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os);
  return text;
}

/// What passes ask of ops.
static void ask(mlir::ModuleOp module) {
  auto few = [](mlir::Value, unsigned) -> int64_t { return 3; };
  module.walk([&](mlir::Operation *op) {
    if (auto cost = llvm::dyn_cast<CostOpInterface>(op))
      fuzz::require(cost.getFlops(few) >= 0 && cost.getStoredBytes(few) >= 0);
    if (auto flow = llvm::dyn_cast<TokenFlowOpInterface>(op))
      flow.getTokenFlow();
    llvm::SmallVector<mlir::OpFoldResult> folded;
    if (llvm::isa_and_present<WinnowDialect>(op->getDialect()))
      (void)op->fold(folded);
  });
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mlir::MLIRContext &context = getContext();
  mlir::ScopedDiagnosticHandler quiet(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  if (meetsKnownFault(text))
    return 0;
  auto module = importProgram(&context, text, "input");
  if (!module)
    return 0;
  std::string printed = print(*module);
  auto again = importProgram(&context, printed, "printed");
  fuzz::require(again && print(*again) == printed);
  ask(*module);
  return 0;
}
