//===- Weights.h - The weights of a lowered module --------------*- C++ -*-===//

#ifndef WINNOW_EMIT_WEIGHTS_H
#define WINNOW_EMIT_WEIGHTS_H

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Emit/WeightsArchive.h"
#include "winnow/Import/Checkpoint.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace winnow {

class RowRecoder;

/// One weight as `winnow.weights` describes it (convert-winnow-to-cpu).
struct LoweredWeight {
  llvm::StringRef name;
  mlir::RankedTensorType type;   ///< as kernels read it
  mlir::RankedTensorType stored; ///< as its source stores it
  mlir::DictionaryAttr source;
  int64_t offset = 0;
  int64_t size = 0;
  CodesAttr codes; ///< how codes are chosen, null for the nearest
  /// The rows and columns of the stored tensor that are left, null if all are.
  mlir::DenseI64ArrayAttr rows, columns;
  llvm::SmallVector<OfflineStep> steps; ///< on these numbers, decoded
  bool recoded = false; ///< whether the numbers get codes in any case
};

/// The weights of a lowered module, in the order of their offsets.
std::vector<LoweredWeight> getLoweredWeights(mlir::ModuleOp module);

/// Name, type and shape of a weight in the archive.
WeightTensor describeTensor(const LoweredWeight &weight);

/// The tensors of NAME.weights.
struct PlannedWeights {
  std::vector<WeightTensor> tensors;
  /// For each tensor what changes its number format; null where that stays.
  std::vector<std::shared_ptr<const RowRecoder>> recoders;
};

/// How each weight is made from its source: re-laid out, decoded, recoded, or
/// generated, in pieces of rows. `checkpoint` may be null if no weight comes
/// from a file; it and the module's context have to outlive the result. Fails
/// for a tensor that the checkpoint lacks or has in another shape or format.
llvm::Expected<PlannedWeights> planWeightTensors(mlir::ModuleOp module,
                                                 const Checkpoint *checkpoint);

/// All stored bytes of a param, from `checkpoint` or generated.
llvm::Expected<std::vector<uint8_t>>
readStoredBytes(ParamOp param, const Checkpoint *checkpoint);

} // namespace winnow

#endif // WINNOW_EMIT_WEIGHTS_H
