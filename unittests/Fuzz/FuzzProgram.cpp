//===- FuzzProgram.cpp - Any text as a program ----------------------------===//
//
// Parses the input as IR; what verifies is lowered to the LLVM dialect like
// winnow-compile does. Refusing is fine at each step.
//
//===----------------------------------------------------------------------===//

#include "winnow/Import/Import.h"
#include "winnow/Pipelines/Pipelines.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

using namespace winnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler quiet(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  mlir::OwningOpRef<mlir::ModuleOp> module = importProgram(
      &context, {reinterpret_cast<const char *>(data), size}, "input");
  if (!module)
    return 0;
  CpuPipelineOptions options;
  options.targetCpu = "x86-64-v3";
  mlir::PassManager passes(&context);
  buildCompressPipeline(passes, options);
  buildLowerToCpuPipeline(passes, options);
  (void)passes.run(*module);
  return 0;
}
