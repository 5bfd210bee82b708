//===- FuzzImport.cpp - Any bytes as a model ------------------------------===//
//
// Imports the input as a GGUF file. What is accepted has to verify.
//
//===----------------------------------------------------------------------===//

#include "Folder.h"
#include "Fuzzing.h"

#include "winnow/Import/Import.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

using namespace winnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::Folder folder({"model.gguf"});
  folder.write(fuzz::view(data, size));
  // A context keeps all that it ever saw.
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned uses = 0;
  if (!context || ++uses % 4096 == 0)
    context = std::make_unique<mlir::MLIRContext>(
        mlir::MLIRContext::Threading::DISABLED);
  bool explained = false;
  mlir::ScopedDiagnosticHandler quiet(context.get(), [&](mlir::Diagnostic &) {
    explained = true;
    return mlir::success();
  });
  // Importing ends with the verifier, whose refusal would be a bug.
  mlir::FailureOr<ImportedModel> model =
      importGguf(context.get(), folder.getPath() + "/model.gguf");
  fuzz::require(mlir::succeeded(model) || explained);
  return 0;
}
