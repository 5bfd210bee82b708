//===- SiteLayers.h - The layers around a pruning ---------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_PRUNETOKENS_SITELAYERS_H
#define WINNOW_LIB_COMPRESS_PRUNETOKENS_SITELAYERS_H

#include "TokenPruning.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace winnow {

/// The layers around the place where tokens leave.
struct SiteLayers {
  AttentionLayer before;
  /// The last layer that all tokens go through.
  LayerOp through;
  /// In a decoder.
  AttentionLayer behind;
};

/// Finds the layers that `number` of a recipe names. Fails with an error where
/// there are none.
mlir::FailureOr<SiteLayers> findSiteLayers(mlir::func::FuncOp function,
                                           PrunedModel model, int64_t number);

/// Fails with an error if a policy cannot go by what the tokens of that layer
/// pay attention to.
mlir::LogicalResult verifyScoring(AttentionLayer of, PrunedModel model);

/// The same of a layer behind the place, which has not been reached yet.
mlir::LogicalResult verifyLookBehind(AttentionLayer of);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_PRUNETOKENS_SITELAYERS_H
