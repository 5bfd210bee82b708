//===- FuzzGguf.cpp - Any bytes as a checkpoint ---------------------------===//
//
// Imports the input as a GGUF file and decodes the first row of each tensor of
// what is accepted. Refusing is fine; anything else has to verify.
//
//===----------------------------------------------------------------------===//

#include "winnow/Formats/Decode.h"
#include "winnow/Import/Import.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <sys/mman.h>
#include <unistd.h>

using namespace winnow;

static void decodeFirstRow(const CheckpointTensor &tensor) {
  int64_t columns = tensor.shape.back();
  uint64_t bytes = llvm::cantFail(tensor.format->bytesOf(1, columns));
  std::vector<float> row(columns);
  llvm::cantFail(decode(*tensor.format, tensor.bytes.take_front(bytes), row));
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // The reader maps files, so the input becomes one that lies in memory.
  int file = memfd_create("input.gguf", 0);
  if (file < 0 || write(file, data, size) != static_cast<ssize_t>(size))
    abort();
  {
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    mlir::ScopedDiagnosticHandler quiet(
        &context, [](mlir::Diagnostic &) { return mlir::success(); });
    loadImportDialects(context);
    mlir::FailureOr<ImportedModel> model =
        importGguf(&context, "/proc/self/fd/" + std::to_string(file));
    if (mlir::succeeded(model)) {
      if (mlir::failed(mlir::verify(*model->module)))
        abort();
      for (const CheckpointTensor &tensor : model->checkpoint->getTensors())
        decodeFirstRow(tensor);
    }
  }
  close(file);
  return 0;
}
