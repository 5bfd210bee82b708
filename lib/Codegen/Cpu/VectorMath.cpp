//===- VectorMath.cpp - Elementary functions on vectors -------------------===//
//
// Every function takes scalars and vectors of any width and is one fixed
// sequence of IEEE operations, so that a lane's result depends neither on the
// target nor on the vector it sits in. Polynomials are minimax fits for the
// stated intervals; the errors given are those of the whole function.
//
//===----------------------------------------------------------------------===//

#include "winnow/Codegen/Cpu/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace winnow::cpu {

namespace {

/// Arithmetic with constants on values of one float type.
class Lanes {
public:
  Lanes(KernelBuilder &kernel, Value like)
      : k(kernel), b(kernel.builder()), type(like.getType()) {}

  /// The type of these lanes with another element.
  Type withElement(Type element) const {
    if (auto vector = dyn_cast<VectorType>(type))
      return VectorType::get(vector.getShape(), element);
    return element;
  }
  Value constant(double value) {
    Type element = getElementTypeOrSelf(type);
    return splat(type, b.getFloatAttr(element, value));
  }
  Value integer(Type element, int64_t value) {
    return splat(withElement(element), b.getIntegerAttr(element, value));
  }
  Value add(Value x, double c) { return k.addF(x, constant(c)); }
  Value mul(Value x, double c) { return k.mulF(x, constant(c)); }
  Value fma(Value x, double c, Value y) { return k.fma(x, constant(c), y); }
  /// Horner's rule; coefficients from the highest power down.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = constant(coefficients.front());
    for (double coefficient : coefficients.drop_front())
      sum = k.fma(sum, x, constant(coefficient));
    return sum;
  }
  Value compare(arith::CmpFPredicate predicate, Value x, double c) {
    return arith::CmpFOp::create(b, predicate, x, constant(c));
  }
  /// x, but `c` where x < c (> c); NaN stays.
  Value atLeast(Value x, double c) {
    return k.select(compare(arith::CmpFPredicate::OLT, x, c), constant(c), x);
  }
  Value atMost(Value x, double c) {
    return k.select(compare(arith::CmpFPredicate::OGT, x, c), constant(c), x);
  }
  /// The magnitude of the first operand with the sign of the second.
  Value copySign(Value magnitude, Value sign) {
    Type bits = withElement(k.i32Type());
    Value signBit =
        k.andI(k.bitcast(sign, bits), integer(k.i32Type(), int64_t(INT32_MIN)));
    return k.bitcast(k.orI(k.bitcast(magnitude, bits), signBit), type);
  }
  /// 2^n of integer lanes, -127 < n < 128.
  Value powerOfTwo(Value n) {
    Value biased = k.add(n, integer(k.i32Type(), 127));
    return k.bitcast(k.shl(biased, integer(k.i32Type(), 23)), type);
  }

private:
  Value splat(Type of, TypedAttr value) {
    if (auto vector = dyn_cast<VectorType>(of))
      return arith::ConstantOp::create(b,
                                       DenseElementsAttr::get(vector, value));
    return arith::ConstantOp::create(b, value);
  }

  KernelBuilder &k;
  ImplicitLocOpBuilder &b;
  Type type;
};

} // namespace

/// Cody-Waite reduction to |t| <= ln 2 / 2 and a polynomial of degree 5 (The
/// Two-Pass Softmax Algorithm, arXiv 2001.04438): relative error 1.6e-7. exp(0)
/// is exactly 1.
Value KernelBuilder::exp(Value x) {
  Lanes lanes(*this, x);
  auto vector = dyn_cast<VectorType>(x.getType());
  bool canScale = cpuTarget.avx512 && vector && vector.getNumElements() == 16;
  // Below the first bound the result is 0, above the second +inf. Zeros are
  // chosen, not computed: a product that is too small for a float takes
  // hundreds of cycles, and masked keys are many.
  Value isAbove = lanes.compare(arith::CmpFPredicate::UGT, x, -104.0);
  x = lanes.atMost(canScale ? x : lanes.atLeast(x, -104.0), 89.0);
  // Adding 1.5 * 2^23 rounds to the nearest integer, which is then in the low
  // bits of the sum.
  const double magic = 0x1.8p23;
  Value shifted = lanes.fma(x, 0x1.715476p0, lanes.constant(magic));
  Value n = lanes.add(shifted, -magic);
  Value t = lanes.fma(n, -0x1.62E43p-1, x);
  t = lanes.fma(n, 0x1.05C61p-29, t);
  Value p = lanes.polynomial(t, {0x1.0F9F9Cp-7, 0x1.573A1Ap-5, 0x1.555A80p-3,
                                 0x1.FFFDC6p-2, 0x1.FFFFF6p-1, 1.0});

  // p * 2^n, rounded once where the result is subnormal.
  if (canScale) {
    Value chosen = extract(bitcast(isAbove, vectorType(i16Type(), 1)), 0);
    Value currentRounding = LLVM::ConstantOp::create(b, b.getI32IntegerAttr(4));
    return intrinsic("llvm.x86.avx512.mask.scalef.ps.512", x.getType(),
                     {p, n, lanes.constant(0.0), chosen, currentRounding});
  }
  p = select(isAbove, p, lanes.constant(0.0));
  // 2^n may not be a float by itself, but the two halves are, and the first
  // product is exact.
  Type bits = lanes.withElement(i32Type());
  Value integer = sub(bitcast(shifted, bits),
                      lanes.integer(i32Type(), 0x4B400000 /* magic */));
  Value half = arith::ShRSIOp::create(b, integer, lanes.integer(i32Type(), 1));
  Value scaled = mulF(p, lanes.powerOfTwo(half));
  return mulF(scaled, lanes.powerOfTwo(sub(integer, half)));
}

/// x + x^3 P(x^2) for |x| < 5/8, else 1 - 2 / (e^2|x| + 1): relative error
/// below 2.5e-7.
Value KernelBuilder::tanh(Value x) {
  Lanes lanes(*this, x);
  Value magnitude = absF(x);
  Value z = mulF(x, x);
  Value p =
      lanes.polynomial(z, {-6.090993527e-03, 2.099210396e-02, -5.384940282e-02,
                           1.333275288e-01, -3.333332837e-01});
  Value small = fma(mulF(p, z), x, x);
  Value e = exp(addF(magnitude, magnitude));
  Value large =
      subF(lanes.constant(1.0), divF(lanes.constant(2.0), lanes.add(e, 1.0)));
  Value isSmall = lanes.compare(arith::CmpFPredicate::OLT, magnitude, 0.625);
  return select(isSmall, small, lanes.copySign(large, x));
}

/// x P(x^2) for |x| < 0.92, else 1 - e^Q(|x|) with Q = ln erfc: relative error
/// below 2.5e-7.
Value KernelBuilder::erf(Value x) {
  Lanes lanes(*this, x);
  Value magnitude = absF(x);
  Value z = mulF(x, x);
  Value small = mulF(x, lanes.polynomial(z, {8.369579155e-05, -8.142581210e-04,
                                             5.201021675e-03, -2.685939334e-02,
                                             1.128369570e-01, -3.761263490e-01,
                                             1.128379226e+00}));
  // erf(4.1) rounds to 1.
  Value bounded = lanes.atMost(magnitude, 4.1);
  Value q = lanes.polynomial(
      bounded, {1.564662625e-06, -4.462422658e-05, 5.847169668e-04,
                -4.702975973e-03, 2.626036108e-02, -1.097972989e-01,
                -6.321263313e-01, -1.130057812e+00, 2.768532431e-04});
  Value large = subF(lanes.constant(1.0), exp(q));
  Value isSmall = lanes.compare(arith::CmpFPredicate::OLT, magnitude, 0.92);
  return select(isSmall, small, lanes.copySign(large, x));
}

/// x = m 2^e with m in [sqrt(1/2), sqrt(2)); ln m by a polynomial of degree 11
/// in m - 1: error below 2.5e-7 relative or 1e-7 absolute.
Value KernelBuilder::log(Value x) {
  Lanes lanes(*this, x);
  Type bits = lanes.withElement(i32Type());
  const double infinity = std::numeric_limits<double>::infinity();
  // Subnormal numbers become normal ones.
  Value isTiny = lanes.compare(arith::CmpFPredicate::OLT, x, 0x1p-126);
  Value normal = select(isTiny, lanes.mul(x, 0x1p23), x);
  // Subtracting the bits of sqrt(1/2) leaves the exponent e on top.
  Value offset = sub(bitcast(normal, bits),
                     lanes.integer(i32Type(), 0x3F3504F3 /* sqrt(1/2) */));
  Value exponent =
      arith::ShRSIOp::create(b, offset, lanes.integer(i32Type(), 23));
  Value mantissa = bitcast(
      sub(bitcast(normal, bits), shl(exponent, lanes.integer(i32Type(), 23))),
      x.getType());
  Value f = lanes.add(mantissa, -1.0);
  Value e = toFloat(exponent, x.getType());
  e = select(isTiny, lanes.add(e, -23.0), e);

  Value p =
      lanes.polynomial(f, {7.332535833e-02, -1.165993214e-01, 1.163466126e-01,
                           -1.239669994e-01, 1.425115615e-01, -1.666915119e-01,
                           2.000068873e-01, -2.499998063e-01, 3.333333135e-01});
  Value square = mulF(f, f);
  Value tail = mulF(mulF(square, f), p);
  tail = lanes.fma(e, -0x1.05C61p-29, tail); // ln 2 - 0x1.62E43p-1
  tail = lanes.fma(square, -0.5, tail);
  Value result = lanes.fma(e, 0x1.62E43p-1, addF(f, tail));

  result =
      select(lanes.compare(arith::CmpFPredicate::OEQ, x, infinity), x, result);
  result = select(lanes.compare(arith::CmpFPredicate::OEQ, x, 0.0),
                  lanes.constant(-infinity), result);
  // Negative numbers and NaN.
  return select(
      lanes.compare(arith::CmpFPredicate::UGE, x, 0.0),
      select(lanes.compare(arith::CmpFPredicate::UNO, x, 0.0), x, result),
      lanes.constant(std::numeric_limits<double>::quiet_NaN()));
}

/// Reduction by multiples of pi / 2 held in two doubles, then Taylor sums of
/// degree 13 and 14 in f64 (error below 1e-12 on |r| <= pi / 4); the only
/// rounding that counts is the last one, to f32.
std::pair<Value, Value> KernelBuilder::sinCos(Value x) {
  Lanes lanes(*this, x);
  const double magic = 0x1.8p52;
  Value shifted =
      lanes.fma(x, 0.63661977236758134308 /* 2 / pi */, lanes.constant(magic));
  Value n = lanes.add(shifted, -magic);
  Value r = lanes.fma(n, -0x1.921FB54442D18p0, x);
  r = lanes.fma(n, -0x1.1A62633145C07p-54, r);

  Value z = mulF(r, r);
  Value sinTail = lanes.polynomial(z, {1.0 / 6227020800.0, -1.0 / 39916800.0,
                                       1.0 / 362880.0, -1.0 / 5040.0,
                                       1.0 / 120.0, -1.0 / 6.0});
  Value sine = fma(mulF(sinTail, z), r, r);
  Value cosine = lanes.polynomial(z, {-1.0 / 87178291200.0, 1.0 / 479001600.0,
                                      -1.0 / 3628800.0, 1.0 / 40320.0,
                                      -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0});

  // Quadrant 0: (s, c); 1: (c, -s); 2: (-s, -c); 3: (-c, s).
  Type i64Lanes = lanes.withElement(i64Type());
  Value quadrant = bitcast(shifted, i64Lanes);
  Value zero = lanes.integer(i64Type(), 0), one = lanes.integer(i64Type(), 1),
        two = lanes.integer(i64Type(), 2);
  auto bitIsSet = [&](Value value, Value bit) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, andI(value, bit),
                                 zero);
  };
  Value swapped = bitIsSet(quadrant, one);
  Value sinNegative = bitIsSet(quadrant, two);
  Value cosNegative = bitIsSet(add(quadrant, one), two);
  Value s = select(swapped, cosine, sine), c = select(swapped, sine, cosine);
  s = select(sinNegative, negF(s), s);
  c = select(cosNegative, negF(c), c);
  Type f32Lanes = lanes.withElement(f32Type());
  return {truncF(s, f32Lanes), truncF(c, f32Lanes)};
}

} // namespace winnow::cpu
