//===- Budgets.h - How much of each layer is left ---------------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_SPARSIFY_BUDGETS_H
#define WINNOW_LIB_COMPRESS_SPARSIFY_BUDGETS_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace winnow {

/// The shares that CFSP (arXiv 2409.13199) leaves of layers. `angles` are the
/// mean arccos of the cosine between what goes into the block of a layer and
/// what comes out; with D = angle / pi and u = 1 / (1 + exp(-strength * 26.2144
/// (D - mean D))), the share is keep * u / mean u, the mean weighted by
/// `sizes`. Where one of them were 1 or more, all u are drawn towards their
/// mean first. 26.2144 is 128 * 2048 / 10^4: the published code takes sums of D
/// over 128 samples of 2048 tokens. Precondition: 0 < keep < 1.
std::vector<double> cfspShares(llvm::ArrayRef<double> angles,
                               llvm::ArrayRef<int64_t> sizes, double keep,
                               double strength);

/// How many units of each layer are left: a multiple, at least one, or all of
/// `sizes`. All are rounded down; what is left of the sum of sizes * shares
/// then goes to the layers that lost most, the first of equals, a multiple
/// each.
std::vector<int64_t> roundShares(llvm::ArrayRef<double> shares,
                                 llvm::ArrayRef<int64_t> sizes,
                                 llvm::ArrayRef<int64_t> multiples);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SPARSIFY_BUDGETS_H
