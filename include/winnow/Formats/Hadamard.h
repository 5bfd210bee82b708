//===- Hadamard.h - Rotations by Hadamard matrices --------------*- C++ -*-===//
//
// Of the matrices H_1 = (1), H_2n = (H_n H_n; H_n -H_n), H_n / sqrt(n) is
// symmetric and orthogonal: applied twice, it changes nothing, and it spreads a
// number that is larger than its neighbours over all of them.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_HADAMARD_H
#define WINNOW_FORMATS_HADAMARD_H

#include "llvm/ADT/ArrayRef.h"

namespace winnow {

/// Multiplies runs of `size` numbers of each row of a matrix, or, along rows,
/// of each column, by H / sqrt(size): sums and the product with 1 / sqrt(size)
/// in f64, rounded to f32 once. Precondition: `size` is a power of two and
/// divides the columns (rows).
void rotateRuns(llvm::MutableArrayRef<float> matrix, int64_t width,
                int64_t size, bool alongRows);

} // namespace winnow

#endif // WINNOW_FORMATS_HADAMARD_H
