//===- VectorMathTest.cpp - Elementary functions against libm -------------===//

#include "JitTest.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace winnow;
using namespace winnow::cpu;
using namespace winnow::test;

namespace {

using VectorFunction = void(const float *input, float *output);

class VectorMath : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    jit = std::make_unique<JitModule>(GetParam());
    emit("exp", &KernelBuilder::exp);
    emit("tanh", &KernelBuilder::tanh);
    emit("erf", &KernelBuilder::erf);
    emit("log", &KernelBuilder::log);
    emitSinCos();
    ASSERT_TRUE(jit->compile());
  }

  /// Two functions: NAME on 16 lanes and NAME_1 on a scalar.
  void emit(std::string name, Value (KernelBuilder::*function)(Value)) {
    for (int64_t lanes : {16, 1}) {
      Type ptr = jit->ptrType();
      KernelBuilder k(jit->module(), jit->target(),
                      lanes == 1 ? name + "_1" : name, {ptr, ptr});
      Type type = lanes == 1 ? k.f32Type() : Type(k.vectorType(k.f32Type()));
      k.store((k.*function)(k.load(type, k.arg(0))), k.arg(1));
      k.finish();
    }
  }

  void emitSinCos() {
    Type ptr = jit->ptrType();
    KernelBuilder k(jit->module(), jit->target(), "sincos", {ptr, ptr, ptr});
    auto [sine, cosine] = k.sinCos(k.load(k.vectorType(k.f64Type()), k.arg(0)));
    k.store(sine, k.arg(1));
    k.store(cosine, k.arg(2));
    k.finish();
  }

  /// The largest error over `inputs`: relative, but absolute where the exact
  /// result is below `absoluteBelow` in magnitude. The scalar form must give
  /// the same bits.
  double worstError(const std::string &name, std::vector<float> inputs,
                    double (*exact)(double), double absoluteBelow = 0) {
    auto *vector = jit->get<VectorFunction>(name);
    auto *scalar = jit->get<VectorFunction>(name + "_1");
    inputs.resize((inputs.size() + 15) / 16 * 16, 0.5f);
    double worst = 0;
    for (size_t i = 0; i < inputs.size(); i += 16) {
      float output[16];
      vector(&inputs[i], output);
      for (int lane = 0; lane < 16; ++lane) {
        float single;
        scalar(&inputs[i + lane], &single);
        EXPECT_EQ(std::memcmp(&single, &output[lane], 4), 0)
            << name << "(" << inputs[i + lane] << ")";
        double want = exact(inputs[i + lane]);
        double error = std::fabs(output[lane] - want);
        error /= std::max(std::fabs(want), absoluteBelow);
        if (!(error <= worst) && want != output[lane])
          worst = error;
      }
    }
    return worst;
  }

  float one(const std::string &name, float x) {
    float input[16], output[16];
    std::fill(input, input + 16, x);
    jit->get<VectorFunction>(name)(input, output);
    return output[7];
  }

  static std::vector<float> uniform(float low, float high) {
    std::mt19937 random(7);
    std::uniform_real_distribution<float> distribution(low, high);
    std::vector<float> values(200000);
    for (float &value : values)
      value = distribution(random);
    return values;
  }
  /// Magnitudes from 1e-38 to 1e38.
  static std::vector<float> wide(bool withNegative) {
    std::vector<float> values = uniform(-38, 38);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = std::pow(10.0f, values[i]) * (withNegative && i % 2 ? -1 : 1);
    return values;
  }

  std::unique_ptr<JitModule> jit;
};

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST_P(VectorMath, Exp) {
  EXPECT_LT(worstError("exp", uniform(-87, 88.7f), std::exp), 2e-7);
  EXPECT_LT(worstError("exp", uniform(-1, 1), std::exp), 2e-7);
  EXPECT_LT(worstError("exp", uniform(-104, -86), std::exp, 0x1p-126), 2e-7);
  EXPECT_EQ(one("exp", 0), 1.0f);
  EXPECT_EQ(one("exp", -kInfinity), 0.0f);
  EXPECT_EQ(one("exp", -200), 0.0f);
  EXPECT_EQ(one("exp", 89), kInfinity);
  EXPECT_EQ(one("exp", kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(one("exp", kNan)));
}

TEST_P(VectorMath, Tanh) {
  EXPECT_LT(worstError("tanh", uniform(-10, 10), std::tanh), 4e-7);
  EXPECT_LT(worstError("tanh", uniform(-1, 1), std::tanh), 4e-7);
  EXPECT_LT(worstError("tanh", wide(true), std::tanh), 4e-7);
  EXPECT_EQ(one("tanh", -kInfinity), -1.0f);
  EXPECT_EQ(one("tanh", kInfinity), 1.0f);
  EXPECT_TRUE(std::isnan(one("tanh", kNan)));
}

TEST_P(VectorMath, Erf) {
  EXPECT_LT(worstError("erf", uniform(-5, 5), std::erf), 4e-7);
  EXPECT_LT(worstError("erf", uniform(-1, 1), std::erf), 4e-7);
  EXPECT_LT(worstError("erf", wide(true), std::erf, 1e-30), 4e-7);
  EXPECT_EQ(one("erf", -kInfinity), -1.0f);
  EXPECT_EQ(one("erf", kInfinity), 1.0f);
  EXPECT_TRUE(std::isnan(one("erf", kNan)));
}

TEST_P(VectorMath, Log) {
  EXPECT_LT(worstError("log", wide(false), std::log, 0.25), 4e-7);
  EXPECT_LT(worstError("log", uniform(0.5f, 2), std::log, 0.25), 4e-7);
  EXPECT_LT(worstError("log", uniform(0, 1e-38f), std::log), 4e-7);
  EXPECT_EQ(one("log", 1), 0.0f);
  EXPECT_EQ(one("log", 0), -kInfinity);
  EXPECT_EQ(one("log", kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(one("log", -1)));
  EXPECT_TRUE(std::isnan(one("log", -kInfinity)));
  EXPECT_TRUE(std::isnan(one("log", kNan)));
}

TEST_P(VectorMath, SinCos) {
  auto *function = jit->get<void(const double *, float *, float *)>("sincos");
  std::mt19937 random(11);
  for (double range : {1.0, 100.0, 131072.0, 2147483647.0}) {
    std::uniform_real_distribution<double> distribution(-range, range);
    for (int i = 0; i < 5000; ++i) {
      double input[16];
      float sine[16], cosine[16];
      for (double &value : input)
        value = distribution(random);
      function(input, sine, cosine);
      for (int lane = 0; lane < 16; ++lane) {
        ASSERT_NEAR(sine[lane], std::sin(input[lane]), 1e-7) << input[lane];
        ASSERT_NEAR(cosine[lane], std::cos(input[lane]), 1e-7) << input[lane];
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, VectorMath,
                         testing::ValuesIn(JitModule::runnableTargets()),
                         [](const auto &info) {
                           return targetName(info.param);
                         });

} // namespace
