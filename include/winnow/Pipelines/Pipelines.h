//===- Pipelines.h - Every pipeline of Winnow --------------------*- C++ -*-===//

#ifndef WINNOW_PIPELINES_PIPELINES_H
#define WINNOW_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"

namespace winnow {

/// Kernels and entry points (func, scf, arith, math, vector, llvm) to the LLVM
/// dialect alone.
void buildLowerToLlvmPipeline(mlir::OpPassManager &passes);

} // namespace winnow

#endif // WINNOW_PIPELINES_PIPELINES_H
