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
#include <string>
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
///   kept     dictionary from taps to the channels that passes have left of
///            them, if they took some out
///   divided  dictionary from taps to a vector that passes have divided their
///            values by since, if they did: those that are left
///   rotated  dictionary from taps to the size of the runs of channels that
///            passes have rotated, if they did; `values` are those of the
///            rotated channels, as far as they can be told
inline constexpr llvm::StringLiteral kStatisticsAttr = "winnow.statistics";

/// The key of an array: "KIND/TAP".
std::string getStatisticKey(llvm::StringRef kind, llvm::StringRef tap);

/// A Gram matrix as the file has it, which of its channels are left, and what
/// their values have been divided by.
struct Gram {
  llvm::ArrayRef<float> numbers;
  llvm::ArrayRef<int64_t> kept;  ///< empty if all are
  llvm::ArrayRef<float> divisor; ///< empty if by nothing

  /// The matrix of the values as they are now.
  std::vector<float> evaluate() const;
};

/// Notes that the value whose statistics the weight `name` has is divided by
/// `divisor`, channel by channel, from now on.
void divideStatistics(mlir::ModuleOp module, llvm::StringRef name,
                      llvm::ArrayRef<float> divisor);

/// Notes that of the values whose statistics the weights `names` have, the
/// channels `kept` are left from now on.
void keepStatistics(mlir::ModuleOp module,
                    llvm::ArrayRef<llvm::StringRef> names,
                    llvm::ArrayRef<int64_t> kept);

/// Notes that of the value whose statistics the weight `name` has, runs of
/// `size` channels of all `width` are rotated (winnow.hadamard) from now on.
/// The Gram matrix and the means follow; without a Gram matrix channels count
/// as independent for their squares. What else there is of channels is gone.
void rotateStatistics(mlir::ModuleOp module, llvm::StringRef name,
                      int64_t width, int64_t size);

class Statistics {
public:
  /// The statistics of `module`; without the attribute, none.
  explicit Statistics(mlir::ModuleOp module);

  /// Whether there are any.
  bool exist() const { return static_cast<bool>(attribute); }

  /// The array of `kind` (but gram.mean) for the tap, weight or layer `name`,
  /// or nothing. It lives as long as this object and the module's attribute.
  std::optional<llvm::ArrayRef<float>> lookup(llvm::StringRef kind,
                                              llvm::StringRef name) const &;
  void lookup(llvm::StringRef kind, llvm::StringRef name) const && = delete;
  /// The Gram matrix of a weight whose rows have `width` numbers, or nothing.
  /// It lives as long, too.
  std::optional<Gram> lookupGram(llvm::StringRef name, int64_t width) const &;
  void lookupGram(llvm::StringRef name, int64_t width) const && = delete;
  /// The numbers of a kind of channels, or of their Gram matrix, for an input
  /// of `width` channels, as they are now, or nothing.
  std::optional<std::vector<float>>
  evaluate(llvm::StringRef kind, llvm::StringRef name, int64_t width) const;
  /// Whether there are any.
  bool has(llvm::StringRef kind, llvm::StringRef name, int64_t width) const;
  /// Whether channels have been rotated since the calibration, so that not all
  /// of their statistics are known.
  bool isRotated(llvm::StringRef name) const;
  /// The number of a kind that is one number.
  std::optional<double> lookupNumber(llvm::StringRef kind,
                                     llvm::StringRef name) const;

private:
  llvm::StringRef findTap(llvm::StringRef name) const;
  std::optional<llvm::ArrayRef<float>> lookupStored(llvm::StringRef kind,
                                                    llvm::StringRef tap) const;
  std::optional<llvm::ArrayRef<float>> read(mlir::Attribute value) const;
  llvm::ArrayRef<float> lookupDivisor(llvm::StringRef tap) const;
  llvm::ArrayRef<int64_t> lookupKept(llvm::StringRef tap) const;

  mlir::DictionaryAttr attribute;
  /// Arrays that the IR has as one number, everywhere the same.
  mutable std::map<const void *, std::vector<float>> splats;
  /// Arrays that are not as the file has them.
  mutable std::map<std::string, std::vector<float>> changed;
};

} // namespace winnow

#endif // WINNOW_ANALYSIS_STATISTICS_H
