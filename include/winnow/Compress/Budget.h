//===- Budget.h - What a compressed model may cost --------------*- C++ -*-===//

#ifndef WINNOW_COMPRESS_BUDGET_H
#define WINNOW_COMPRESS_BUDGET_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>

namespace winnow {

/// A size: a share of another one, or bytes.
struct SizeLimit {
  bool isShare = false;
  double number = 0; ///< percent, or bytes

  /// "60%" (of at most 100), "120MB", "4096"; nothing for other text.
  static std::optional<SizeLimit> parse(llvm::StringRef text);
  uint64_t of(uint64_t whole) const;
};

/// Limits for a model beside the one that it is made from. Those that are there
/// all hold.
struct Budget {
  /// Of the file NAME.weights.
  std::optional<SizeLimit> size;
  /// A share of the time that the model takes for the workload of RunTime
  /// (Analysis/Evaluator.h).
  std::optional<double> time;
  /// Of Quality::divergence.
  std::optional<double> divergence;

  /// "size=60%,time=0.7x,kl=0.02", or some of these in any order.
  static llvm::Expected<Budget> parse(llvm::StringRef text);
};

} // namespace winnow

#endif // WINNOW_COMPRESS_BUDGET_H
