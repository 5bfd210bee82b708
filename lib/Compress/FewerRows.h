//===- FewerRows.h - Ops that go on with fewer rows -------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_FEWERROWS_H
#define WINNOW_LIB_COMPRESS_FEWERROWS_H

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace winnow {

/// The type of `count` rows, `kDynamic` or not, of what `rows` has.
mlir::RankedTensorType withRows(mlir::Value rows, int64_t count);

/// Makes ops that treat each row by itself work on fewer rows. What has which
/// rows instead is for derived classes to say.
class FewerRows {
public:
  virtual ~FewerRows() = default;

protected:
  /// Takes the fewer rows in place of the operand's.
  virtual void require(mlir::OpOperand &operand) = 0;
  void require(mlir::MutableOperandRange operands);
  bool isFewer(mlir::Value value) const { return replacements.count(value); }
  /// Says that `result` has as many rows as are left.
  void makeFewer(mlir::Value result);
  /// Makes the rows of an op that treats each by itself fewer. Fails with an
  /// error at others.
  llvm::LogicalResult changeRows(mlir::Operation *op);

  /// What takes the place of values with a row for each token.
  llvm::DenseMap<mlir::Value, mlir::Value> replacements;

private:
  llvm::LogicalResult changeMap(mlir::linalg::MapOp map);
  llvm::LogicalResult changeReshape(mlir::tensor::ExpandShapeOp reshape);
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_FEWERROWS_H
