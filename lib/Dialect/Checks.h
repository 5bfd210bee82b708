//===- Checks.h - Parts of verifiers and cost formulas ----------*- C++ -*-===//
//
// Private to lib/Dialect. Dynamic sizes agree with every size: what only a run
// can show is checked by the run.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_DIALECT_CHECKS_H
#define WINNOW_LIB_DIALECT_CHECKS_H

#include "winnow/Dialect/WinnowDialect.h"

namespace winnow {

/// How a cost formula asks for the size of a dynamic dimension.
using DimFunction = llvm::function_ref<int64_t(mlir::Value, unsigned)>;

/// One dimension of an operand or result, with what it counts.
struct Size {
  llvm::StringRef what;
  int64_t value;

  /// Dimension `dim` of a ranked tensor.
  static Size of(llvm::StringRef what, mlir::Value tensor, unsigned dim) {
    return {
        what,
        llvm::cast<mlir::RankedTensorType>(tensor.getType()).getDimSize(dim)};
  }
};

/// Checks that `found` and `expected` are equal or that one is dynamic.
inline mlir::LogicalResult expectEqual(mlir::Operation *op, Size found,
                                       Size expected) {
  if (found.value == expected.value ||
      mlir::ShapedType::isDynamic(found.value) ||
      mlir::ShapedType::isDynamic(expected.value))
    return mlir::success();
  return op->emitOpError("expects ")
         << found.what << " (" << found.value << ") to be " << expected.what
         << " (" << expected.value << ")";
}

/// Checks that a number is neither infinite nor NaN.
inline mlir::LogicalResult expectFinite(mlir::Operation *op,
                                        llvm::StringRef name,
                                        const llvm::APFloat &value) {
  if (value.isFinite())
    return mlir::success();
  llvm::SmallString<16> text;
  value.toString(text);
  return op->emitOpError("expects ") << name << " to be finite, found " << text;
}

/// Checks a relative bias: present iff there are distances, which are positive
/// and rise, with a row for each side and bucket and a column for each head.
mlir::LogicalResult verifyRelativeBias(mlir::Operation *op,
                                       mlir::Value relativeBias,
                                       llvm::ArrayRef<int64_t> distances,
                                       Size heads);

/// Dimension `dim` of `tensor` as a number, through `dims` where it is dynamic.
inline double sizeOf(mlir::Value tensor, unsigned dim, DimFunction dims) {
  int64_t size =
      llvm::cast<mlir::RankedTensorType>(tensor.getType()).getDimSize(dim);
  return double(mlir::ShapedType::isDynamic(size) ? dims(tensor, dim) : size);
}

/// The number of elements of a tensor.
inline double elementsOf(mlir::Value tensor, DimFunction dims) {
  double count = 1;
  auto type = llvm::cast<mlir::RankedTensorType>(tensor.getType());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    count *= sizeOf(tensor, dim, dims);
  return count;
}

/// Bytes of one stored element of a tensor of f32 in its encoding.
double bytesPerElement(mlir::Type type);

/// The stored bytes of a tensor, and 0 for no tensor.
inline double storedBytes(mlir::Value tensor, DimFunction dims) {
  return tensor ? elementsOf(tensor, dims) * bytesPerElement(tensor.getType())
                : 0;
}

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_CHECKS_H
