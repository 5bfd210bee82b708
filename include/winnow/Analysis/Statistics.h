//===- Statistics.h - What a calibration found, in the IR -------*- C++ -*-===//
//
// Statistics are arrays of f32, each of a kind ("channels.abs_max") and of a
// tap ("blk.0.attn_q.weight"). docs/Statistics.md defines the kinds and the
// file that holds them. While a model is compiled they are the module's
// attribute `winnow.statistics`, which passes read through this class.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_ANALYSIS_STATISTICS_H
#define WINNOW_ANALYSIS_STATISTICS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"

#include <map>
#include <optional>
#include <vector>

namespace winnow {

/// A kind of statistic: what it is called, and the rank of its arrays.
struct StatisticKind {
  llvm::StringLiteral name;
  int rank;
};

/// All kinds, as docs/Statistics.md defines them.
llvm::ArrayRef<StatisticKind> getStatisticKinds();

/// Module attribute: a dictionary of
///   model    the content hash of the checkpoint
///   tokens   i64: rows that the statistics are of
///   readers  dictionary from weights to the tap that has their statistics,
///            for those that are no tap themselves
///   values   dictionary from "KIND/TAP" to dense f32 elements
inline constexpr llvm::StringLiteral kStatisticsAttr = "winnow.statistics";

/// The key of an array: "KIND/TAP".
std::string getStatisticKey(llvm::StringRef kind, llvm::StringRef tap);

class Statistics {
public:
  /// The statistics of `module`; without the attribute, none.
  explicit Statistics(mlir::ModuleOp module);

  /// Whether there are any.
  bool exist() const { return static_cast<bool>(attribute); }

  /// The array of `kind` for the tap, weight or layer `name`, or nothing. It
  /// lives as long as this object and the module's attribute.
  std::optional<llvm::ArrayRef<float>> lookup(llvm::StringRef kind,
                                              llvm::StringRef name) const;
  /// The Gram matrix of a weight whose rows have `width` numbers, or nothing.
  std::optional<llvm::ArrayRef<float>> lookupGram(llvm::StringRef name,
                                                  int64_t width) const;
  /// The number of a kind that is one number.
  std::optional<double> lookupNumber(llvm::StringRef kind,
                                     llvm::StringRef name) const;

private:
  mlir::DictionaryAttr attribute;
  /// Arrays that the IR has as one number, everywhere the same.
  mutable std::map<const void *, std::vector<float>> splats;
};

} // namespace winnow

#endif // WINNOW_ANALYSIS_STATISTICS_H
