//===- FormatChoices.h - What formats weights could have --------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_FORMATCHOICES_H
#define WINNOW_LIB_COMPRESS_FORMATCHOICES_H

#include "FormatErrors.h"
#include "WeightEncoding.h"

#include "winnow/Analysis/WeightPlanner.h"

namespace winnow {

/// What a weight could become.
struct FormatChoice {
  /// Null: it stays as it is.
  const NumberFormat *target = nullptr;
  /// What its numbers are then.
  const NumberFormat *format = nullptr;
  /// The tensor of the file.
  PlannedWeight planned;
  FormatError error;

  /// Whether codes that GPTQ fits are better, as far as is known.
  bool isFitted() const {
    return error.fitted && *error.fitted < error.rounded;
  }
  double leastError() const {
    return isFitted() ? *error.fitted : error.rounded;
  }
};

/// A weight that may change.
struct ChoosableWeight {
  MatrixParam matrix;
  std::vector<FormatChoice> options;
  /// Its place in the file.
  size_t place = 0;

  /// The option that leaves it as it is, or the first where there is none.
  unsigned getPresentOption() const;
  /// The option that it has where all weights have the format `target` (null:
  /// are as they were), if it is one of its own.
  std::optional<unsigned> findOption(const NumberFormat *target) const;
};

/// Changes a matrix as winnow-quantize-weights does, with codes that GPTQ fits
/// if `isFitted`.
void changeFormat(MatrixParam &matrix, const NumberFormat &target,
                  bool isFitted = false);

/// The formats of the names, null for "keep". Nothing where one is no format
/// that weights can be encoded in; that is then in `unknown`.
std::optional<llvm::SmallVector<const NumberFormat *>>
parseFormats(llvm::ArrayRef<std::string> names, std::string &unknown);

/// All matrices that may change, what they may become, and what that costs.
class FormatChoices {
public:
  /// Diagnostics name `user`.
  FormatChoices(mlir::ModuleOp module, llvm::StringRef user)
      : module(module), user(user) {}

  /// Each fitting one of `targets` for each matrix that the patterns select, in
  /// the order of the module.
  mlir::LogicalResult collect(llvm::ArrayRef<const NumberFormat *> targets,
                              llvm::StringRef only, llvm::StringRef skip);
  /// The bytes of each option: the program is laid out once for each target.
  mlir::LogicalResult plan();
  /// The errors of each option; those of fitted codes too if `fits`.
  mlir::LogicalResult measure(bool fits);

  llvm::MutableArrayRef<ChoosableWeight> getWeights() { return weights; }
  llvm::ArrayRef<ChoosableWeight> getWeights() const { return weights; }
  /// The tensors of the file as it would be without any change.
  llvm::ArrayRef<PlannedWeight> getFile() const { return file; }

private:
  void addOptions(ChoosableWeight &weight,
                  llvm::ArrayRef<const NumberFormat *> targets);

  mlir::ModuleOp module;
  std::string user;
  std::vector<ChoosableWeight> weights;
  std::vector<PlannedWeight> file;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_FORMATCHOICES_H
