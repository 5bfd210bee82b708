//===- GatedLayers.h - Layers that some of the tokens go through -*- C++
//-*-===//

#ifndef WINNOW_LIB_COMPRESS_GATE_GATEDLAYERS_H
#define WINNOW_LIB_COMPRESS_GATE_GATEDLAYERS_H

#include "../FewerRows.h"

namespace winnow {

/// Makes layers compute the rows of chosen tokens alone. The others have behind
/// them what they had in front. Keys and values are those of all tokens.
class GatedLayers : private FewerRows {
public:
  /// `kept`: the indices of the chosen ones among `tokens`, [T, D], the rows in
  /// front of the layers.
  GatedLayers(mlir::Value tokens, mlir::Value kept);

  /// Changes the layers from `first` to `last` of a function, which may be the
  /// norm behind the last one. Fails with an error at an op that cannot work on
  /// some of the tokens.
  mlir::LogicalResult run(mlir::Operation *first, mlir::Operation *last);

private:
  using FewerRows::require;
  void require(mlir::OpOperand &operand) override;
  mlir::LogicalResult changeOp(mlir::Operation *op);
  mlir::LogicalResult changeLayer(LayerOp layer);
  mlir::LogicalResult changeMixingLayer(LayerOp layer, AttentionOp attention);
  mlir::LogicalResult changeInside(mlir::Operation *op);
  mlir::LogicalResult changeAttention(AttentionOp attention);

  /// Whether the value itself has become the fewer rows.
  bool hasShrunk(mlir::Value value) const {
    return replacements.lookup(value) == value;
  }
  /// The chosen rows of a value of the function.
  mlir::Value chosen(mlir::Value value);
  /// An argument of the layer's body for `value`.
  mlir::Value passIn(LayerOp layer, mlir::Value value);
  /// All rows of a value that has shrunk, in front of `user`.
  mlir::Value restored(mlir::Value rows, mlir::Operation *user);
  /// Gives ops that do not know of the choice all rows.
  void restoreOperands(mlir::Operation *op);

  mlir::Value tokens, kept;
  /// Heads that queries would share with keys or values, if any do.
  mlir::Value shared;
  /// At the function's level, behind the choice.
  mlir::OpBuilder atSite;
  llvm::DenseMap<mlir::Value, mlir::Value> allRows;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_GATE_GATEDLAYERS_H
