//===- RowMap.cpp - Elementwise regions on one token's row ----------------===//

#include "winnow/Codegen/Cpu/RowKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace winnow::cpu {

namespace {

/// Translates a scalar region to vectors of kLanes.
class MapBody {
public:
  MapBody(KernelBuilder &kernel, Block &block) : k(kernel), body(block) {}

  /// The vector that the region yields for vectors of its arguments.
  FailureOr<Value> emit(ValueRange arguments) {
    mapping.clear();
    mapping.map(body.getArguments().take_front(arguments.size()), arguments);
    for (Operation &op : body.without_terminator())
      if (failed(emitOp(op)))
        return failure();
    Operation *yield = body.getTerminator();
    if (yield->getNumOperands() != 1)
      return yield->emitOpError("expects one value per element");
    return lookup(yield->getOperand(0));
  }

private:
  static bool isVectorizable(Type type) {
    return type.isF32() || type.isInteger(32) || type.isInteger(1);
  }

  FailureOr<Value> lookup(Value scalar) {
    if (Value vector = mapping.lookupOrNull(scalar))
      return vector;
    TypedAttr constant;
    if (!isVectorizable(scalar.getType()) ||
        !matchPattern(scalar, m_Constant(&constant)))
      return emitError(scalar.getLoc(),
                       "expects operands of an elementwise region to be its "
                       "arguments or f32, i32 or i1 constants");
    Value vector = arith::ConstantOp::create(
        k.builder(), DenseElementsAttr::get(k.vectorType(scalar.getType()),
                                            Attribute(constant)));
    mapping.map(scalar, vector);
    return vector;
  }

  /// x^c for the exponents that need no logarithm.
  FailureOr<Value> emitPower(math::PowFOp op, Value x) {
    FloatAttr exponent;
    if (matchPattern(op.getRhs(), m_Constant(&exponent))) {
      double c = exponent.getValueAsDouble();
      if (c == 1)
        return x;
      if (c == 2)
        return k.mulF(x, x);
      if (c == 3)
        return k.mulF(k.mulF(x, x), x);
      if (c == 0.5)
        return k.sqrtF(x);
    }
    return op.emitOpError(
        "is supported in elementwise kernels for constant exponents 0.5, 1, "
        "2 and 3 only");
  }

  /// An op that means the same on vectors as on scalars.
  static bool isElementwise(Operation &op) {
    return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
               arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp,
               arith::MaxNumFOp, arith::MinNumFOp, arith::CmpFOp, arith::CmpIOp,
               arith::SelectOp, arith::AddIOp, arith::SubIOp, arith::MulIOp,
               arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::ShLIOp,
               arith::ShRSIOp, arith::ShRUIOp, arith::MaxSIOp, arith::MinSIOp,
               arith::SIToFPOp, arith::UIToFPOp, arith::FPToSIOp,
               arith::ExtUIOp, arith::ExtSIOp, arith::TruncIOp,
               arith::BitcastOp, math::AbsFOp, math::FmaOp, math::SqrtOp>(op);
  }

  LogicalResult emitOp(Operation &op) {
    if (op.hasTrait<OpTrait::ConstantLike>())
      return success();
    bool typesFit = op.getNumResults() == 1 && op.getNumRegions() == 0;
    for (Type type : op.getResultTypes())
      typesFit &= isVectorizable(type);
    SmallVector<Value> operands;
    if (typesFit) {
      for (Value operand : op.getOperands()) {
        FailureOr<Value> vector = lookup(operand);
        if (failed(vector))
          return failure();
        operands.push_back(*vector);
      }
    }
    FailureOr<Value> result = failure();
    if (typesFit && isElementwise(op)) {
      // Fast-math flags are dropped: all targets compute the same numbers.
      OperationState state(k.builder().getLoc(), op.getName());
      state.addOperands(operands);
      state.addTypes(k.vectorType(op.getResult(0).getType()));
      for (StringRef name : {"predicate", "roundingmode"})
        if (Attribute attribute = op.getAttr(name))
          state.addAttribute(name, attribute);
      result = k.builder().create(state)->getResult(0);
    } else if (typesFit) {
      result = llvm::TypeSwitch<Operation *, FailureOr<Value>>(&op)
                   .Case([&](math::ExpOp) { return k.exp(operands[0]); })
                   .Case([&](math::TanhOp) { return k.tanh(operands[0]); })
                   .Case([&](math::ErfOp) { return k.erf(operands[0]); })
                   .Case([&](math::LogOp) { return k.log(operands[0]); })
                   .Case([&](math::RsqrtOp) {
                     return k.divF(k.splatF32(1), k.sqrtF(operands[0]));
                   })
                   .Case([&](math::PowFOp power) {
                     return emitPower(power, operands[0]);
                   })
                   .Default([&](Operation *) { return unsupported(op); });
    } else {
      result = unsupported(op);
    }
    if (failed(result))
      return failure();
    mapping.map(op.getResult(0), *result);
    return success();
  }

  static FailureOr<Value> unsupported(Operation &op) {
    return op.emitOpError("is not supported in elementwise kernels");
  }

  KernelBuilder &k;
  Block &body;
  IRMapping mapping;
};

} // namespace

FailureOr<Value> emitMapLanes(KernelBuilder &k, Block &body, Value lanes) {
  return MapBody(k, body).emit(lanes);
}

std::string describeMap(Block &body) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::DenseMap<Value, unsigned> numbers;
  for (BlockArgument argument : body.getArguments())
    numbers.try_emplace(argument, numbers.size());
  for (Operation &op : body) {
    os << op.getName() << op.getAttrDictionary();
    for (Value operand : op.getOperands()) {
      Attribute constant;
      if (auto number = numbers.find(operand); number != numbers.end())
        os << " %" << number->second;
      else if (matchPattern(operand, m_Constant(&constant)))
        os << " " << constant;
    }
    os << " : " << op.getResultTypes() << "\n";
    for (Value result : op.getResults())
      numbers.try_emplace(result, numbers.size());
  }
  return text;
}

LogicalResult emitMapRow(KernelBuilder &k, Block &body, ValueRange inputs,
                         Value output, int64_t length) {
  Operation *parent = body.getParentOp();
  if (body.getNumArguments() < inputs.size())
    return parent->emitOpError("expects an argument per input, found ")
           << body.getNumArguments() << " for " << inputs.size();
  for (BlockArgument argument : body.getArguments()) {
    if (argument.getArgNumber() >= inputs.size()) {
      if (!argument.use_empty())
        return parent->emitOpError(
            "reads its output, which elementwise kernels do not");
    } else if (!argument.getType().isF32() &&
               !argument.getType().isInteger(32)) {
      return parent->emitOpError("expects elements of f32 or i32, found ")
             << argument.getType();
    }
  }
  for (Type type : body.getTerminator()->getOperandTypes())
    if (!type.isF32() && !type.isInteger(32))
      return parent->emitOpError("expects results of f32 or i32, found ")
             << type;

  constexpr int64_t elementBytes = 4;
  auto emitChunk = [&](Value bytes, Value count) -> LogicalResult {
    SmallVector<Value> vectors;
    for (auto [argument, input] : llvm::zip(body.getArguments(), inputs)) {
      VectorType type = k.vectorType(argument.getType());
      Value ptr = k.offset(input, bytes);
      vectors.push_back(count ? k.loadFirst(type, ptr, count)
                              : k.load(type, ptr));
    }
    FailureOr<Value> result = MapBody(k, body).emit(vectors);
    if (failed(result))
      return failure();
    if (count)
      k.storeFirst(*result, k.offset(output, bytes), count);
    else
      k.store(*result, k.offset(output, bytes));
    return success();
  };

  int64_t whole = length / kLanes * kLanes;
  LogicalResult status = success();
  if (whole)
    k.forLoop(k.i64(0), k.i64(whole), k.i64(kLanes), [&](Value from) {
      status = emitChunk(k.mul(from, elementBytes), nullptr);
    });
  if (succeeded(status) && whole < length)
    status = emitChunk(k.i64(whole * elementBytes), k.i64(length - whole));
  return status;
}

void emitAddRow(KernelBuilder &k, Value residual, Value addend,
                float multiplier, Value out, int64_t length) {
  VectorType type = k.vectorType(k.f32Type());
  auto emitChunk = [&](Value bytes, Value count) {
    auto load = [&](Value row) {
      Value ptr = k.offset(row, bytes);
      return count ? k.loadFirst(type, ptr, count) : k.load(type, ptr);
    };
    Value r = load(residual), f = load(addend);
    Value sum =
        multiplier == 1 ? k.addF(r, f) : k.fma(k.splatF32(multiplier), f, r);
    if (count)
      k.storeFirst(sum, k.offset(out, bytes), count);
    else
      k.store(sum, k.offset(out, bytes));
  };
  int64_t whole = length / kLanes * kLanes;
  if (whole)
    k.forLoop(k.i64(0), k.i64(whole), k.i64(kLanes), [&](Value from) {
      emitChunk(k.mul(from, sizeof(float)), nullptr);
    });
  if (whole < length)
    emitChunk(k.i64(whole * sizeof(float)), k.i64(length - whole));
}

} // namespace winnow::cpu
