//===- GptqTest.cpp - GPTQ against the published steps --------------------===//

#include "winnow/Formats/Gptq.h"
#include "../Errors.h"
#include "../RandomNumbers.h"
#include "winnow/Formats/Decode.h"

#include "gtest/gtest.h"

#include <cmath>
#include <numeric>

using namespace llvm;
using namespace winnow;
using winnow::test::normalNumbers;

namespace {

using Matrix = std::vector<std::vector<double>>;

/// The mean of x xᵀ of inputs that go together: neighbours share most of them.
std::vector<float> correlatedGram(int64_t width) {
  int64_t rows = 3 * width;
  std::vector<float> noise = normalNumbers(rows * width, 3);
  std::vector<float> gram(width * width);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<double> x(width);
    for (int64_t k = 0; k < width; ++k)
      x[k] = noise[row * width + k] * (1 + k % 5) + (k ? 0.9 * x[k - 1] : 0);
    for (int64_t i = 0; i < width; ++i)
      for (int64_t j = 0; j < width; ++j)
        gram[i * width + j] += static_cast<float>(x[i] * x[j] / rows);
  }
  return gram;
}

/// By elimination with a full inverse, as the paper has it, where the code
/// under test factors the matrix from its other end.
Matrix inverse(Matrix a) {
  size_t n = a.size();
  Matrix result(n, std::vector<double>(n));
  for (size_t i = 0; i < n; ++i)
    result[i][i] = 1;
  for (size_t i = 0; i < n; ++i) {
    double pivot = a[i][i];
    for (size_t j = 0; j < n; ++j) {
      a[i][j] /= pivot;
      result[i][j] /= pivot;
    }
    for (size_t row = 0; row < n; ++row) {
      double factor = a[row][i];
      if (row == i || factor == 0)
        continue;
      for (size_t j = 0; j < n; ++j) {
        a[row][j] -= factor * a[i][j];
        result[row][j] -= factor * result[i][j];
      }
    }
  }
  return result;
}

/// The upper U of Uᵀ U = a.
Matrix upperCholesky(const Matrix &a) {
  size_t n = a.size();
  Matrix u(n, std::vector<double>(n));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i; j < n; ++j) {
      double sum = a[i][j];
      for (size_t k = 0; k < i; ++k)
        sum -= u[k][i] * u[k][j];
      u[i][j] = i == j ? std::sqrt(sum) : sum / u[i][i];
    }
  return u;
}

Matrix expectedFactor(ArrayRef<float> gram, int64_t width) {
  Matrix h(width, std::vector<double>(width));
  double mean = 0;
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j < width; ++j)
      h[i][j] = gram[i * width + j];
    if (h[i][i] == 0)
      h[i][i] = 1;
    mean += h[i][i] / width;
  }
  for (int64_t i = 0; i < width; ++i)
    h[i][i] += 0.01 * mean;
  return upperCholesky(inverse(h));
}

struct Encoded {
  std::vector<uint8_t> bytes;
  std::vector<float> numbers;
};

Encoded encodeRow(const NumberFormat &format, ArrayRef<float> gram,
                  ArrayRef<float> row) {
  Encoded result;
  result.bytes.resize(cantFail(format.bytesPerRow(int64_t(row.size()))));
  result.numbers.resize(row.size());
  GptqFactor factor = cantFail(GptqFactor::create(gram, row.size()));
  BlockEncoder encoder(format);
  EXPECT_EQ(messageOf(encodeGptq(encoder, factor, row, result.bytes)), "");
  EXPECT_EQ(messageOf(decode(format, result.bytes, result.numbers)), "");
  return result;
}

std::vector<float> difference(ArrayRef<float> a, ArrayRef<float> b) {
  std::vector<float> result;
  for (auto [x, y] : zip_equal(a, b))
    result.push_back(x - y);
  return result;
}

class GptqFormats : public ::testing::TestWithParam<const char *> {};

/// d H d^T.
double quadraticForm(ArrayRef<float> gram, ArrayRef<float> d) {
  double sum = 0;
  for (size_t i = 0; i < d.size(); ++i)
    for (size_t j = 0; j < d.size(); ++j)
      sum += double(d[i]) * gram[i * d.size() + j] * d[j];
  return sum;
}

TEST(Gptq, QuadraticFormsOfManyRows) {
  constexpr int64_t width = 35;
  std::vector<float> gram = correlatedGram(width);
  std::vector<float> rows = normalNumbers(6 * width, 9);
  std::vector<double> forms = quadraticForms(gram, width, rows);
  ASSERT_EQ(forms.size(), 6u);
  for (size_t row = 0; row < forms.size(); ++row) {
    double alone =
        quadraticForm(gram, ArrayRef(rows).slice(row * width, width));
    EXPECT_NEAR(forms[row], alone, 1e-5 * alone);
  }
  EXPECT_TRUE(quadraticForms({}, 0, {}).empty());
}

} // namespace

INSTANTIATE_TEST_SUITE_P(All, GptqFormats,
                         ::testing::Values("q4_0", "q4_1", "q5_0", "q8_0",
                                           "iq4_nl", "int4_g64", "q4_k",
                                           "q6_k"));

/// Each code is the nearest one to what the published steps make of its number
/// until then, under the scales that were stored.
TEST_P(GptqFormats, FollowsThePublishedSteps) {
  const NumberFormat &format = *lookupFormat(GetParam());
  int64_t width = 256;
  std::vector<float> gram = correlatedGram(width);
  std::vector<float> row = normalNumbers(width, 5);
  Encoded found = encodeRow(format, gram, row);
  Matrix u = expectedFactor(gram, width);
  BlockDecoder decoder(format);
  std::vector<double> w(row.begin(), row.end());
  int64_t others = 0;
  for (int64_t k = 0; k < width; ++k) {
    CanonicalBlock block;
    int64_t index = k % format.blockElements;
    decoder.decodeCanonical(found.bytes.data() +
                                k / format.blockElements * format.blockBytes,
                            block);
    int64_t group = index / format.groupSize();
    double nearest = INFINITY;
    for (unsigned code = 0; code < 1u << format.codeMap.bits; ++code) {
      double number = double(block.a[group]) * format.codeMap.valueOf(code) +
                      block.b[group];
      if (std::fabs(number - w[k]) < std::fabs(nearest - w[k]))
        nearest = number;
    }
    // Near the middle between two codes rounding decides.
    double chosen = found.numbers[k];
    others += std::fabs(chosen - nearest) > 1e-6;
    EXPECT_LE(std::fabs(chosen - w[k]), std::fabs(nearest - w[k]) + 2e-4);
    double e = (w[k] - chosen) / u[k][k];
    for (int64_t j = k; j < width; ++j)
      w[j] -= e * u[k][j];
  }
  EXPECT_LE(others, 1);
}

TEST_P(GptqFormats, ProductsAreBetterThanRoundedToNearest) {
  const NumberFormat &format = *lookupFormat(GetParam());
  int64_t width = 512;
  std::vector<float> gram = correlatedGram(width);
  std::vector<float> row = normalNumbers(width, 6);
  std::vector<float> nearest(width);
  std::vector<uint8_t> bytes(cantFail(format.bytesPerRow(width)));
  ASSERT_EQ(messageOf(encode(format, row, bytes)), "");
  ASSERT_EQ(messageOf(decode(format, bytes, nearest)), "");
  double rounded = quadraticForm(gram, difference(row, nearest));
  double fitted = quadraticForm(
      gram, difference(row, encodeRow(format, gram, row).numbers));
  EXPECT_LT(fitted, 0.8 * rounded);
  EXPECT_GT(fitted, 0);
}

/// Inputs that do not go together leave nothing to make up for.
TEST_P(GptqFormats, DiagonalMatricesRoundToNearest) {
  const NumberFormat &format = *lookupFormat(GetParam());
  int64_t width = 256;
  std::vector<float> gram(width * width);
  for (int64_t k = 0; k < width; ++k)
    gram[k * width + k] = 1.0f + static_cast<float>(k);
  std::vector<float> row = normalNumbers(width, 7);
  std::vector<uint8_t> bytes(cantFail(format.bytesPerRow(width)));
  ASSERT_EQ(messageOf(encode(format, row, bytes)), "");
  EXPECT_EQ(encodeRow(format, gram, row).bytes, bytes);
}

/// Of sparse formats: at the first of each few inputs those are chosen that
/// cost least, w^2 / U_kk^2 of what the numbers are by then (Frantar and
/// Alistarh, SparseGPT, arXiv 2301.00774); the others have no code, and what
/// that is off is spread like the rest.
TEST(Gptq, SparseFormatsDropWhatCostsLeast) {
  for (const char *name :
       {"int4_g32_2of4", "int4_g32_4of8", "int8_g32_2of4", "int8_g32_4of8"}) {
    SCOPED_TRACE(name);
    const NumberFormat &format = *lookupFormat(name);
    int64_t width = 256, of = format.pattern.of;
    std::vector<float> gram = correlatedGram(width);
    std::vector<float> row = normalNumbers(width, 11);
    Encoded found = encodeRow(format, gram, row);
    Matrix u = expectedFactor(gram, width);
    std::vector<double> w(row.begin(), row.end());
    int64_t sameAsMagnitudes = 0;
    for (int64_t k = 0; k < width; ++k) {
      if (k % of == 0) {
        auto costOf = [&](int64_t j) { return std::pow(w[j] / u[j][j], 2); };
        auto chosen = [&](auto score) {
          std::vector<int64_t> order(of);
          std::iota(order.begin(), order.end(), k);
          llvm::sort(order, [&](int64_t a, int64_t b) {
            return std::pair(-score(a), a) < std::pair(-score(b), b);
          });
          order.resize(format.pattern.kept);
          llvm::sort(order);
          return order;
        };
        std::vector<int64_t> expected = chosen(costOf), masked;
        for (int64_t j = k; j < k + of; ++j)
          if (readBits(
                  format.pattern.mask,
                  &found.bytes[j / format.blockElements * format.blockBytes],
                  j % format.blockElements))
            masked.push_back(j);
        EXPECT_EQ(masked, expected);
        sameAsMagnitudes +=
            expected == chosen([&](int64_t j) { return std::fabs(row[j]); });
        for (int64_t j = k; j < k + of; ++j)
          if (!is_contained(expected, j))
            EXPECT_EQ(found.numbers[j], 0);
      }
      double e = (w[k] - found.numbers[k]) / u[k][k];
      for (int64_t j = k; j < width; ++j)
        w[j] -= e * u[k][j];
    }
    EXPECT_LT(sameAsMagnitudes, width / of);

    std::vector<float> nearest(width);
    std::vector<uint8_t> bytes(found.bytes.size());
    ASSERT_EQ(messageOf(encode(format, row, bytes)), "");
    ASSERT_EQ(messageOf(decode(format, bytes, nearest)), "");
    EXPECT_LT(quadraticForm(gram, difference(row, found.numbers)),
              0.5 * quadraticForm(gram, difference(row, nearest)));
  }
}

TEST(Gptq, WeightsOfDeadInputsAreZero) {
  int64_t width = 64;
  std::vector<float> gram = correlatedGram(width);
  for (int64_t k = 0; k < width; ++k)
    gram[5 * width + k] = gram[k * width + 5] = 0;
  std::vector<float> row = normalNumbers(width, 8);
  EXPECT_EQ(encodeRow(*lookupFormat("q8_0"), gram, row).numbers[5], 0);
}

TEST(Gptq, FactorHasThePublishedNumbers) {
  int64_t width = 48;
  std::vector<float> gram = correlatedGram(width);
  GptqFactor factor = cantFail(GptqFactor::create(gram, width));
  Matrix u = expectedFactor(gram, width);
  for (int64_t k = 0; k < width; ++k)
    for (auto [index, found] : enumerate(factor.getRow(k)))
      EXPECT_NEAR(found, u[k][k + index], 1e-5 * std::fabs(u[k][k]));
}

/// Inputs that depend on one another are damped; what is no Gram matrix is
/// refused.
TEST(Gptq, Factors) {
  std::vector<float> ones(16 * 16, 1);
  EXPECT_EQ(messageOf(GptqFactor::create(ones, 16).takeError()), "");
  EXPECT_EQ(messageOf(GptqFactor::create(ones, 15).takeError()),
            "a Gram matrix of 256 numbers does not fit 15 inputs");
  ones[3] = NAN;
  EXPECT_EQ(messageOf(GptqFactor::create(ones, 16).takeError()),
            "a Gram matrix holds a number that is not finite");
  ones[3] = 1;
  ones[17] = -1;
  EXPECT_EQ(messageOf(GptqFactor::create(ones, 16).takeError()),
            "a Gram matrix is negative on its diagonal");
  std::vector<float> indefinite(16 * 16, 1e9f);
  for (int64_t k = 0; k < 16; ++k)
    indefinite[k * 17] = 1;
  EXPECT_EQ(messageOf(GptqFactor::create(indefinite, 16).takeError()),
            "a Gram matrix is far from positive");
}
