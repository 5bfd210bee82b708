//===- FormatErrors.h - What formats would cost weights ---------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_FORMATERRORS_H
#define WINNOW_LIB_COMPRESS_FORMATERRORS_H

#include "WeightEncoding.h"

#include "winnow/Analysis/Statistics.h"

namespace winnow {

/// How far the results of a weight are off in other formats, from encoding its
/// rows and what a calibration found of its inputs x. With dw a row of the
/// differences and w one of the numbers, and H = mean x xᵀ,
///
///   products   Σ dw H dwᵀ / Σ w H wᵀ      where H is known, or else
///              Σ dw² rms² / Σ w² rms²     as if channels were independent
///   rows       Σ dw² / Σ w²               of a table
///
/// and the sum of both where a table is multiplied too. Of large weights some
/// rows are taken, at equal distances.
struct FormatError {
  double rounded = 0; ///< of the nearest codes
  /// Of codes that GPTQ fits to H; nothing where H is not known, or they are
  /// numbers.
  std::optional<double> fitted;
};

/// Measures them.
class FormatErrors {
public:
  /// Diagnostics name `user`.
  FormatErrors(mlir::ModuleOp module, llvm::StringRef user)
      : statistics(module), user(user) {}

  /// The error in each of the formats, in their order; those that the numbers
  /// have already cost nothing. Codes are only fitted if `fits`: that takes
  /// longer. Fails at the param where there are no statistics, or numbers that
  /// a format cannot hold.
  mlir::FailureOr<llvm::SmallVector<FormatError>>
  measure(const MatrixParam &matrix,
          llvm::ArrayRef<const NumberFormat *> formats, bool fits);

private:
  Statistics statistics;
  llvm::StringRef user;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_FORMATERRORS_H
