//===- LowRank.h - The best approximation of an error -----------*- C++ -*-===//
//
// EoRA (Liu et al., arXiv 2410.21271): of all products B A of rank r, the one
// with which the products of a matrix of differences D with inputs x are
// closest,
//
//   tr((D - B A) H (D - B A)^T) = |(D - B A) P|^2,   H = mean x x^T = P P^T
//
// With the singular values s and vectors U, V of D P = U diag(s) V^T it is
// B A = U_r U_r^T D: what P is does not matter, and H may be singular. Here
// B = U_r diag(s_r)^1/2 and A = diag(s_r)^-1/2 U_r^T D.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_LOWRANK_H
#define WINNOW_FORMATS_LOWRANK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace winnow {

struct LowRankFactors {
  int64_t rank = 0;
  std::vector<float> b; ///< [rows, rank]
  std::vector<float> a; ///< [rank, width]
  /// tr(D H D^T), and what is left of it: the sum of the squares of the other
  /// singular values.
  double squaredError = 0, squaredRest = 0;
};

/// The factors of `differences`, [rows, width], for `gram`, [width, width]. The
/// rank is at most the lesser of rows and width; columns and rows of singular
/// values that are zero are zero. Fails for numbers that are not finite.
llvm::Expected<LowRankFactors>
approximateLowRank(llvm::ArrayRef<float> differences, int64_t width,
                   llvm::ArrayRef<float> gram, int64_t rank);

} // namespace winnow

#endif // WINNOW_FORMATS_LOWRANK_H
