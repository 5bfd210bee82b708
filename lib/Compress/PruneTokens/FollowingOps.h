//===- FollowingOps.h - What comes behind fewer tokens ----------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_PRUNETOKENS_FOLLOWINGOPS_H
#define WINNOW_LIB_COMPRESS_PRUNETOKENS_FOLLOWINGOPS_H

#include "TokenPruning.h"

#include "../FewerRows.h"

namespace winnow {

/// Makes the ops of a function behind a pruning work on what is left: rows that
/// are computed from the tokens become fewer, and what they go together with
/// (positions, segments) is gathered. What comes behind the layers, other than
/// pooling and the choice of tokens that always stay, gets all rows again.
class FollowingOps : private FewerRows {
public:
  /// `end`: the last op that belongs to the layers of the function.
  FollowingOps(mlir::Operation *end, const PruningSite &site,
               const FewerTokens &fewer);

  /// Changes all ops behind `point`. Fails with an error at an op that cannot
  /// work on fewer tokens.
  mlir::LogicalResult run(mlir::Operation *point);

private:
  mlir::LogicalResult changeOp(mlir::Operation *op);
  mlir::LogicalResult changeLayer(LayerOp layer);
  mlir::LogicalResult changeAttention(AttentionOp attention);
  mlir::LogicalResult changeBehind(mlir::Operation *op);
  mlir::LogicalResult changePool(TokenPoolOp pool);

  using FewerRows::require;
  void require(mlir::OpOperand &operand) override;
  /// The logarithms of the sizes, as an argument of `layer`.
  mlir::Value logSizesIn(LayerOp layer);
  mlir::Value restored(mlir::Value rows, mlir::Operation *user);

  mlir::Operation *end;
  const PruningSite &site;
  const FewerTokens &fewer;
  /// At the function's level, behind the pruning.
  mlir::OpBuilder atSite;
  llvm::DenseMap<mlir::Value, mlir::Value> allRows;
  mlir::Value logSizes;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_PRUNETOKENS_FOLLOWINGOPS_H
