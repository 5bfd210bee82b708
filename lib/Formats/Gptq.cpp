//===- Gptq.cpp - Codes that make up for one another ----------------------===//

#include "winnow/Formats/Gptq.h"

#include "CodeFitters.h"
#include "winnow/Formats/WideVectors.h"

#include "llvm/ADT/Twine.h"

#include <Eigen/Cholesky>
#include <cmath>

using namespace llvm;

namespace winnow {

/// What the published code adds to the diagonal, as a share of its mean.
static constexpr double kDamping = 0.01;
static constexpr int kDampingTrials = 6;

/// Of an inverse, made together.
static constexpr int64_t kColumns = 128;

Expected<GptqFactor> GptqFactor::create(ArrayRef<float> gram, int64_t width) {
  if (width <= 0 || gram.size() != static_cast<size_t>(width) * width)
    return createStringError("a Gram matrix of " + Twine(gram.size()) +
                             " numbers does not fit " + Twine(width) +
                             " inputs");
  GptqFactor factor;
  factor.width = width;
  factor.dead.resize(width);
  // Rows and columns from the last to the first: the lower factor of that is
  // the upper one of H = R R^T, and U is the inverse of R.
  Eigen::MatrixXd reversed(width, width);
  double trace = 0;
  for (int64_t i = 0; i < width; ++i) {
    for (int64_t j = 0; j < width; ++j) {
      float value = gram[i * width + j];
      if (!std::isfinite(value))
        return createStringError("a Gram matrix holds a number that is not "
                                 "finite");
      reversed(width - 1 - i, width - 1 - j) = value;
    }
    double &diagonal = reversed(width - 1 - i, width - 1 - i);
    if (diagonal < 0)
      return createStringError("a Gram matrix is negative on its diagonal");
    factor.dead[i] = diagonal == 0;
    if (factor.dead[i])
      diagonal = 1;
    trace += diagonal;
  }
  double damping = kDamping * trace / static_cast<double>(width);
  for (int trial = 0;; ++trial, damping *= 10) {
    Eigen::MatrixXd damped = reversed;
    damped.diagonal().array() += damping;
    Eigen::LLT<Eigen::MatrixXd> cholesky(damped);
    if (cholesky.info() != Eigen::Success) {
      if (trial == kDampingTrials)
        return createStringError("a Gram matrix is far from positive");
      continue;
    }
    // Columns of the inverse begin at the diagonal; some at a time, so that
    // what is above is hardly computed.
    Eigen::MatrixXd inverse = Eigen::MatrixXd::Identity(width, width);
    Eigen::MatrixXd lower = cholesky.matrixL();
    for (int64_t k = 0; k < width; k += kColumns) {
      int64_t below = width - k, columns = std::min(kColumns, below);
      auto corner = lower.bottomRightCorner(below, below);
      auto block = inverse.block(k, k, below, columns);
      corner.triangularView<Eigen::Lower>().solveInPlace(block);
    }
    factor.upper.resize(gram.size());
    for (int64_t i = 0; i < width; ++i)
      for (int64_t j = i; j < width; ++j)
        factor.upper[i * width + j] =
            static_cast<float>(inverse(width - 1 - i, width - 1 - j));
    for (int64_t k = 0; k < width; ++k)
      factor.costs.push_back(1 / (factor.getRow(k)[0] * factor.getRow(k)[0]));
    return factor;
  }
}

/// w -= e u.
WINNOW_WIDE_VECTORS static void subtract(float *w, float e, const float *u,
                                         int64_t count) {
  for (int64_t j = 0; j < count; ++j)
    w[j] -= e * u[j];
}

Error encodeGptq(const BlockEncoder &encoder, const GptqFactor &factor,
                 ArrayRef<float> numbers, MutableArrayRef<uint8_t> bytes) {
  std::vector<float> row(numbers.begin(), numbers.end());
  int64_t width = static_cast<int64_t>(row.size());
  for (int64_t k = 0; k < width; ++k)
    if (factor.isDead(k))
      row[k] = 0;
  const NumberFormat &format = encoder.getFormat();
  int64_t first = 0; // of the block
  auto spread = [&](unsigned index, float rounded) {
    int64_t k = first + index;
    ArrayRef<float> u = factor.getRow(k);
    float e = (row[k] - rounded) / u[0];
    // In place: the encoder reads what is still to come.
    subtract(row.data() + k, e, u.data(), width - k);
  };
  return encodeBlocks(format, width, bytes, [&](int64_t k, uint8_t *block) {
    first = k;
    return encoder.encodeInOrder(
        row.data() + k, factor.getCosts().slice(k, format.blockElements), block,
        spread);
  });
}

namespace {
class GptqFitter final : public CodeFitter {
public:
  explicit GptqFitter(GptqFactor factor) : factor(std::move(factor)) {}

  Error encode(const BlockEncoder &encoder, const BlockDecoder &,
               ArrayRef<float> numbers,
               MutableArrayRef<uint8_t> bytes) const override {
    return encodeGptq(encoder, factor, numbers, bytes);
  }

private:
  GptqFactor factor;
};
} // namespace

CreatedFitter createGptqFitter(ArrayRef<float> gram, int64_t width) {
  Expected<GptqFactor> factor = GptqFactor::create(gram, width);
  if (!factor)
    return factor.takeError();
  return std::make_unique<GptqFitter>(std::move(*factor));
}

/// The sum of products of f32, in f64 and in eight lanes.
WINNOW_WIDE_VECTORS static double dot(const float *a, const float *b,
                                      int64_t count) {
  double lanes[8] = {};
  int64_t k = 0;
  for (; k + 8 <= count; k += 8)
    for (int64_t lane = 0; lane < 8; ++lane)
      lanes[lane] += double(a[k + lane]) * b[k + lane];
  for (; k < count; ++k)
    lanes[0] += double(a[k]) * b[k];
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/// Rows that share each load of H.
static constexpr int64_t kRows = 4;

/// t_r += d_r h for each of the rows t_r, which are `stride` apart.
WINNOW_WIDE_VECTORS static void addMultiples(float *t, int64_t stride,
                                             const float *d, const float *h,
                                             int64_t count) {
  float d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3];
  float *__restrict t0 = t, *__restrict t1 = t + stride;
  float *__restrict t2 = t + 2 * stride, *__restrict t3 = t + 3 * stride;
  for (int64_t j = 0; j < count; ++j) {
    t0[j] += d0 * h[j];
    t1[j] += d1 * h[j];
    t2[j] += d2 * h[j];
    t3[j] += d3 * h[j];
  }
}

// H is symmetric: what is above its diagonal counts twice.
std::vector<double> quadraticForms(ArrayRef<float> gram, int64_t width,
                                   ArrayRef<float> rows) {
  int64_t count = width ? static_cast<int64_t>(rows.size()) / width : 0;
  std::vector<float> products(kRows * width);
  std::vector<double> forms(count);
  for (int64_t first = 0; first < count; first += kRows) {
    int64_t here = std::min(kRows, count - first);
    const float *d = rows.data() + first * width;
    std::fill(products.begin(), products.end(), 0.0f);
    for (int64_t k = 0; k < width; ++k) {
      float column[kRows] = {};
      for (int64_t r = 0; r < here; ++r)
        column[r] = d[r * width + k];
      const float *h = gram.data() + k * width;
      for (int64_t r = 0; r < here; ++r)
        products[r * width + k] += 0.5f * column[r] * h[k];
      addMultiples(products.data() + k + 1, width, column, h + k + 1,
                   width - k - 1);
    }
    for (int64_t r = 0; r < here; ++r)
      forms[first + r] =
          2 * dot(products.data() + r * width, d + r * width, width);
  }
  return forms;
}

} // namespace winnow
