//===- WeightEncoding.h - Matrices read in another format -------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_WEIGHTENCODING_H
#define WINNOW_LIB_COMPRESS_WEIGHTENCODING_H

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Formats/NumberFormat.h"

#include "mlir/IR/BuiltinOps.h"
#include <vector>

namespace winnow {

/// `format` if its block divides rows of `width` elements, or else what is used
/// in its place, or null.
const NumberFormat *findFittingFormat(const NumberFormat *format,
                                      int64_t width);

/// The format in which the numbers of a weight are.
const NumberFormat *formatOf(mlir::Type type);

/// A param that ops read as a matrix, perhaps after arithmetic on it.
class MatrixParam {
public:
  /// All params of a module, those that are no matrices among them.
  static std::vector<MatrixParam> collect(mlir::ModuleOp module);

  ParamOp getParam() const { return param; }
  bool isMatrix() const { return !reads.empty(); }
  /// The operands that read it, through whatever is done to it.
  llvm::ArrayRef<mlir::OpOperand *> getReads() const { return reads; }
  bool isMultiplied() const;
  bool isTable() const;

  /// What options select it by: its name and those of layers that read it.
  llvm::SmallVector<llvm::StringRef> getNames() const;
  /// What is read, and what it was before its format was changed. Precondition:
  /// it is a matrix.
  mlir::Value getRead() const;
  mlir::Value getOriginal() const;

  /// Takes back changes of the format, so that numbers are rounded once: ops
  /// read what was encoded.
  void decode();
  /// Lets ops read it in `format`, with codes that are chosen by `codes` or
  /// else the nearest. Precondition: it is not encoded.
  void encode(const NumberFormat &format, CodesAttr codes = {});

private:
  ParamOp param;
  llvm::SmallVector<ParamRefOp> uses;
  llvm::SmallVector<mlir::OpOperand *> reads;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_WEIGHTENCODING_H
