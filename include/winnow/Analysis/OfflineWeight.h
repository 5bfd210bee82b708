//===- OfflineWeight.h - Weights computed when they are written -*- C++ -*-===//
//
// Between a param and the ops that read it there may be arithmetic that needs
// nothing but the param and constants:
//
//   %w = winnow.use @w : tensor<32x64xf32, #winnow.encoding<q8_0>>
//   %d = winnow.recode %w : ... -> tensor<32x64xf32>
//   %b = linalg.broadcast ins(%scale : ...) outs(%empty : ...) dimensions = [0]
//   %m = arith.mulf %d, %b : tensor<32x64xf32>
//   %t = winnow.take %m [0, 2, 3] along 0 : ... -> tensor<3x64xf32>
//   %h = winnow.hadamard %t by 32 along 1 : tensor<3x64xf32>
//   %q = winnow.recode %h : ... -> ..., #winnow.encoding<q4_0>
//
// Such a weight is offline: the writer of an artifact evaluates it, some rows
// at a time, and nothing of it is left at run time. This file says which values
// are offline, and what they are, for the passes that make them, the pass that
// leaves them to the writer, and the writer.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_ANALYSIS_OFFLINEWEIGHT_H
#define WINNOW_ANALYSIS_OFFLINEWEIGHT_H

#include "winnow/Dialect/WinnowDialect.h"

#include <optional>

namespace winnow {

/// Decoded numbers are multiplied by a vector, or it is added to them, in f32,
/// or runs of them are rotated (winnow.hadamard).
struct OfflineStep {
  enum class Kind { Multiply, Add, Rotate };
  Kind kind = Kind::Multiply;
  /// Whether the vector has a number for each column (the last dimension) or
  /// for each row; whether runs are of columns or of rows.
  bool perColumn = true;
  /// The vector, or a splat of any shape; null for rotations.
  mlir::DenseElementsAttr values;
  /// Of a run, for rotations.
  int64_t size = 0;
};

/// Rows and columns of a param, some of them taken; steps on their decoded
/// numbers; and a change of the number format.
struct OfflineWeight {
  ParamRefOp use;
  /// Those that are left, null if all are. The elements of a vector are
  /// columns.
  mlir::DenseI64ArrayAttr rows, columns;
  /// Vectors have a number for each row or column that is left.
  llvm::SmallVector<OfflineStep> steps;
  /// The last op, if it encodes; null otherwise.
  RecodeOp encode;
};

/// Whether an op reads `operand` as a matrix of weights or a table of rows.
bool isMatrixRead(mlir::OpOperand &operand);

/// What `value` is, if it is offline. A param itself is.
std::optional<OfflineWeight> matchOfflineWeight(mlir::Value value);

/// Calls `visit` with each operand that reads a value which is offline for what
/// is done to `use`, and is not itself an op of such a value. `visit` may
/// change operands.
void forEachOfflineRead(ParamRefOp use,
                        llvm::function_ref<void(mlir::OpOperand &)> visit);

/// Steps as an attribute, and back. No steps are no attribute.
mlir::ArrayAttr toAttribute(mlir::MLIRContext *context,
                            llvm::ArrayRef<OfflineStep> steps);
llvm::SmallVector<OfflineStep> parseOfflineSteps(mlir::ArrayAttr attribute);

/// Steps as rows of numbers need them.
class OfflineArithmetic {
public:
  OfflineArithmetic() = default;
  explicit OfflineArithmetic(llvm::ArrayRef<OfflineStep> steps);

  bool isEmpty() const { return steps.empty(); }
  /// How many rows have to be at hand together: a power of two.
  int64_t getRowsTogether() const { return rowsTogether; }
  /// Applies the steps to the rows of `width` numbers from row `first` on (a
  /// vector is row 0). Precondition: that is a multiple of the rows that have
  /// to be together, and so is their number.
  void apply(int64_t first, int64_t width,
             llvm::MutableArrayRef<float> numbers) const;

private:
  struct Step {
    OfflineStep::Kind kind;
    bool perColumn;
    std::vector<float> values; ///< one for a splat
    int64_t size;
  };
  std::vector<Step> steps;
  int64_t rowsTogether = 1;
};

/// Leaves some columns of rows of `width` numbers.
void takeColumns(std::vector<float> &numbers, int64_t width,
                 llvm::ArrayRef<int64_t> columns);

/// `weight` with the numbers of each column (or row) multiplied by `factors`,
/// as ops behind it: decoded first, if it is encoded.
mlir::Value multiplyWeight(mlir::OpBuilder &builder, mlir::Location location,
                           mlir::Value weight, llvm::ArrayRef<float> factors,
                           bool perColumn = true);

/// `weight` with runs of `size` numbers along an axis rotated, decoded first,
/// if it is encoded.
mlir::Value rotateWeight(mlir::OpBuilder &builder, mlir::Location location,
                         mlir::Value weight, int64_t axis, int64_t size);

/// Some rows (axis 0) or columns (axis 1) of a weight of any encoding, or some
/// elements of a vector. Precondition: of an encoded matrix, columns are whole
/// blocks.
mlir::Value takeFromWeight(mlir::OpBuilder &builder, mlir::Location location,
                           mlir::Value weight, int64_t axis,
                           llvm::ArrayRef<int64_t> indices);

/// The numbers of a weight, decoded if it is encoded.
mlir::Value decodeWeight(mlir::OpBuilder &builder, mlir::Location location,
                         mlir::Value weight);

/// `weight` plus one number.
mlir::Value addToWeight(mlir::OpBuilder &builder, mlir::Location location,
                        mlir::Value weight, float number);

} // namespace winnow

#endif // WINNOW_ANALYSIS_OFFLINEWEIGHT_H
