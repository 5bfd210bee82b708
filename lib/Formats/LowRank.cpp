//===- LowRank.cpp - The best approximation of an error -------------------===//

#include "winnow/Formats/LowRank.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

using namespace llvm;

namespace winnow {

using Matrix = Eigen::MatrixXd;
using StoredRows =
    Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic,
                                   Eigen::RowMajor>>;

/// Singular values below this share of the largest are zero: their squares are
/// what rounding leaves of a product.
static constexpr double kZero = 1e-6;

static Error failed() {
  return createStringError("the residual of a matrix has no singular values: "
                           "numbers are not finite");
}

/// The left singular vectors of D P and its singular values, the largest last.
static bool decompose(const Matrix &d, const Matrix &h, Matrix &u,
                      Eigen::VectorXd &values) {
  // Of the smaller side: D H D^T = U s^2 U^T, or P^T D^T D P = V s^2 V^T.
  if (d.rows() <= d.cols()) {
    Eigen::SelfAdjointEigenSolver<Matrix> solver(d * h * d.transpose());
    if (solver.info() != Eigen::Success)
      return false;
    u = solver.eigenvectors();
    values = solver.eigenvalues().cwiseMax(0).cwiseSqrt();
    return true;
  }
  Eigen::SelfAdjointEigenSolver<Matrix> ofInputs(h);
  if (ofInputs.info() != Eigen::Success)
    return false;
  Matrix p = ofInputs.eigenvectors() *
             ofInputs.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal();
  Matrix product = d * p;
  Eigen::SelfAdjointEigenSolver<Matrix> solver(product.transpose() * product);
  if (solver.info() != Eigen::Success)
    return false;
  values = solver.eigenvalues().cwiseMax(0).cwiseSqrt();
  double largest = values.maxCoeff();
  u = product * solver.eigenvectors();
  for (Eigen::Index i = 0; i < values.size(); ++i)
    if (values[i] > kZero * largest)
      u.col(i) /= values[i];
    else
      u.col(i).setZero();
  return true;
}

Expected<LowRankFactors> approximateLowRank(ArrayRef<float> differences,
                                            int64_t width, ArrayRef<float> gram,
                                            int64_t rank) {
  int64_t rows = width ? static_cast<int64_t>(differences.size()) / width : 0;
  if (gram.size() != static_cast<size_t>(width) * width)
    return createStringError("a Gram matrix does not fit a residual");
  Matrix d = StoredRows(differences.data(), rows, width).cast<double>();
  Matrix h = StoredRows(gram.data(), width, width).cast<double>();
  if (!d.allFinite() || !h.allFinite())
    return failed();
  Matrix u;
  Eigen::VectorXd values;
  if (!decompose(d, h, u, values))
    return failed();
  LowRankFactors factors;
  factors.rank = std::min({rank, rows, width});
  factors.b.resize(rows * factors.rank);
  factors.a.resize(factors.rank * width);
  factors.squaredError = values.squaredNorm();
  factors.squaredRest = values.head(values.size() - factors.rank).squaredNorm();
  double largest = values.size() ? values.maxCoeff() : 0;
  for (int64_t r = 0; r < factors.rank; ++r) {
    Eigen::Index from = values.size() - 1 - r;
    if (!(values[from] > kZero * largest))
      continue;
    double root = std::sqrt(values[from]);
    Eigen::VectorXd left = u.col(from) * root;
    Eigen::RowVectorXd right = u.col(from).transpose() * d / root;
    for (int64_t n = 0; n < rows; ++n)
      factors.b[n * factors.rank + r] = static_cast<float>(left[n]);
    for (int64_t k = 0; k < width; ++k)
      factors.a[r * width + k] = static_cast<float>(right[k]);
  }
  return factors;
}

} // namespace winnow
