//===- RowRope.cpp - Rotary embedding of one token's row ------------------===//
//
// Frequencies and their scalings follow the formulas of Hugging Face
// Transformers (linear; llama3: Llama 3.1; yarn: arXiv 2309.00071; longrope:
// arXiv 2402.13753). Angles are
// computed in f64: a position times a frequency in f32 would lose the phase of
// long contexts.
//
//===----------------------------------------------------------------------===//

#include "winnow/Codegen/Cpu/RowKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace winnow::cpu {

static constexpr double kTwoPi = 6.28318530717958647692;

static double valueOr(FloatAttr attribute, double otherwise) {
  return attribute ? attribute.getValueAsDouble() : otherwise;
}

static double scaleLlama3(double frequency, RopeScalingAttr scaling) {
  double factor = valueOr(scaling.getFactor(), 8);
  double low = valueOr(scaling.getLow(), 1);
  double high = valueOr(scaling.getHigh(), 4);
  double context =
      scaling.getOriginalContext() ? scaling.getOriginalContext() : 8192;
  double turns = context * frequency / kTwoPi; // within the original context
  if (turns > high)
    return frequency;
  if (turns < low)
    return frequency / factor;
  double keep = (turns - low) / (high - low);
  return (1 - keep) * frequency / factor + keep * frequency;
}

static void scaleYarn(RopeFrequencies &frequencies, double base, int64_t dims,
                      RopeScalingAttr scaling) {
  double factor = valueOr(scaling.getFactor(), 1);
  double context = scaling.getOriginalContext();
  // The pair that turns so many times within the original context.
  auto pairOf = [&](double turns) {
    return dims * std::log(context / (kTwoPi * turns)) / (2 * std::log(base));
  };
  double first =
      std::max(0.0, std::floor(pairOf(valueOr(scaling.getHigh(), 32))));
  double last =
      std::min(dims - 1.0, std::ceil(pairOf(valueOr(scaling.getLow(), 1))));
  if (first == last)
    last += 0.001;
  double pair = 0;
  for (double &frequency : frequencies.values) {
    double ramp =
        std::min(1.0, std::max(0.0, (pair++ - first) / (last - first)));
    frequency = frequency / factor * ramp + frequency * (1 - ramp);
  }
  frequencies.magnitude =
      valueOr(scaling.getAttentionFactor(), 0.1 * std::log(factor) + 1);
}

RopeFrequencies ropeFrequencies(double base, int64_t dims,
                                RopeScalingAttr scaling) {
  RopeFrequencies result;
  for (int64_t c = 0; c < dims / 2; ++c)
    result.values.push_back(std::pow(base, -2.0 * double(c) / double(dims)));
  if (!scaling)
    return result;
  switch (scaling.getKind()) {
  case RopeScalingKind::None:
    break;
  case RopeScalingKind::Linear:
    for (double &frequency : result.values)
      frequency /= valueOr(scaling.getFactor(), 1);
    break;
  case RopeScalingKind::Llama3:
    for (double &frequency : result.values)
      frequency = scaleLlama3(frequency, scaling);
    break;
  case RopeScalingKind::Yarn:
    scaleYarn(result, base, dims, scaling);
    break;
  case RopeScalingKind::LongRope:
    if (DenseF64ArrayAttr factors = scaling.getFactors())
      for (auto [frequency, factor] :
           llvm::zip_equal(result.values, factors.asArrayRef()))
        frequency /= factor;
    result.magnitude = valueOr(scaling.getAttentionFactor(), 1);
    break;
  }
  return result;
}

/// The address of a constant global that holds `values`; equal tables share
/// one.
static Value constantTable(KernelBuilder &k, ArrayRef<double> values) {
  ImplicitLocOpBuilder &b = k.builder();
  auto module =
      b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto content = DenseElementsAttr::get(
      RankedTensorType::get({int64_t(values.size())}, k.f64Type()), values);
  LLVM::GlobalOp table;
  unsigned tables = 0;
  for (auto global : module.getOps<LLVM::GlobalOp>()) {
    if (!global.getSymName().starts_with("rope_frequencies_"))
      continue;
    ++tables;
    if (global.getValueAttr() == content)
      table = global;
  }
  if (!table) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    table = LLVM::GlobalOp::create(
        b, LLVM::LLVMArrayType::get(k.f64Type(), values.size()),
        /*isConstant=*/true, LLVM::Linkage::Private,
        "rope_frequencies_" + std::to_string(tables), content,
        /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(b, table);
}

void emitRopeTableRow(KernelBuilder &k, const RopeFrequencies &frequencies,
                      Value position, Value factors, Value table) {
  int64_t pairs = frequencies.values.size();
  if (pairs == 0)
    return;
  // Padded, so that whole vectors can be read.
  SmallVector<double> padded(frequencies.values);
  padded.resize((pairs + kLanes - 1) / kLanes * kLanes, 0.0);
  Value constants = constantTable(k, padded);
  VectorType doubles = k.vectorType(k.f64Type());
  Value x = k.broadcast(k.toFloat(position, k.f64Type()));
  Value magnitude = k.splatF32(frequencies.magnitude);
  auto body = [&](Value from, Value count) {
    Value bytes = k.mul(from, sizeof(float));
    Value frequency = k.load(doubles, k.offset(constants, k.mul(bytes, 2)));
    if (factors) {
      VectorType floats = k.vectorType(k.f32Type());
      Value ptr = k.offset(factors, bytes);
      Value factor;
      if (count)
        factor = k.select(k.firstLanes(count), k.loadFirst(floats, ptr, count),
                          k.splatF32(1));
      else
        factor = k.load(floats, ptr);
      frequency = k.divF(frequency, k.extF(factor, doubles));
    }
    auto [sine, cosine] = k.sinCos(k.mulF(x, frequency));
    if (frequencies.magnitude != 1) {
      sine = k.mulF(sine, magnitude);
      cosine = k.mulF(cosine, magnitude);
    }
    Value cosines = k.offset(table, bytes);
    Value sines = k.offset(cosines, int64_t(pairs * sizeof(float)));
    if (count) {
      k.storeFirst(cosine, cosines, count);
      k.storeFirst(sine, sines, count);
    } else {
      k.store(cosine, cosines);
      k.store(sine, sines);
    }
  };
  int64_t whole = pairs / kLanes * kLanes;
  if (whole)
    k.forLoop(
        k.i64(0), k.i64(whole), k.i64(kLanes),
        [&](Value from) { body(from, nullptr); }, /*unroll=*/false);
  if (whole < pairs)
    body(k.i64(whole), k.i64(pairs - whole));
}

namespace {

/// Loads and stores up to 16 pairs of one head.
struct PairAccess {
  KernelBuilder &k;
  const RopeSpec &spec;

  Value load(Value ptr, int64_t count) {
    VectorType type = k.vectorType(k.f32Type());
    return count == kLanes ? k.load(type, ptr)
                           : k.loadFirst(type, ptr, k.i64(count));
  }
  void store(Value value, Value ptr, int64_t count) {
    if (count == kLanes)
      k.store(value, ptr);
    else if (count > 0)
      k.storeFirst(value, ptr, k.i64(count));
  }

  /// (a, b) of pairs [from, from + count) of the head at `head`.
  std::pair<Value, Value> loadPairs(Value head, Value from, int64_t count) {
    Value bytes = k.mul(from, sizeof(float));
    if (spec.layout == RopeLayout::Half) {
      Value first = k.offset(head, bytes);
      return {
          load(first, count),
          load(k.offset(first, int64_t(spec.dims / 2 * sizeof(float))), count)};
    }
    auto [low, high] = halves(k.offset(head, k.mul(bytes, 2)), count);
    SmallVector<int64_t> even, odd;
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      even.push_back(2 * lane);
      odd.push_back(2 * lane + 1);
    }
    return {k.shuffle(low, high, even), k.shuffle(low, high, odd)};
  }

  void storePairs(Value a, Value b, Value head, Value from, int64_t count) {
    Value bytes = k.mul(from, sizeof(float));
    if (spec.layout == RopeLayout::Half) {
      Value first = k.offset(head, bytes);
      store(a, first, count);
      store(b, k.offset(first, int64_t(spec.dims / 2 * sizeof(float))), count);
      return;
    }
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < kLanes / 2; ++lane) {
      low.append({lane, lane + kLanes});
      high.append({lane + kLanes / 2, lane + kLanes / 2 + kLanes});
    }
    Value first = k.offset(head, k.mul(bytes, 2));
    store(k.shuffle(a, b, low), first, std::min(2 * count, kLanes));
    store(k.shuffle(a, b, high),
          k.offset(first, int64_t(kLanes * sizeof(float))), 2 * count - kLanes);
  }

private:
  /// The 2 * count floats at `ptr` as two vectors.
  std::pair<Value, Value> halves(Value ptr, int64_t count) {
    Value low = load(ptr, std::min(2 * count, kLanes));
    Value high = 2 * count > kLanes
                     ? load(k.offset(ptr, int64_t(kLanes * sizeof(float))),
                            2 * count - kLanes)
                     : k.splatF32(0);
    return {low, high};
  }
};

} // namespace

void emitRopeRow(KernelBuilder &k, const RopeSpec &spec, Value in, Value table,
                 Value out) {
  int64_t pairs = spec.dims / 2;
  PairAccess access{k, spec};
  auto rotate = [&](Value head, Value target, Value from, int64_t count) {
    Value cosines = k.offset(table, k.mul(from, sizeof(float)));
    Value cosine = access.load(cosines, count);
    Value sine =
        access.load(k.offset(cosines, int64_t(pairs * sizeof(float))), count);
    auto [a, b] = access.loadPairs(head, from, count);
    Value first = k.fma(a, cosine, k.negF(k.mulF(b, sine)));
    Value second = k.fma(b, cosine, k.mulF(a, sine));
    access.storePairs(first, second, target, from, count);
  };
  k.forLoop(
      k.i64(0), k.i64(spec.heads), k.i64(1),
      [&](Value index) {
        Value bytes = k.mul(index, spec.width * sizeof(float));
        Value head = k.offset(in, bytes), target = k.offset(out, bytes);
        int64_t whole = pairs / kLanes * kLanes;
        if (whole)
          k.forLoop(k.i64(0), k.i64(whole), k.i64(kLanes),
                    [&](Value from) { rotate(head, target, from, kLanes); });
        if (whole < pairs)
          rotate(head, target, k.i64(whole), pairs - whole);
        // The other channels pass through.
        for (int64_t c = spec.dims; c < spec.width; c += kLanes) {
          int64_t count = std::min(spec.width - c, kLanes);
          Value value =
              access.load(k.offset(head, int64_t(c * sizeof(float))), count);
          access.store(value, k.offset(target, int64_t(c * sizeof(float))),
                       count);
        }
      },
      /*unroll=*/false);
}

} // namespace winnow::cpu
