//===- EntryFunction.h - The code of an entry point -------------*- C++ -*-===//

#ifndef WINNOW_CONVERSION_WINNOWTOCPU_ENTRYFUNCTION_H
#define WINNOW_CONVERSION_WINNOWTOCPU_ENTRYFUNCTION_H

#include "EntryPlan.h"
#include "StageRecord.h"

#include "winnow/Codegen/Cpu/KernelBuilder.h"

#include "llvm/ADT/StringMap.h"

namespace winnow::cpu {

/// An emitted entry point.
struct EntryFunction {
  mlir::func::FuncOp function;
  AffineBytes scratch; ///< per thread
  int64_t calls = 0;   ///< kernel calls
  /// What runs before the first barrier, between the first and the second, ...
  llvm::SmallVector<StageRecord> stages;
};

/// Writes the function `name` of type (call ptr, thread i32, threads i32) that
/// runs `plan`, and the kernels that it needs and `known` lacks.
mlir::FailureOr<EntryFunction>
emitEntryFunction(mlir::ModuleOp module, const Target &target,
                  const EntryPlan &plan, llvm::StringRef name,
                  llvm::StringMap<mlir::func::FuncOp> &known);

} // namespace winnow::cpu

#endif // WINNOW_CONVERSION_WINNOWTOCPU_ENTRYFUNCTION_H
