//===- FormatAllocation.h - Formats under a budget --------------*- C++ -*-===//
//
// Each weight takes one of its options; the sum of errors is to be small and
// the file no larger than allowed. This is a knapsack with choices.
//
// Greedy: all weights start at their least error. The lower convex hull of the
// options of each gives steps of falling size at rising error; of all next
// steps the one with the least error per byte saved is taken, until the file
// fits. Without bounds on the parts of steps that would be optimal; so no
// assignment is better by more than the error of the last step. What is left of
// the budget is then spent: single weights on better options, and pairs where
// one gives way to another, as long as the sum falls.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_COMPRESS_FORMATALLOCATION_H
#define WINNOW_LIB_COMPRESS_FORMATALLOCATION_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace winnow {

struct FormatOption {
  uint64_t bytes = 0;
  double error = 0;
};

struct FormatAllocation {
  /// The option of each weight.
  llvm::SmallVector<unsigned> chosen;
  /// Of the file. Larger than the budget: this is the least that can be.
  uint64_t size = 0;
  /// No assignment that fits has a sum of errors that is less by more.
  double bound = 0;
  /// The most error per byte saved that a step of the greedy part cost.
  double price = 0;
};

/// `sizeOf` is the size of the file: the bytes of the options and what is
/// around them, which differs little. Without `spendsAll` the greedy part is
/// all.
FormatAllocation
allocateFormats(llvm::ArrayRef<llvm::SmallVector<FormatOption>> weights,
                uint64_t budget,
                llvm::function_ref<uint64_t(llvm::ArrayRef<unsigned>)> sizeOf,
                bool spendsAll = true);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_FORMATALLOCATION_H
