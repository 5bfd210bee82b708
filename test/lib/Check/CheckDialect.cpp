//===- CheckDialect.cpp - Expectations inside test programs ---------------===//

#include "CheckDialect.h"

#include "winnow/Reference/Interpreter.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

#include <cmath>

using namespace mlir;
using namespace winnow;
using namespace winnow::check;

#include "CheckDialect.cpp.inc"

#define GET_OP_CLASSES
#include "CheckOps.cpp.inc"

/// The place of element `index` of a tensor, as `[1, 2]`.
static std::string describePlace(ArrayRef<int64_t> shape, int64_t index) {
  SmallVector<std::string> place;
  for (int64_t size : llvm::reverse(shape)) {
    place.insert(place.begin(), std::to_string(index % size));
    index /= size;
  }
  return "[" + llvm::join(place, ", ") + "]";
}

/// Nine digits tell all f32 numbers apart.
static std::string describeNumber(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", number);
  return text;
}

static double getElement(const Tensor &tensor, int64_t index) {
  return tensor.isFloat() ? double(tensor.floats()[index])
                          : double(tensor.integers()[index]);
}

/// Compares two tensors within a bound and reports the first difference.
static LogicalResult compare(Operation *op, ArrayRef<RuntimeValue> operands,
                             double relative, double absolute) {
  const auto *actual = std::get_if<Tensor>(&operands[0]);
  const auto *expected = std::get_if<Tensor>(&operands[1]);
  if (!actual || !expected)
    return op->emitOpError("expects tensors without an encoding");
  if (actual->shape() != expected->shape())
    return op->emitOpError("expects shapes to be equal, found [")
           << actual->shape() << "] and [" << expected->shape() << "]";
  int64_t differences = 0, first = 0;
  for (int64_t i = 0; i < actual->size(); ++i) {
    double a = getElement(*actual, i), e = getElement(*expected, i);
    if (a == e || (std::isnan(a) && std::isnan(e)) ||
        std::abs(a - e) <= absolute + relative * std::abs(e))
      continue;
    if (differences++ == 0)
      first = i;
  }
  if (differences == 0)
    return success();
  return op->emitOpError("expects ")
         << describeNumber(getElement(*expected, first)) << " at "
         << describePlace(actual->shape(), first) << ", found "
         << describeNumber(getElement(*actual, first)) << " (" << differences
         << " of " << actual->size() << " elements differ)";
}

namespace {
struct CheckInterpreter : InterpreterDialectInterface {
  using InterpreterDialectInterface::InterpreterDialectInterface;

  LogicalResult interpret(Operation *op, ArrayRef<RuntimeValue> operands,
                          SmallVectorImpl<RuntimeValue> &) const override {
    if (isa<ExpectEqOp>(op))
      return compare(op, operands, 0, 0);
    if (auto almost = dyn_cast<ExpectAlmostEqOp>(op))
      return compare(op, operands, almost.getRelative().convertToDouble(),
                     almost.getAbsolute().convertToDouble());
    const auto *actual = std::get_if<Tensor>(&operands[0]);
    if (!actual)
      return op->emitOpError("expects a tensor without an encoding");
    for (int64_t i = 0; i < actual->size(); ++i)
      if (!std::isfinite(getElement(*actual, i)))
        return op->emitOpError("expects finite elements, found ")
               << getElement(*actual, i) << " at "
               << describePlace(actual->shape(), i);
    return success();
  }
};
} // namespace

void CheckDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "CheckOps.cpp.inc"
      >();
  addInterfaces<CheckInterpreter>();
}
