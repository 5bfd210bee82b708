//===- RowRecoder.h - Rows of a weight in another format --------*- C++ -*-===//

#ifndef WINNOW_EMIT_ROWRECODER_H
#define WINNOW_EMIT_ROWRECODER_H

#include "GramMatrix.h"

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Formats/CodeMethod.h"

namespace winnow {

/// How far the numbers of a weight are from what they were.
struct RecodingError {
  double squaredError = 0;
  double squaredNorm = 0;
  double largest = 0; ///< of the differences
  /// The same of products with inputs that statistics are of, where there are
  /// any: d H dᵀ of the differences d, w H wᵀ of the numbers.
  double squaredOutputError = 0;
  double squaredOutputNorm = 0;

  /// Root of the squared error over the squared norm; 0 for no numbers.
  double relative() const;
  double relativeOutput() const;
  void add(const RecodingError &other);
};

/// How the codes of a weight are chosen.
struct RecodingMethod {
  /// What its inputs are like; null if that is not known.
  std::shared_ptr<GramMatrix> gram;
  /// Null for the nearest codes.
  const CodeMethod *codes = nullptr;
  /// Chooses them; null if it is of `gram`, which is not null then.
  std::unique_ptr<const CodeFitter> fitter;
};

/// Changes the number format of rows and keeps their errors. Rows may be
/// recoded in any order and by several threads, each row once; the sums are
/// taken in the order of the rows.
class RowRecoder {
public:
  /// Of decoded rows of `width` numbers, `columns` are left, or all if there
  /// are none; `arithmetic` is done on them, before they get their codes;
  /// errors are those of its results. Precondition: `canEncodeWeights(to)`;
  /// widths are multiples of the blocks.
  RowRecoder(const NumberFormat &from, const NumberFormat &to, int64_t rows,
             int64_t width, std::vector<int64_t> columns = {},
             RecodingMethod method = {}, OfflineArithmetic arithmetic = {});

  /// Recodes the stored rows [first, first + n) in `bytes` to `out`. Fails for
  /// numbers that the format cannot hold. Precondition: first and n are
  /// multiples of the rows that `arithmetic` needs together.
  llvm::Error recode(int64_t first, llvm::ArrayRef<uint8_t> bytes,
                     std::vector<uint8_t> &out);

  /// All rows are recoded: what was needed for that goes.
  void finish();

  /// Whether it is known what the inputs are like.
  bool hasGram() const { return static_cast<bool>(method.gram); }
  /// Null for the nearest codes.
  const CodeMethod *getCodeMethod() const { return method.codes; }

  /// The error of all rows. Precondition: all are recoded.
  RecodingError getError() const;

private:
  llvm::Error encodeRow(llvm::ArrayRef<float> numbers,
                        llvm::MutableArrayRef<uint8_t> out) const;
  /// Leaves what the codes of the row's numbers are off.
  llvm::Error recodeRow(int64_t row, llvm::ArrayRef<float> numbers,
                        llvm::MutableArrayRef<uint8_t> out,
                        llvm::MutableArrayRef<float> differences);
  void measureProducts(int64_t first, llvm::ArrayRef<float> numbers,
                       llvm::ArrayRef<float> differences);

  void decodeStored(llvm::ArrayRef<uint8_t> bytes,
                    llvm::MutableArrayRef<float> numbers) const;

  BlockDecoder before, after;
  BlockEncoder encoder;
  int64_t storedWidth;
  std::vector<int64_t> columns;
  int64_t width; ///< of what is left
  RecodingMethod method;
  OfflineArithmetic arithmetic;
  std::vector<RecodingError> errors; ///< of each row, then of all
};

} // namespace winnow

#endif // WINNOW_EMIT_ROWRECODER_H
