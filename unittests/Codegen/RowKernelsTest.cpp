//===- RowKernelsTest.cpp - Row emitters against f64 formulas -------------===//

#include "../RandomNumbers.h"
#include "JitTest.h"

#include "../CacheNumbers.h"
#include "winnow/Codegen/Cpu/RowKernels.h"
#include "winnow/Formats/Activation.h"
#include "winnow/Runtime/Call.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace mlir;
using namespace winnow;
using namespace winnow::cpu;
using namespace winnow::test;

namespace {

constexpr float kCanary = 12345.0f;

std::vector<float> randomRow(size_t length, unsigned seed) {
  return normalNumbers(length, seed, 0.5f, 2.0f);
}

class RowKernels : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override { jit = std::make_unique<JitModule>(GetParam()); }

  std::string newName() { return "kernel" + std::to_string(kernels++); }

  /// Adds a kernel of pointer arguments; returns its name.
  std::string add(unsigned pointers,
                  function_ref<void(KernelBuilder &k)> emit) {
    std::string name = newName();
    SmallVector<Type> types(pointers, jit->ptrType());
    KernelBuilder k(jit->module(), jit->target(), name, types);
    emit(k);
    k.finish();
    return name;
  }

  std::unique_ptr<JitModule> jit;
  int kernels = 0;
};

//===----------------------------------------------------------------------===//
// Norm
//===----------------------------------------------------------------------===//

struct NormCase {
  NormSpec spec;
  bool weight, bias;
  std::string name;
};

std::vector<float> normReference(const NormCase &test,
                                 const std::vector<float> &x,
                                 const std::vector<float> &weight,
                                 const std::vector<float> &bias) {
  const NormSpec &spec = test.spec;
  std::vector<float> y(x.size());
  for (int64_t group = 0; group < spec.groups; ++group) {
    const float *row = &x[group * spec.width];
    double mean = 0, squares = 0;
    if (spec.kind == NormKind::Layer)
      for (int64_t c = 0; c < spec.width; ++c)
        mean += double(row[c]) / spec.width;
    for (int64_t c = 0; c < spec.width; ++c)
      squares += (row[c] - mean) * (row[c] - mean);
    double divisor =
        spec.kind == NormKind::L2
            ? std::max(std::sqrt(squares), double(spec.epsilon))
            : std::sqrt(squares / spec.width + double(spec.epsilon));
    for (int64_t c = 0; c < spec.width; ++c) {
      double value = (row[c] - mean) / divisor;
      if (test.weight)
        value *= double(weight[c]) + spec.weightOffset;
      if (test.bias)
        value += bias[c];
      y[group * spec.width + c] = value;
    }
  }
  return y;
}

TEST_P(RowKernels, Norm) {
  std::vector<NormCase> cases;
  for (NormKind kind : {NormKind::RMS, NormKind::Layer, NormKind::L2})
    for (int64_t width : {1, 7, 16, 20, 64, 100, 256, 640})
      for (int variant : {0, 1, 2, 3}) {
        NormSpec spec;
        spec.kind = kind;
        spec.epsilon = 1e-5f;
        spec.weightOffset = variant == 3 ? 1.0f : 0.0f;
        spec.groups = variant == 1 ? 3 : 1;
        spec.width = width;
        cases.push_back({spec, variant != 0, variant == 2, ""});
      }
  for (NormCase &test : cases)
    test.name = add(4, [&](KernelBuilder &k) {
      emitNormRow(k, test.spec, k.arg(0), test.weight ? k.arg(1) : Value(),
                  test.bias ? k.arg(2) : Value(), k.arg(3));
    });
  ASSERT_TRUE(jit->compile());
  for (const NormCase &test : cases) {
    auto *kernel =
        jit->get<void(const float *, const float *, const float *, float *)>(
            test.name);
    size_t size = test.spec.groups * test.spec.width;
    std::vector<float> x = randomRow(size, 1),
                       weight = randomRow(test.spec.width, 2),
                       bias = randomRow(test.spec.width, 3);
    std::vector<float> want = normReference(test, x, weight, bias);
    std::vector<float> y(size + 1, kCanary);
    kernel(x.data(), weight.data(), bias.data(), y.data());
    EXPECT_EQ(y.back(), kCanary);
    kernel(x.data(), weight.data(), bias.data(), x.data());
    EXPECT_EQ(std::memcmp(x.data(), y.data(), size * 4), 0) << "in place";
    // In a row of one channel the layer norm divides noise by epsilon.
    for (size_t i = 0; i < size; ++i)
      ASSERT_NEAR(y[i], want[i], 2e-6 * std::max(1.0f, std::fabs(want[i])))
          << stringifyNormKind(test.spec.kind).str() << " " << test.spec.width
          << " at " << i;
  }
}

//===----------------------------------------------------------------------===//
// Rope
//===----------------------------------------------------------------------===//

TEST_P(RowKernels, RopeTableAndRows) {
  struct Case {
    RopeSpec spec;
    bool factors;
    std::string table, rows;
  };
  std::vector<Case> cases;
  for (RopeLayout layout : {RopeLayout::Half, RopeLayout::Interleaved})
    for (auto [width, dims] : {std::pair<int64_t, int64_t>{256, 256},
                               {20, 20},
                               {28, 28},
                               {80, 32},
                               {64, 50},
                               {7, 2}})
      cases.push_back({{3, width, dims, layout}, dims % 4 == 0, "", ""});
  for (Case &test : cases) {
    RopeFrequencies frequencies =
        ropeFrequencies(10000.0, test.spec.dims, RopeScalingAttr());
    frequencies.magnitude = test.factors ? 1.25 : 1;
    test.table = add(3, [&](KernelBuilder &k) {
      emitRopeTableRow(k, frequencies, k.load(k.i32Type(), k.arg(0)),
                       test.factors ? k.arg(1) : Value(), k.arg(2));
    });
    test.rows = add(3, [&](KernelBuilder &k) {
      emitRopeRow(k, test.spec, k.arg(0), k.arg(1), k.arg(2));
    });
  }
  ASSERT_TRUE(jit->compile());
  for (const Case &test : cases) {
    auto [heads, width, dims, layout] = test.spec;
    auto *makeTable =
        jit->get<void(const int32_t *, const float *, float *)>(test.table);
    auto *rotate =
        jit->get<void(const float *, const float *, float *)>(test.rows);
    for (int32_t position : {0, 1, 511, 100003}) {
      std::vector<float> factors = randomRow(dims / 2, 5);
      for (float &factor : factors)
        factor = 1 + std::fabs(factor);
      std::vector<float> table(dims + 1, kCanary);
      makeTable(&position, factors.data(), table.data());
      EXPECT_EQ(table.back(), kCanary);
      std::vector<float> x = randomRow(heads * width, 6);
      std::vector<float> y(x.size() + 1, kCanary);
      rotate(x.data(), table.data(), y.data());
      EXPECT_EQ(y.back(), kCanary);

      std::vector<double> want(x.begin(), x.end());
      for (int64_t c = 0; c < dims / 2; ++c) {
        double frequency = std::pow(10000.0, -2.0 * c / dims);
        if (test.factors)
          frequency /= factors[c];
        double magnitude = test.factors ? 1.25 : 1;
        double cosine = magnitude * std::cos(position * frequency);
        double sine = magnitude * std::sin(position * frequency);
        EXPECT_NEAR(table[c], cosine, 2e-7);
        EXPECT_NEAR(table[dims / 2 + c], sine, 2e-7);
        bool half = layout == RopeLayout::Half;
        for (int64_t head = 0; head < heads; ++head) {
          int64_t a = head * width + (half ? c : 2 * c);
          int64_t b = head * width + (half ? c + dims / 2 : 2 * c + 1);
          want[a] = x[a] * cosine - x[b] * sine;
          want[b] = x[b] * cosine + x[a] * sine;
        }
      }
      for (size_t i = 0; i < x.size(); ++i)
        ASSERT_NEAR(y[i], want[i], 3e-6) << dims << " at " << i;
      rotate(x.data(), table.data(), x.data());
      EXPECT_EQ(std::memcmp(x.data(), y.data(), x.size() * 4), 0) << "in place";
    }
  }
}

TEST(RopeFrequencies, Scalings) {
  MLIRContext context;
  context.loadDialect<WinnowDialect>();
  auto parse = [&](StringRef text) {
    return cast<RopeScalingAttr>(parseAttribute(text, &context));
  };
  // Values of transformers' ROPE_INIT_FUNCTIONS for the same settings.
  RopeFrequencies linear = ropeFrequencies(
      10000, 64, parse("#winnow.rope_scaling<linear, factor = 8.0 : f64>"));
  EXPECT_NEAR(linear.values[1], std::pow(10000.0, -1.0 / 32) / 8, 1e-12);

  RopeFrequencies llama3 = ropeFrequencies(
      500000, 128,
      parse("#winnow.rope_scaling<llama3, factor = 8.0 : f64, low = 1.0 : f64, "
            "high = 4.0 : f64, originalContext = 8192>"));
  double plain = std::pow(500000.0, -2.0 * 60 / 128);
  EXPECT_DOUBLE_EQ(llama3.values[0], 1);
  EXPECT_NEAR(llama3.values[60], plain / 8, 1e-15);
  // Pair 32: wavelength 2 pi 500000^0.5 = 4443, between 2048 and 8192.
  double f = std::pow(500000.0, -0.5);
  double share = (8192 * f / 6.283185307179586 - 1) / 3;
  EXPECT_NEAR(llama3.values[32], (1 - share) * f / 8 + share * f, 1e-15);

  RopeFrequencies yarn = ropeFrequencies(
      10000, 64,
      parse("#winnow.rope_scaling<yarn, factor = 4.0 : f64, low = 1.0 : f64, "
            "high = 32.0 : f64, originalContext = 4096>"));
  EXPECT_NEAR(yarn.magnitude, 0.1 * std::log(4.0) + 1, 1e-12);
  EXPECT_DOUBLE_EQ(yarn.values[0], 1);
  EXPECT_NEAR(yarn.values[31], std::pow(10000.0, -62.0 / 64) / 4, 1e-15);
  // Pairs 10 and 23 bound the ramp.
  f = std::pow(10000.0, -2.0 * 15 / 64);
  double ramp = (15.0 - 10) / (23 - 10);
  EXPECT_NEAR(yarn.values[15], f / 4 * ramp + f * (1 - ramp), 1e-12);
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

TEST_P(RowKernels, Map) {
  // gelu(x) * y, written three ways in one region.
  const char *text = R"(
    func.func private @region(%x: tensor<37xf32>, %y: tensor<37xf32>)
        -> tensor<37xf32> {
      %half = arith.constant 0.5 : f32
      %e = tensor.empty() : tensor<37xf32>
      %r = linalg.map ins(%x, %y : tensor<37xf32>, tensor<37xf32>)
                      outs(%e : tensor<37xf32>)
          (%a: f32, %b: f32, %init: f32) {
        %one = arith.constant 1.0 : f32
        %zero = arith.constant 0.0 : f32
        %c = arith.constant 0.70710678 : f32
        %two = arith.constant 2.0 : f32
        %0 = arith.mulf %a, %c : f32
        %1 = math.erf %0 : f32
        %2 = arith.addf %1, %one : f32
        %3 = arith.mulf %a, %half : f32
        %4 = arith.mulf %2, %3 : f32
        %5 = math.powf %b, %two : f32
        %6 = math.fma %4, %b, %5 : f32
        %7 = arith.cmpf ogt, %b, %zero : f32
        %8 = math.absf %b : f32
        %9 = math.rsqrt %8 : f32
        %10 = arith.select %7, %6, %9 : f32
        linalg.yield %10 : f32
      }
      return %r : tensor<37xf32>
    })";
  OwningOpRef<ModuleOp> source = parseSourceString<ModuleOp>(
      text, ParserConfig(jit->module().getContext()));
  ASSERT_TRUE(source);
  Block *body = nullptr;
  source->walk([&](linalg::MapOp map) { body = &map.getMapper().front(); });
  std::string name = add(3, [&](KernelBuilder &k) {
    EXPECT_TRUE(
        succeeded(emitMapRow(k, *body, {k.arg(0), k.arg(1)}, k.arg(2), 37)));
  });
  std::string sum = add(3, [&](KernelBuilder &k) {
    emitAddRow(k, k.arg(0), k.arg(1), 1.0f, k.arg(2), 37);
    emitAddRow(k, k.arg(2), k.arg(1), 0.5f, k.arg(2), 37);
  });
  ASSERT_TRUE(jit->compile());
  std::vector<float> x = randomRow(37, 1), y = randomRow(37, 2), z(38, kCanary);
  using Kernel = void(const float *, const float *, float *);
  jit->get<Kernel>(name)(x.data(), y.data(), z.data());
  EXPECT_EQ(z.back(), kCanary);
  for (int i = 0; i < 37; ++i) {
    double a = x[i], b = y[i];
    double gelu = a * 0.5 * (1 + std::erf(a * std::sqrt(0.5)));
    double want = b > 0 ? gelu * b + b * b : 1 / std::sqrt(std::fabs(b));
    EXPECT_NEAR(z[i], want, 1e-6 * std::max(1.0, std::fabs(want)));
  }
  jit->get<Kernel>(sum)(x.data(), y.data(), z.data());
  EXPECT_EQ(z.back(), kCanary);
  for (int i = 0; i < 37; ++i)
    EXPECT_EQ(z[i], std::fma(0.5f, y[i], x[i] + y[i]));
}

TEST_P(RowKernels, MapRejectsWhatItCannotVectorize) {
  for (const char *op :
       {"%0 = math.sin %a : f32", "%0 = math.powf %a, %a : f32",
        "%1 = arith.extf %a : f32 to f64\n %0 = arith.truncf %1 : f64 to f32",
        "%0 = arith.addf %a, %s : f32"}) {
    std::string text = "func.func @region(%x: tensor<8xf32>, %s: f32) -> "
                       "tensor<8xf32> { %e = tensor.empty() : tensor<8xf32>\n"
                       "%r = linalg.map ins(%x : tensor<8xf32>) outs(%e : "
                       "tensor<8xf32>) (%a: f32, %i: f32) {\n" +
                       std::string(op) +
                       "\nlinalg.yield %0 : f32 }\n"
                       "return %r : tensor<8xf32> }";
    MLIRContext *context = jit->module().getContext();
    OwningOpRef<ModuleOp> source =
        parseSourceString<ModuleOp>(text, ParserConfig(context));
    ASSERT_TRUE(source);
    int errors = 0;
    ScopedDiagnosticHandler handler(context, [&](Diagnostic &) {
      ++errors;
      return success();
    });
    source->walk([&](linalg::MapOp map) {
      add(2, [&](KernelBuilder &k) {
        EXPECT_TRUE(failed(
            emitMapRow(k, map.getMapper().front(), k.arg(0), k.arg(1), 8)));
      });
    });
    EXPECT_EQ(errors, 1) << op;
  }
}

//===----------------------------------------------------------------------===//
// KV cache
//===----------------------------------------------------------------------===//

/// What reading shows where `row` was stored, by the rule of the interpreter.
static std::vector<float> stored(ArrayRef<float> row, CacheFormat format) {
  std::vector<float> result(row.begin(), row.end());
  if (format == CacheFormat::BF16)
    for (float &number : result)
      number = llvm::bit_cast<float>(uint32_t(roundToBf16(number)) << 16);
  if (format == CacheFormat::I8) {
    std::vector<int8_t> codes(row.size());
    float scale;
    encodeActivationGroup(row, scale, codes);
    for (auto [number, code] : llvm::zip_equal(result, codes))
      number = float(code) * scale;
  }
  return result;
}

/// Row `index` of a cache of two heads; of the first ones, the first head has
/// what rounding has to take care of.
static std::vector<float> rowToStore(int64_t dim, int64_t index) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<float> row = randomRow(2 * dim, 300 + index);
  const float special[] = {std::numeric_limits<float>::quiet_NaN(), inf, -inf,
                           1e-38f, 3.4e38f};
  if (index < 5)
    row[7] = special[index];
  if (index == 5)
    std::fill_n(row.begin(), dim, 0x1p-121f);
  if (index == 6)
    std::fill_n(row.begin(), dim, -0.0f);
  return row;
}

/// Rows are stored as the interpreter rounds them, bit for bit.
TEST_P(RowKernels, KvAppendRounds) {
  constexpr int64_t capacity = 48;
  const KvShape shapes[] = {{2, 20, 33, CacheFormat::BF16, CacheFormat::I8},
                            {2, 20, 33, CacheFormat::I8, CacheFormat::BF16},
                            {2, 20, 33, CacheFormat::F32, CacheFormat::I8}};
  std::vector<std::string> names;
  for (const KvShape &shape : shapes)
    names.push_back(add(3, [&](KernelBuilder &k) {
      KvPointers cache = loadKvSlot(k, k.arg(0));
      emitKvAppendRow(k, shape, cache, cache.length, k.arg(1), k.arg(2),
                      k.i32(0), k.i32(0));
    }));
  ASSERT_TRUE(jit->compile());
  for (const auto &[shape, name] : llvm::zip_equal(shapes, names)) {
    auto *append =
        jit->get<void(winnow_kv_slot *, const float *, const float *)>(name);
    std::vector<uint8_t> keys(2 * capacity *
                              getSlotBytes(shape.keyFormat, shape.keyDim));
    std::vector<uint8_t> values(
        2 * capacity * getSlotBytes(shape.valueFormat, shape.valueDim));
    std::vector<int32_t> positions(capacity), segments(capacity);
    winnow_kv_slot slot = {
        keys.data(), values.data(), positions.data(), segments.data(),
        0,           capacity};
    for (slot.length = 0; slot.length < capacity; ++slot.length)
      append(&slot, rowToStore(shape.keyDim, slot.length).data(),
             rowToStore(shape.valueDim, slot.length).data());
    const winnow_cache_info info = {2,
                                    shape.keyDim,
                                    shape.valueDim,
                                    capacity,
                                    0,
                                    int64_t(shape.keyFormat),
                                    int64_t(shape.valueFormat)};
    for (int64_t index = 0; index < capacity; ++index)
      for (bool isKey : {true, false})
        for (int64_t head = 0; head < 2; ++head) {
          int64_t dim = isKey ? shape.keyDim : shape.valueDim;
          std::vector<float> row = rowToStore(dim, index);
          std::vector<float> expected =
              stored(ArrayRef(row).slice(head * dim, dim),
                     isKey ? shape.keyFormat : shape.valueFormat);
          CacheNumbers numbers(slot, info, isKey, head, index);
          for (int64_t c = 0; c < dim; ++c)
            ASSERT_EQ(llvm::bit_cast<uint32_t>(numbers.read(c)),
                      llvm::bit_cast<uint32_t>(expected[c]))
                << numbers.read(c) << " is to be " << expected[c]
                << (isKey ? " in key " : " in value ") << index << ", head "
                << head << ", channel " << c << " of " << name;
        }
  }
}

TEST_P(RowKernels, KvAppend) {
  KvShape shape = {2, 20, 12};
  std::string name = newName();
  {
    Type ptr = jit->ptrType();
    Type i32 = IntegerType::get(jit->module().getContext(), 32);
    KernelBuilder k(jit->module(), jit->target(), name,
                    {ptr, ptr, ptr, i32, i32});
    KvPointers cache = loadKvSlot(k, k.arg(0));
    emitKvAppendRow(k, shape, cache, cache.length, k.arg(1), k.arg(2), k.arg(3),
                    k.arg(4));
    k.finish();
  }
  ASSERT_TRUE(jit->compile());
  auto *append = jit->get<void(winnow_kv_slot *, const float *, const float *,
                               int32_t, int32_t)>(name);
  constexpr int64_t capacity = 48;
  std::vector<float> keys(2 * 20 * capacity), values(2 * 12 * capacity);
  std::vector<int32_t> positions(capacity), segments(capacity);
  winnow_kv_slot slot = {reinterpret_cast<uint8_t *>(keys.data()),
                         reinterpret_cast<uint8_t *>(values.data()),
                         positions.data(),
                         segments.data(),
                         0,
                         capacity};
  for (slot.length = 0; slot.length < capacity; ++slot.length) {
    std::vector<float> key = randomRow(2 * 20, 100 + slot.length),
                       value = randomRow(2 * 12, 200 + slot.length);
    append(&slot, key.data(), value.data(), 7 * slot.length, slot.length % 3);
  }
  for (int64_t s = 0; s < capacity; ++s) {
    std::vector<float> key = randomRow(2 * 20, 100 + s),
                       value = randomRow(2 * 12, 200 + s);
    EXPECT_EQ(positions[s], 7 * s);
    EXPECT_EQ(segments[s], s % 3);
    for (int64_t head = 0; head < 2; ++head) {
      for (int64_t c = 0; c < 20; ++c)
        ASSERT_EQ(keys[head * 20 * capacity + (s / 16 * 20 + c) * 16 + s % 16],
                  key[head * 20 + c]);
      for (int64_t c = 0; c < 12; ++c)
        ASSERT_EQ(values[(head * capacity + s) * 12 + c], value[head * 12 + c]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, RowKernels,
                         testing::ValuesIn(JitModule::runnableTargets()),
                         [](const auto &info) {
                           return targetName(info.param);
                         });

} // namespace
