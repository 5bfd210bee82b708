//===- DeadOps.h - What is left over behind a change ------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_DEADOPS_H
#define WINNOW_LIB_COMPRESS_DEADOPS_H

#include "mlir/IR/Block.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace winnow {

/// Erases ops whose results nothing reads, and what only they read.
inline void eraseDeadOps(mlir::Block &block) {
  for (mlir::Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (mlir::isOpTriviallyDead(&op))
      op.erase();
}

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_DEADOPS_H
