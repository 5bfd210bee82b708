//===- RowKernel.h - Fused kernels over single rows -------------*- C++ -*-===//

#ifndef WINNOW_CONVERSION_WINNOWTOCPU_ROWKERNEL_H
#define WINNOW_CONVERSION_WINNOWTOCPU_ROWKERNEL_H

#include "EntryPlan.h"

#include "winnow/Codegen/Cpu/KernelBuilder.h"

#include "llvm/ADT/StringMap.h"

namespace winnow::cpu {

/// A row kernel and what to call it with: a pointer for each of `buffers`; for
/// each of `caches` its keys, values, positions, segments (ptr), capacity and
/// first free slot (i64); for each of `counts` that number (i64); then rows
/// (i64), scratch (ptr), thread and threads (i64).
struct RowKernel {
  mlir::func::FuncOp function;
  llvm::SmallVector<int> buffers;
  /// Cache and how many of its events come before.
  llvm::SmallVector<std::pair<int, unsigned>> caches;
  /// Rows of operands that steps look through.
  llvm::SmallVector<RowCount> counts;
  int64_t scratchBytes = 0;
};

/// The kernel that does `steps`, row steps of one stage over the same rows, in
/// order: all of them on one row, then on the next, so that a row stays in the
/// first-level cache. `known` holds the kernels of the module by what they do;
/// equal steps on other buffers share one.
mlir::FailureOr<RowKernel>
getRowKernel(mlir::ModuleOp module, const Target &target, const EntryPlan &plan,
             llvm::ArrayRef<const Step *> steps,
             llvm::StringMap<mlir::func::FuncOp> &known);

} // namespace winnow::cpu

#endif // WINNOW_CONVERSION_WINNOWTOCPU_ROWKERNEL_H
