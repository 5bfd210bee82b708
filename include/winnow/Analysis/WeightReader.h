//===- WeightReader.h - The numbers of weights, for passes ------*- C++ -*-===//
//
// Most passes change only the IR. Those that choose by the numbers of weights
// read them here. Params that come from files need the checkpoint: the driver
// gives it to the context, winnow-opt has none.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_ANALYSIS_WEIGHTREADER_H
#define WINNOW_ANALYSIS_WEIGHTREADER_H

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/DialectInterface.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace winnow {

/// Reads params that come from files; an interface of the dialect winnow, in
/// contexts whose model has a checkpoint.
class ParamFiles : public mlir::DialectInterface::Base<ParamFiles> {
public:
  explicit ParamFiles(mlir::Dialect *dialect) : Base(dialect) {}

  /// The stored bytes: rows of the type's encoding, in the layout `rows`.
  virtual llvm::Expected<std::vector<uint8_t>> read(ParamOp param) const = 0;
};

/// The codes of a matrix or table by a recode to a format of weights, with the
/// statistics of its module: what the interpreter and passes see of it, and
/// what the writer of weights writes.
llvm::Expected<std::vector<uint8_t>>
encodeWeight(RecodeOp recode, llvm::ArrayRef<float> numbers);

/// The numbers of an offline weight (OfflineWeight.h) as ops read them, row by
/// row. Fails with an error at the param.
mlir::FailureOr<std::vector<float>> readWeight(mlir::Value weight);

} // namespace winnow

#endif // WINNOW_ANALYSIS_WEIGHTREADER_H
