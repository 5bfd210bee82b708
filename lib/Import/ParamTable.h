//===- ParamTable.h - The weights of a module -------------------*- C++ -*-===//

#ifndef WINNOW_LIB_IMPORT_PARAMTABLE_H
#define WINNOW_LIB_IMPORT_PARAMTABLE_H

#include "Families.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace winnow {

/// The name of a layer's tensor: "blk.3.attn_q.weight".
std::string getLayerTensorName(int64_t layer, llvm::StringRef suffix);

/// Whether a tensor is left to passes, such as a router for winnow-gate, and so
/// no part of a family.
inline bool isForPasses(llvm::StringRef tensor) {
  return tensor.starts_with("winnow.");
}

/// Declares a `param` at the end of `module` for each slot that the checkpoint
/// fills, after comparing names and shapes with what the family expects. Fails
/// if a tensor is missing, unknown, or has another shape.
llvm::Error declareParams(mlir::ModuleOp module, const Checkpoint &checkpoint,
                          const Family &family, const Naming &naming,
                          const ModelConfig &config);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_PARAMTABLE_H
