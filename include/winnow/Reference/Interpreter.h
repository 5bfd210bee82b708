//===- Interpreter.h - The meaning of winnow programs -----------*- C++ -*-===//
//
// Runs functions of winnow IR on host values, one plain function per op. It is
// the definition that compiled code is tested against: slow, sequential, and
// written to be read.
//
// Numerics. Sums (dot products, means, softmax) accumulate in f64 in index
// order and transcendental functions are evaluated in f64; each result element
// is rounded to f32 once. Scalar f32 arithmetic (arith, math) rounds after
// every op, as the IR says. Nothing else rounds, apart from `recode`.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_REFERENCE_INTERPRETER_H
#define WINNOW_REFERENCE_INTERPRETER_H

#include "winnow/Reference/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectInterface.h"

namespace winnow {

/// The stored bytes of a param: row-major, in the encoding of its type (f32 if
/// it has none), in the layout `rows`.
struct ParamBytes {
  llvm::ArrayRef<uint8_t> bytes;
  /// Keeps `bytes` alive.
  std::shared_ptr<const void> owner;
};

/// Finds the bytes of a param, or emits an error at it.
using ParamResolver = llvm::function_ref<mlir::FailureOr<ParamBytes>(ParamOp)>;

/// Runs `function` on `arguments` and returns its results. Arguments must match
/// the function's types. Whatever cannot be evaluated (an op without a rule, an
/// encoding with a layout other than `rows`, sizes that do not fit together, an
/// id out of range, a full cache) is an error at the op's location.
mlir::FailureOr<llvm::SmallVector<RuntimeValue>>
interpret(mlir::func::FuncOp function, llvm::ArrayRef<RuntimeValue> arguments,
          ParamResolver resolver);

/// How a dialect outside Winnow gives its ops a meaning in the interpreter.
class InterpreterDialectInterface
    : public mlir::DialectInterface::Base<InterpreterDialectInterface> {
public:
  InterpreterDialectInterface(mlir::Dialect *dialect) : Base(dialect) {}

  /// Evaluates `op` and appends one value per result, or emits an error.
  virtual mlir::LogicalResult
  interpret(mlir::Operation *op, llvm::ArrayRef<RuntimeValue> operands,
            llvm::SmallVectorImpl<RuntimeValue> &results) const = 0;
};

} // namespace winnow

#endif // WINNOW_REFERENCE_INTERPRETER_H
