//===- LinearTest.cpp - Linear kernels against f64 ------------------------===//

#include "../RandomWeights.h"
#include "LinearTestUtils.h"

#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Tile16.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <set>

using namespace mlir;
using namespace winnow;
using namespace winnow::cpu;
using namespace winnow::test;

namespace {

/// Unused columns behind each row of y and x.
constexpr int64_t kSlack = 3;
constexpr int64_t kMostRows = 33;

std::vector<float> roundedToBf16(std::vector<float> row) {
  for (float &value : row)
    value = storedToFloat(StoredType::BF16, roundToBf16(value));
  return row;
}

struct Expected64 {
  double value, bound;
};

/// One output of an integer kernel in f64, from codes.
Expected64 dotInt8(const NumberFormat &format, const uint8_t *file, int64_t k,
                   const Quantized &x, float bias) {
  BlockDecoder decoder(format);
  CanonicalBlock block;
  double sum = bias, magnitude = std::fabs(bias);
  int64_t terms = 0, group = std::min(32u, format.groupSize());
  for (int64_t i = 0; i < k; i += group) {
    int64_t inBlock = i % format.blockElements;
    if (inBlock == 0)
      decoder.decodeCanonical(
          file + i / format.blockElements * format.blockBytes, block);
    int64_t products = 0, codes = 0;
    for (int64_t e = 0; e < group; ++e) {
      products += int64_t(block.values[inBlock + e]) * x.codes[i + e];
      codes += x.codes[i + e];
    }
    int64_t g = inBlock / format.groupSize();
    double scale = x.scales[i / 32];
    double main = scale * block.a[g] * products;
    double offset = format.hasOffset() ? scale * block.b[g] * codes : 0;
    sum += main + offset;
    magnitude += std::fabs(main) + std::fabs(offset);
    terms += format.hasOffset() ? 2 : 1;
  }
  return {sum, (terms + 4) * 0x1p-23 * magnitude};
}

Expected64 dotF32(const NumberFormat &format, const uint8_t *file, int64_t k,
                  const std::vector<float> &x, float bias) {
  std::vector<float> weights(k);
  llvm::cantFail(
      decode(format,
             llvm::ArrayRef(file, k / format.blockElements * format.blockBytes),
             weights));
  double sum = bias, magnitude = std::fabs(bias);
  for (int64_t i = 0; i < k; ++i) {
    sum += double(weights[i]) * x[i];
    magnitude += std::fabs(double(weights[i]) * x[i]);
  }
  return {sum, (k + 4) * 0x1p-24 * magnitude};
}

struct Case {
  std::string cpu, format;
  Activations activations;
};

std::string caseName(const testing::TestParamInfo<Case> &info) {
  const char *suffix = info.param.activations == Activations::F32     ? "_f32"
                       : info.param.activations == Activations::A8B32 ? "_a8"
                                                                      : "_bf16";
  return targetName(info.param.cpu) + "_" + info.param.format + suffix;
}

/// The activations besides f32 that weights of a format are multiplied with.
std::optional<Activations> recodedActivations(const Tile16Layout &layout) {
  if (layout.codes == Tile16Layout::Codes::BF16)
    return Activations::BF16;
  if (layout.isFloat())
    return std::nullopt;
  return Activations::A8B32;
}

std::vector<Case> allCases() {
  std::vector<Case> cases;
  for (const std::string &cpu : JitModule::runnableTargets())
    for (const Tile16Layout &layout : Tile16Layout::all()) {
      cases.push_back({cpu, layout.format.str(), Activations::F32});
      if (auto recoded = recodedActivations(layout))
        cases.push_back({cpu, layout.format.str(), *recoded});
    }
  return cases;
}

class Linear : public testing::TestWithParam<Case> {
protected:
  void SetUp() override {
    format = lookupFormat(GetParam().format);
    jit = std::make_unique<JitModule>(GetParam().cpu);
    spec.format = GetParam().format;
    spec.activations = GetParam().activations;
  }

  std::string addKernel(bool bias) {
    spec.bias = bias;
    auto kernel = getLinearKernel(jit->module(), jit->target(), spec);
    EXPECT_TRUE(bool(kernel));
    kernel->setPublic();
    return kernel->getName().str();
  }

  /// All rows of y for `m` rows of x on `threads` threads, run in turn.
  std::vector<float> run(LinearFunction *kernel, RecodeFunction *recodeRow,
                         llvm::ArrayRef<std::vector<float>> rows,
                         uint8_t *weights, const float *bias, int64_t n,
                         int64_t k, int64_t threads) {
    int64_t m = rows.size(), ldx = k + kSlack, ldy = n + kSlack;
    std::vector<float> y(m * ldy, kCanary);
    int64_t scratchBytes = linearScratchBytes(jit->target(), spec, m, k);
    EXPECT_EQ(scratchBytes,
              linearScratchBytes(jit->target(), spec, 0, k) +
                  (m + 7) / 8 * 8 *
                      linearScratchBytesPerRow(jit->target(), spec, k));
    Buffer recoded((m + 7) / 8 * 8 *
                   activationBytesPerRow(jit->target(), spec.activations, k));
    std::vector<float> plain(m * ldx, NAN);
    for (int64_t row = 0; row < m; ++row) {
      if (spec.activations != Activations::F32)
        recodeRow(rows[row].data(), recoded.data(), row, m, k);
      std::copy(rows[row].begin(), rows[row].end(), &plain[row * ldx]);
    }
    plain.resize(m * ldx - kSlack);
    for (int64_t thread = 0; thread < threads; ++thread) {
      Buffer scratch(scratchBytes);
      kernel(spec.activations == Activations::F32
                 ? static_cast<void *>(plain.data())
                 : recoded.data(),
             weights, bias, y.data(), m, n, k, ldx, ldy, scratch.data(), thread,
             threads);
    }
    for (int64_t row = 0; row < m; ++row)
      for (int64_t i = 0; i < kSlack; ++i)
        EXPECT_EQ(y[row * ldy + n + i], kCanary) << "beyond the row";
    return y;
  }

  /// Compares all rows of one call with f64, and other row counts and numbers
  /// of threads with it, bit for bit.
  void checkShape(LinearFunction *kernel, RecodeFunction *recodeRow, int64_t n,
                  int64_t k) {
    int64_t rowBytes = k / format->blockElements * format->blockBytes;
    std::vector<uint8_t> file = randomWeights(*format, n, k, n + k);
    int64_t bytes = *tile16Bytes(spec.format, n, k);
    Buffer weights(bytes);
    ASSERT_FALSE(relayoutToTile16(spec.format, n, k, file, 0, (n + 15) / 16,
                                  {weights.data(), size_t(bytes)}));
    std::vector<float> bias = randomRow(n, 7);
    std::vector<std::vector<float>> rows;
    for (int64_t m = 0; m < kMostRows; ++m)
      rows.push_back(randomRow(k, 1000 + m));
    int64_t ldy = n + kSlack;

    std::vector<float> all =
        run(kernel, recodeRow, rows, weights.data(), bias.data(), n, k, 1);
    for (int64_t m = 0; m < kMostRows; m += 7) {
      Quantized x;
      if (spec.activations == Activations::A8B32)
        x = quantize(rows[m]);
      for (int64_t i = 0; i < n; ++i) {
        const uint8_t *row = &file[i * rowBytes];
        float added = spec.bias ? bias[i] : 0;
        Expected64 expected =
            spec.activations == Activations::A8B32
                ? dotInt8(*format, row, k, x, added)
            : spec.activations == Activations::BF16
                ? dotF32(*format, row, k, roundedToBf16(rows[m]), added)
                : dotF32(*format, row, k, rows[m], added);
        ASSERT_NEAR(all[m * ldy + i], expected.value, expected.bound)
            << "m " << m << " n " << i << " of " << n << " k " << k;
      }
    }

    const std::pair<int64_t, int64_t> kRowsAndThreads[] = {
        {1, 1}, {1, 2}, {1, 3}, {2, 1},  {3, 2},  {4, 1},
        {7, 1}, {8, 3}, {9, 2}, {16, 1}, {17, 3}, {33, 2}};
    for (auto [m, threads] : kRowsAndThreads) {
      std::vector<float> y =
          run(kernel, recodeRow, llvm::ArrayRef(rows).take_back(m),
              weights.data(), bias.data(), n, k, threads);
      const float *expected = &all[(kMostRows - m) * ldy];
      for (int64_t row = 0; row < m; ++row)
        ASSERT_EQ(0, std::memcmp(&y[row * ldy], expected + row * ldy,
                                 n * sizeof(float)))
            << "row " << row << " of " << m << ", " << threads << " threads, n "
            << n << " k " << k;
    }
  }

  const NumberFormat *format = nullptr;
  std::unique_ptr<JitModule> jit;
  LinearSpec spec;
};

TEST_P(Linear, AgreesWithF64AndWithItself) {
  // Half of the formats with a bias, half without; OmitsTheBias compares.
  spec.bias = GetParam().format.size() % 2 == 0;
  std::string kernelName = addKernel(spec.bias);
  std::string recoderName = addRecoder(*jit, spec.activations);
  ASSERT_TRUE(jit->compile());
  auto *kernel = jit->get<LinearFunction>(kernelName);
  auto *recodeRow = jit->get<RecodeFunction>(recoderName);
  ASSERT_TRUE(kernel && recodeRow);

  std::vector<int64_t> widths;
  if (format->isFloat())
    widths = {1, 30, 163};
  else if (format->blockElements <= 32)
    widths = {32, 96, 160, 512};
  else
    widths = {format->blockElements, 512};
  for (int64_t k : widths)
    for (int64_t n : {1, 77, 176}) {
      if (n == 1 && k != widths.back())
        continue;
      checkShape(kernel, recodeRow, n, k);
      if (HasFatalFailure())
        return;
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, Linear, testing::ValuesIn(allCases()),
                         caseName);

class PerTarget : public testing::TestWithParam<std::string> {};

/// A small layer of q4_0.
struct SmallLayer {
  static constexpr int64_t n = 21, k = 64;
  std::vector<uint8_t> weights =
      std::vector<uint8_t>(*tile16Bytes("q4_0", n, k));
  std::vector<float> bias = randomRow(n, 1);

  SmallLayer() {
    std::vector<uint8_t> file = randomWeights(*lookupFormat("q4_0"), n, k, 3);
    EXPECT_FALSE(relayoutToTile16("q4_0", n, k, file, 0, 2, weights));
  }

  /// What a kernel on f32 makes of rows of k numbers, and a number behind it.
  std::vector<float> run(JitModule &jit, const std::string &kernel,
                         const std::vector<float> &x, bool hasBias) {
    int64_t m = static_cast<int64_t>(x.size()) / k;
    std::vector<float> y(m * n + 1, kCanary);
    LinearSpec spec{"q4_0", Activations::F32, hasBias};
    Buffer scratch(linearScratchBytes(jit.target(), spec, m, k));
    jit.get<LinearFunction>(kernel)(x.data(), weights.data(),
                                    hasBias ? bias.data() : nullptr, y.data(),
                                    m, n, k, k, n, scratch.data(), 0, 1);
    EXPECT_EQ(y.back(), kCanary);
    return y;
  }
};

/// Rows that threads share are those that one thread computes, and those of a
/// call with few of them.
TEST_P(PerTarget, SharesManyRows) {
  constexpr int64_t n = 37, k = 46, kRows = 2 * 128 + 21;
  for (const char *format : {"f32", "f16", "bf16"}) {
    JitModule jit(GetParam());
    LinearSpec spec{format, Activations::F32, false};
    auto kernel = getLinearKernel(jit.module(), jit.target(), spec);
    ASSERT_TRUE(bool(kernel));
    kernel->setPublic();
    std::string name = kernel->getName().str();
    ASSERT_TRUE(jit.compile());
    std::vector<uint8_t> file = randomWeights(*lookupFormat(format), n, k, 3);
    Buffer weights(*tile16Bytes(format, n, k));
    ASSERT_FALSE(relayoutToTile16(
        format, n, k, file, 0, 3,
        {weights.data(), static_cast<size_t>(*tile16Bytes(format, n, k))}));
    std::vector<float> x = randomRow(kRows * k, 4);
    auto run = [&](int64_t first, int64_t m, int64_t threads) {
      std::vector<float> y(m * n + 1, kCanary);
      for (int64_t thread = 0; thread < threads; ++thread) {
        Buffer scratch(linearScratchBytes(jit.target(), spec, m, k));
        jit.get<LinearFunction>(name)(&x[first * k], weights.data(), nullptr,
                                      y.data(), m, n, k, k, n, scratch.data(),
                                      thread, threads);
      }
      EXPECT_EQ(y.back(), kCanary);
      return y;
    };
    std::vector<float> expected = run(0, kRows, 1);
    for (int64_t threads : {2, 3})
      EXPECT_EQ(run(0, kRows, threads), expected) << format;
    std::vector<float> few = run(kRows - 5, 5, 1);
    few.pop_back();
    expected.pop_back();
    EXPECT_EQ(llvm::ArrayRef(few), llvm::ArrayRef(expected).take_back(5 * n));
  }
}

TEST_P(PerTarget, OmitsTheBias) {
  JitModule jit(GetParam());
  std::string names[2];
  for (bool bias : {false, true}) {
    LinearSpec spec{"q4_0", Activations::F32, bias};
    auto kernel = getLinearKernel(jit.module(), jit.target(), spec);
    ASSERT_TRUE(bool(kernel));
    kernel->setPublic();
    names[bias] = kernel->getName().str();
  }
  ASSERT_TRUE(jit.compile());
  SmallLayer layer;
  for (int64_t m : {1, 3, 20}) {
    std::vector<float> x = randomRow(m * layer.k, 2);
    std::vector<float> without = layer.run(jit, names[0], x, /*hasBias=*/false);
    std::vector<float> with = layer.run(jit, names[1], x, /*hasBias=*/true);
    for (int64_t i = 0; i < m * layer.n; ++i)
      ASSERT_EQ(with[i], without[i] + layer.bias[i % layer.n]);
  }
}

/// A map of f32, `op` of %a.
OwningOpRef<ModuleOp> parseMap(MLIRContext *context, const std::string &op) {
  return parseSourceString<ModuleOp>(
      "func.func @region(%x: tensor<8xf32>) -> tensor<8xf32> {\n"
      "%e = tensor.empty() : tensor<8xf32>\n"
      "%half = arith.constant 0.5 : f32\n"
      "%r = linalg.map ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) "
      "(%a: f32, %i: f32) {\n" +
          op +
          "\nlinalg.yield %0 : f32 }\n"
          "return %r : tensor<8xf32> }",
      ParserConfig(context));
}

Block *findMap(ModuleOp module) {
  Block *body = nullptr;
  module.walk([&](linalg::MapOp map) { body = map.getBody(); });
  return body;
}

TEST_P(PerTarget, MapsWhatItStores) {
  JitModule jit(GetParam());
  MLIRContext *context = jit.module().getContext();
  OwningOpRef<ModuleOp> source =
      parseMap(context, "%m = arith.mulf %a, %half : f32\n"
                        "%0 = arith.maximumf %m, %half : f32");
  OwningOpRef<ModuleOp> other =
      parseMap(context, "%0 = arith.mulf %a, %half : f32");
  std::set<std::string> names;
  std::string plain, mapped;
  for (Block *map : {static_cast<Block *>(nullptr), findMap(*source),
                     findMap(*other), findMap(*source)}) {
    auto kernel = getLinearKernel(jit.module(), jit.target(),
                                  {"q4_0", Activations::F32, true, map});
    ASSERT_TRUE(bool(kernel));
    kernel->setPublic();
    mapped = kernel->getName().str();
    names.insert(mapped);
    if (!map)
      plain = mapped;
  }
  // Equal maps share a kernel.
  EXPECT_EQ(3u, names.size());
  ASSERT_TRUE(jit.compile());
  SmallLayer layer;
  for (int64_t m : {1, 2, 3, 7, 20}) {
    std::vector<float> x = randomRow(m * layer.k, 2);
    std::vector<float> y = layer.run(jit, plain, x, /*hasBias=*/true);
    std::vector<float> z = layer.run(jit, mapped, x, /*hasBias=*/true);
    for (int64_t i = 0; i < m * layer.n; ++i)
      ASSERT_EQ(z[i], std::max(y[i] * 0.5f, 0.5f));
  }
}

TEST_P(PerTarget, RefusesWhatItCannotCompute) {
  JitModule jit(GetParam());
  OwningOpRef<ModuleOp> source =
      parseMap(jit.module().getContext(), "%0 = math.sin %a : f32");
  {
    int errors = 0;
    ScopedDiagnosticHandler handler(jit.module().getContext(),
                                    [&](Diagnostic &) {
                                      ++errors;
                                      return success();
                                    });
    EXPECT_EQ("its results cannot be mapped",
              toString(getLinearKernel(
                           jit.module(), jit.target(),
                           {"q4_0", Activations::F32, true, findMap(*source)})
                           .takeError()));
    EXPECT_EQ(errors, 1);
  }
  auto message = [&](const char *format, Activations activations) {
    LinearSpec spec{format, activations, false};
    return toString(
        getLinearKernel(jit.module(), jit.target(), spec).takeError());
  };
  EXPECT_EQ(message("bf16", Activations::A8B32),
            "weights of bf16 cannot be multiplied by 8-bit activations");
  EXPECT_EQ(message("f16", Activations::BF16),
            "weights of f16 cannot be multiplied by bf16 activations");
  EXPECT_EQ(message("q8_0", Activations::BF16),
            "weights of q8_0 cannot be multiplied by bf16 activations");
  EXPECT_EQ(message("iq1_s", Activations::A8B32),
            "number format 'iq1_s' has no tile16 layout");
}

/// Processors that this machine need not be.
TEST(LinearTargets, CompileForOthers) {
  for (const char *cpu : {"sapphirerapids", "alderlake", "znver3", "znver4"}) {
    JitModule jit(cpu);
    for (const char *name : {"q8_0", "q4_k", "q6_k", "iq4_nl"})
      for (Activations kind : {Activations::A8B32, Activations::F32})
        ASSERT_TRUE(bool(
            getLinearKernel(jit.module(), jit.target(), {name, kind, false})));
    ASSERT_TRUE(bool(getLinearKernel(jit.module(), jit.target(),
                                     {"bf16", Activations::BF16, false})));
    EXPECT_TRUE(jit.compile()) << cpu;
  }
}

/// The bits do not depend on the instructions that a processor has.
TEST(LinearTargets, GiveTheSameBits) {
  constexpr int64_t n = 37, k = 512;
  for (const char *name : {"q8_0", "q5_1", "q4_k", "q6_k", "mxfp4", "bf16"}) {
    std::vector<uint8_t> file = randomWeights(*lookupFormat(name), n, k, 3);
    std::vector<uint8_t> weights(*tile16Bytes(name, n, k));
    ASSERT_FALSE(relayoutToTile16(name, n, k, file, 0, 3, weights));
    std::vector<float> x = randomRow(kMostRows * k, 2), first;
    for (const std::string &cpu : JitModule::runnableTargets()) {
      JitModule jit(cpu);
      LinearSpec spec{name, *recodedActivations(**Tile16Layout::get(name)),
                      false};
      auto kernel = getLinearKernel(jit.module(), jit.target(), spec);
      ASSERT_TRUE(bool(kernel));
      kernel->setPublic();
      std::string kernelName = kernel->getName().str();
      std::string recoderName = addRecoder(jit, spec.activations);
      ASSERT_TRUE(jit.compile());
      Buffer recoded((kMostRows + 7) / 8 * 8 *
                     activationBytesPerRow(jit.target(), spec.activations, k));
      auto *recodeRow = jit.get<RecodeFunction>(recoderName);
      for (int64_t row = 0; row < kMostRows; ++row)
        recodeRow(&x[row * k], recoded.data(), row, kMostRows, k);
      std::vector<float> y(kMostRows * n);
      Buffer scratch(linearScratchBytes(jit.target(), spec, kMostRows, k));
      jit.get<LinearFunction>(kernelName)(recoded.data(), weights.data(),
                                          nullptr, y.data(), kMostRows, n, k, k,
                                          n, scratch.data(), 0, 1);
      if (first.empty())
        first = y;
      ASSERT_EQ(0, std::memcmp(first.data(), y.data(), y.size() * 4))
          << name << " on " << cpu;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, PerTarget,
                         testing::ValuesIn(JitModule::runnableTargets()),
                         [](const auto &info) {
                           return targetName(info.param);
                         });

} // namespace
