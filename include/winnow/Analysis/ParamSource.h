//===- ParamSource.h - The bytes of params without a file -------*- C++ -*-===//
//
// A param's source is a dictionary with one of these keys:
//
//   {file = "NAME"}      a tensor of the checkpoint, or with `rows` some of its
//                        rows
//   {splat = 0.5 : f32}  the same number everywhere
//   {random = 7 : i64}   numbers made from a seed
//   {values = dense<>}   numbers that a pass has computed
//
// This header defines all but whole files exactly, so that the interpreter and
// the writer of weights agree to the bit. Random numbers depend on the seed and
// on the place in the tensor alone, so any range of rows can be made by itself.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_ANALYSIS_PARAMSOURCE_H
#define WINNOW_ANALYSIS_PARAMSOURCE_H

#include "winnow/Dialect/WinnowDialect.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace winnow {

/// Keys of the dictionary.
inline constexpr llvm::StringLiteral kFileSource = "file";
inline constexpr llvm::StringLiteral kRowsSource = "rows";
inline constexpr llvm::StringLiteral kSplatSource = "splat";
inline constexpr llvm::StringLiteral kRandomSource = "random";
inline constexpr llvm::StringLiteral kValuesSource = "values";

/// The rows of a tensor in a file that a param has, of one or two dimensions:
/// groups of neighbours, `stride` apart. Row r of the param is row
/// first + r / group * stride + r % group of the file. The elements of a vector
/// are its rows.
struct FileRows {
  int64_t first = 0, group = 1, stride = 0;

  /// What a param's source says, or nothing if it names no rows.
  static std::optional<FileRows> get(mlir::DictionaryAttr source);
  /// The value of the key `rows`.
  mlir::Attribute toAttribute(mlir::MLIRContext *context) const;

  /// Row `row` of the param in the file.
  int64_t at(int64_t row) const {
    return first + row / group * stride + row % group;
  }

  /// Appends rows [begin, begin + count) of the param to `target`. `stored` are
  /// the bytes of all rows of the file, `rowBytes` each. False if one of them
  /// is not there.
  bool gather(llvm::ArrayRef<uint8_t> stored, uint64_t rowBytes, int64_t begin,
              int64_t count, std::vector<uint8_t> &target) const;
};

/// Random numbers by index: the finalizer of splitmix64 (Steele, Lea, Flood:
/// Fast Splittable Pseudorandom Number Generators, OOPSLA 2014) on
/// seed + (index + 1) * 0x9E3779B97F4A7C15, which is the index-th output of
/// splitmix64 started with `seed`.
class ParamRandom {
public:
  explicit ParamRandom(uint64_t seed) : seed(seed) {}

  uint64_t word(uint64_t index) const {
    uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  /// A number of mean 0 and standard deviation 0.02, close to normal: the sum
  /// of the four 16-bit parts of a word, which is exact, less its mean and
  /// times a constant, rounded once. Its magnitude is below 0.0693.
  float normal(uint64_t index) const {
    uint64_t bits = word(index);
    int64_t sum = int64_t(bits & 0xFFFF) + int64_t(bits >> 16 & 0xFFFF) +
                  int64_t(bits >> 32 & 0xFFFF) + int64_t(bits >> 48);
    // 0.02 * sqrt(3) / 65536, the nearest f32.
    return float(sum - 131070) * 0x1.1bc77ap-21f;
  }

private:
  uint64_t seed;
};

/// The rows and the bytes per row of a param as it is stored: rows of the last
/// dimension, one after another, in the encoding of its type (f32 without one)
/// and the layout `rows`.
struct StoredRows {
  int64_t rows = 0;
  uint64_t bytesPerRow = 0;
};

/// An error at the param where its shape is not static, its format is unknown,
/// or its size exceeds 63 bits.
mlir::FailureOr<StoredRows> getStoredRows(ParamOp param);

/// Writes the stored bytes of rows [first, first + bytes.size() / bytesPerRow)
/// of a param whose source is `splat`, `random` or `values`; anything else is
/// an error at the param.
///
/// random: element i of a tensor in f32, f16 or bf16 is normal(i), rounded to
/// the format. Other formats get random codes and integer sub-scales, the
/// bytes of block b being words 4096 b, 4096 b + 1, ...; their floating-point
/// scales are such that numbers stay below 0.1 in magnitude, times a random
/// factor in [1/2, 1) from word 4096 b + 2048 + (number of the scale).
/// splat: formats f32, f16 and bf16 only. values: f32 only.
mlir::LogicalResult generateParamRows(ParamOp param, int64_t first,
                                      llvm::MutableArrayRef<uint8_t> bytes);

/// All stored bytes of such a param.
mlir::FailureOr<std::vector<uint8_t>> materializeParam(ParamOp param);

} // namespace winnow

#endif // WINNOW_ANALYSIS_PARAMSOURCE_H
