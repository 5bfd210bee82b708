//===- Elementwise.cpp - Arithmetic of the arith and math dialects --------===//
//
// f32 arithmetic rounds after every op; functions of math are evaluated in f64
// and rounded to f32. Integers wrap at the width of their type.
//
//===----------------------------------------------------------------------===//

#include "Rules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <functional>

using namespace mlir;
using namespace winnow;

using FloatRule = std::function<float(ArrayRef<float>)>;
/// Operands are sign-extended; nothing where the result is undefined.
using IntegerRule = std::function<std::optional<int64_t>(ArrayRef<int64_t>)>;

/// f32 operands to an f32 result; null if `op` is none of these.
static FloatRule findFloatRule(Operation *op) {
  using Xs = ArrayRef<float>;
  /// A function of one number, computed in f64.
  auto unary = [](double (*function)(double)) -> FloatRule {
    return [function](Xs x) -> float { return function(double(x[0])); };
  };
  return TypeSwitch<Operation *, FloatRule>(op)
      .Case([](arith::AddFOp) { return [](Xs x) { return x[0] + x[1]; }; })
      .Case([](arith::SubFOp) { return [](Xs x) { return x[0] - x[1]; }; })
      .Case([](arith::MulFOp) { return [](Xs x) { return x[0] * x[1]; }; })
      .Case([](arith::DivFOp) { return [](Xs x) { return x[0] / x[1]; }; })
      .Case([](arith::NegFOp) { return [](Xs x) { return -x[0]; }; })
      .Case([](arith::MaximumFOp) {
        return [](Xs x) {
          return std::isnan(x[0]) || std::isnan(x[1]) ? NAN
                                                      : std::fmax(x[0], x[1]);
        };
      })
      .Case([](arith::MinimumFOp) {
        return [](Xs x) {
          return std::isnan(x[0]) || std::isnan(x[1]) ? NAN
                                                      : std::fmin(x[0], x[1]);
        };
      })
      .Case([](arith::MaxNumFOp) {
        return [](Xs x) { return std::fmax(x[0], x[1]); };
      })
      .Case([](arith::MinNumFOp) {
        return [](Xs x) { return std::fmin(x[0], x[1]); };
      })
      .Case([](math::FmaOp) {
        return [](Xs x) { return std::fma(x[0], x[1], x[2]); };
      })
      .Case([](math::PowFOp) {
        return [](Xs x) -> float { return std::pow(double(x[0]), x[1]); };
      })
      .Case([](math::RsqrtOp) {
        return [](Xs x) -> float { return 1 / std::sqrt(double(x[0])); };
      })
      .Case([](math::RoundEvenOp) {
        // The default rounding mode is half to even.
        return [](Xs x) { return std::nearbyint(x[0]); };
      })
      .Case([&](math::AbsFOp) { return unary(std::fabs); })
      .Case([&](math::CeilOp) { return unary(std::ceil); })
      .Case([&](math::FloorOp) { return unary(std::floor); })
      .Case([&](math::RoundOp) { return unary(std::round); })
      .Case([&](math::TruncOp) { return unary(std::trunc); })
      .Case([&](math::SqrtOp) { return unary(std::sqrt); })
      .Case([&](math::ExpOp) { return unary(std::exp); })
      .Case([&](math::Exp2Op) { return unary(std::exp2); })
      .Case([&](math::ExpM1Op) { return unary(std::expm1); })
      .Case([&](math::LogOp) { return unary(std::log); })
      .Case([&](math::Log2Op) { return unary(std::log2); })
      .Case([&](math::Log1pOp) { return unary(std::log1p); })
      .Case([&](math::SinOp) { return unary(std::sin); })
      .Case([&](math::CosOp) { return unary(std::cos); })
      .Case([&](math::TanhOp) { return unary(std::tanh); })
      .Case([&](math::ErfOp) { return unary(std::erf); })
      .Default([](Operation *) { return FloatRule(); });
}

/// The low `width` bits of `value`, unsigned.
static uint64_t toUnsigned(int64_t value, unsigned width) {
  return width == 64
             ? uint64_t(value)
             : uint64_t(value) & llvm::maskTrailingOnes<uint64_t>(width);
}

static bool compare(arith::CmpIPredicate predicate, int64_t a, int64_t b,
                    unsigned width) {
  // i1 is kept as 0 or 1; as a signed number its 1 is -1.
  if (width == 1) {
    a = -a;
    b = -b;
  }
  uint64_t ua = toUnsigned(a, width), ub = toUnsigned(b, width);
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return a < b;
  case arith::CmpIPredicate::sle:
    return a <= b;
  case arith::CmpIPredicate::sgt:
    return a > b;
  case arith::CmpIPredicate::sge:
    return a >= b;
  case arith::CmpIPredicate::ult:
    return ua < ub;
  case arith::CmpIPredicate::ule:
    return ua <= ub;
  case arith::CmpIPredicate::ugt:
    return ua > ub;
  case arith::CmpIPredicate::uge:
    return ua >= ub;
  }
  llvm_unreachable("all predicates are covered");
}

/// Integer operands to an integer result, before it is wrapped to its width.
static IntegerRule findIntegerRule(Operation *op) {
  using Xs = ArrayRef<int64_t>;
  using Result = std::optional<int64_t>;
  unsigned width = 64;
  if (op->getNumOperands())
    if (auto kind =
            getElementKind(getElementTypeOrSelf(op->getOperand(0).getType())))
      width = getIntegerWidth(*kind);
  auto wrap = [](uint64_t value) { return Result(int64_t(value)); };
  /// Signed division: undefined for a zero divisor and for overflow.
  auto divides = [](Xs x) {
    return x[1] != 0 && !(x[1] == -1 && x[0] == INT64_MIN);
  };
  return TypeSwitch<Operation *, IntegerRule>(op)
      .Case([=](arith::AddIOp) {
        return [=](Xs x) { return wrap(uint64_t(x[0]) + uint64_t(x[1])); };
      })
      .Case([=](arith::SubIOp) {
        return [=](Xs x) { return wrap(uint64_t(x[0]) - uint64_t(x[1])); };
      })
      .Case([=](arith::MulIOp) {
        return [=](Xs x) { return wrap(uint64_t(x[0]) * uint64_t(x[1])); };
      })
      .Case([=](arith::DivSIOp) {
        return
            [=](Xs x) { return divides(x) ? Result(x[0] / x[1]) : Result(); };
      })
      .Case([=](arith::RemSIOp) {
        return
            [=](Xs x) { return divides(x) ? Result(x[0] % x[1]) : Result(); };
      })
      .Case([=](arith::FloorDivSIOp) {
        return [=](Xs x) {
          return divides(x) ? Result(x[0] / x[1] - (x[0] % x[1] != 0 &&
                                                    (x[0] < 0) != (x[1] < 0)))
                            : Result();
        };
      })
      .Case([=](arith::CeilDivSIOp) {
        return [=](Xs x) {
          return divides(x) ? Result(x[0] / x[1] + (x[0] % x[1] != 0 &&
                                                    (x[0] < 0) == (x[1] < 0)))
                            : Result();
        };
      })
      .Case([=](arith::DivUIOp) {
        return [=](Xs x) {
          return x[1] ? wrap(toUnsigned(x[0], width) / toUnsigned(x[1], width))
                      : Result();
        };
      })
      .Case([=](arith::RemUIOp) {
        return [=](Xs x) {
          return x[1] ? wrap(toUnsigned(x[0], width) % toUnsigned(x[1], width))
                      : Result();
        };
      })
      .Case([](arith::MaxSIOp) {
        return [](Xs x) { return Result(std::max(x[0], x[1])); };
      })
      .Case([](arith::MinSIOp) {
        return [](Xs x) { return Result(std::min(x[0], x[1])); };
      })
      .Case([](arith::AndIOp) {
        return [](Xs x) { return Result(x[0] & x[1]); };
      })
      .Case(
          [](arith::OrIOp) { return [](Xs x) { return Result(x[0] | x[1]); }; })
      .Case([](arith::XOrIOp) {
        return [](Xs x) { return Result(x[0] ^ x[1]); };
      })
      .Case([=](arith::ShLIOp) {
        return [=](Xs x) {
          return uint64_t(x[1]) < width ? wrap(uint64_t(x[0]) << x[1])
                                        : Result();
        };
      })
      .Case([=](arith::ShRUIOp) {
        return [=](Xs x) {
          return uint64_t(x[1]) < width ? wrap(toUnsigned(x[0], width) >> x[1])
                                        : Result();
        };
      })
      .Case([=](arith::ShRSIOp) {
        return [=](Xs x) {
          return uint64_t(x[1]) < width ? Result(x[0] >> x[1]) : Result();
        };
      })
      .Case([=](arith::CmpIOp compareOp) {
        arith::CmpIPredicate predicate = compareOp.getPredicate();
        return
            [=](Xs x) { return Result(compare(predicate, x[0], x[1], width)); };
      })
      .Case([](arith::ExtSIOp extension) -> IntegerRule {
        bool isBit =
            getElementTypeOrSelf(extension.getIn().getType()).isInteger(1);
        return [=](Xs x) { return Result(isBit ? -x[0] : x[0]); };
      })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>([=](auto) {
        return [=](Xs x) { return wrap(toUnsigned(x[0], width)); };
      })
      .Case<arith::TruncIOp, arith::IndexCastOp>(
          [](auto) { return [](Xs x) { return Result(x[0]); }; })
      .Default([](Operation *) { return IntegerRule(); });
}

static bool compare(arith::CmpFPredicate predicate, float a, float b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  using Predicate = arith::CmpFPredicate;
  switch (predicate) {
  case Predicate::AlwaysFalse:
    return false;
  case Predicate::AlwaysTrue:
    return true;
  case Predicate::ORD:
    return !unordered;
  case Predicate::UNO:
    return unordered;
  case Predicate::OEQ:
    return a == b;
  case Predicate::OGT:
    return a > b;
  case Predicate::OGE:
    return a >= b;
  case Predicate::OLT:
    return a < b;
  case Predicate::OLE:
    return a <= b;
  case Predicate::ONE:
    return !unordered && a != b;
  case Predicate::UEQ:
    return unordered || a == b;
  case Predicate::UGT:
    return unordered || a > b;
  case Predicate::UGE:
    return unordered || a >= b;
  case Predicate::ULT:
    return unordered || a < b;
  case Predicate::ULE:
    return unordered || a <= b;
  case Predicate::UNE:
    return unordered || a != b;
  }
  llvm_unreachable("all predicates are covered");
}

/// `value` as an integer of `kind`.
static int64_t wrapTo(ElementKind kind, int64_t value) {
  unsigned width = getIntegerWidth(kind);
  return width == 1 ? value & 1 : llvm::SignExtend64(value, width);
}

/// A floating-point number as a signed integer of `width` bits; undefined
/// where it does not fit.
static std::optional<int64_t> toInteger(float value, unsigned width) {
  double limit = std::ldexp(1.0, width - 1);
  double truncated = std::trunc(value);
  if (!(truncated >= -limit && truncated < limit))
    return std::nullopt;
  return int64_t(truncated);
}

FailureOr<Tensor>
winnow::evaluateElementwise(Operation *op, ArrayRef<const Tensor *> operands) {
  auto kind =
      op->getNumResults() == 1
          ? getElementKind(getElementTypeOrSelf(op->getResult(0).getType()))
          : std::nullopt;
  FloatRule floatRule = findFloatRule(op);
  IntegerRule integerRule = findIntegerRule(op);
  auto compareFloats = dyn_cast<arith::CmpFOp>(op);
  bool isOther =
      compareFloats ||
      isa<arith::SelectOp, arith::SIToFPOp, arith::UIToFPOp, arith::FPToSIOp>(
          op);
  if (!kind || (!floatRule && !integerRule && !isOther))
    return op->emitOpError("has no meaning in the interpreter");

  SmallVector<int64_t> shape;
  for (const Tensor *operand : operands)
    if (operand->rank() != 0)
      shape = SmallVector<int64_t>(operand->shape());
  for (const Tensor *operand : operands)
    if (operand->rank() != 0 && operand->shape() != ArrayRef(shape))
      return op->emitOpError("expects operands of the same shape");

  Tensor result(*kind, shape);
  MutableArrayRef<float> floats;
  MutableArrayRef<int64_t> integers;
  if (result.isFloat())
    floats = result.mutableFloats();
  else
    integers = result.mutableIntegers();
  SmallVector<float> x(operands.size());
  SmallVector<int64_t> n(operands.size());
  for (int64_t i = 0; i < result.size(); ++i) {
    for (auto [operand, position] :
         llvm::zip(operands, llvm::seq<size_t>(0, operands.size()))) {
      int64_t index = operand->rank() == 0 ? 0 : i;
      if (operand->isFloat())
        x[position] = operand->floats()[index];
      else
        n[position] = operand->integers()[index];
    }
    std::optional<int64_t> integer;
    if (floatRule) {
      floats[i] = floatRule(x);
      continue;
    }
    if (isa<arith::SelectOp>(op) && result.isFloat()) {
      floats[i] = n[0] ? x[1] : x[2];
      continue;
    }
    if (isa<arith::SIToFPOp>(op)) {
      floats[i] = operands[0]->kind() == ElementKind::I1 ? -n[0] : n[0];
      continue;
    }
    if (isa<arith::UIToFPOp>(op)) {
      floats[i] = toUnsigned(n[0], getIntegerWidth(operands[0]->kind()));
      continue;
    }
    if (compareFloats)
      integer = compare(compareFloats.getPredicate(), x[0], x[1]);
    else if (isa<arith::SelectOp>(op))
      integer = n[0] ? n[1] : n[2];
    else if (isa<arith::FPToSIOp>(op))
      integer = toInteger(x[0], getIntegerWidth(*kind));
    else
      integer = integerRule(n);
    if (!integer)
      return op->emitOpError("expects operands for which it is defined");
    integers[i] = wrapTo(*kind, *integer);
  }
  return result;
}
