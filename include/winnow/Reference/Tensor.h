//===- Tensor.h - Values of the reference interpreter -----------*- C++ -*-===//
//
// The interpreter computes on plain host arrays: dense tensors in row-major
// order, encoded tensors as the bytes of their number format, and caches as
// lists of slots. A scalar is a tensor of rank 0.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_REFERENCE_TENSOR_H
#define WINNOW_REFERENCE_TENSOR_H

#include "winnow/Dialect/WinnowDialect.h"

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace winnow {

/// The element types that the interpreter computes on.
enum class ElementKind { F32, I1, I32, I64, Index };

/// The kind of a type, or nothing if the interpreter has no values of it.
std::optional<ElementKind> getElementKind(mlir::Type type);

/// The number of bits of an integer kind; `index` has 64.
unsigned getIntegerWidth(ElementKind kind);

/// The product of `shape`, or nothing if a size is negative or the product
/// exceeds `kMaxElements`.
std::optional<int64_t> getElementCount(llvm::ArrayRef<int64_t> shape);

/// No tensor of the interpreter is larger.
inline constexpr int64_t kMaxElements = int64_t(1) << 31;

/// A dense row-major array of rank `shape.size()`. Copies share their elements
/// until one of them is written to. Integers of all widths are kept
/// sign-extended in 64 bits, except i1, which is 0 or 1.
class Tensor {
public:
  /// A scalar of f32 zero.
  Tensor() : Tensor(ElementKind::F32, {}) {}

  /// Zeros. `shape` must have a size by `getElementCount`.
  Tensor(ElementKind kind, llvm::ArrayRef<int64_t> shape);

  static Tensor scalar(float value);
  static Tensor scalar(ElementKind kind, int64_t value);

  ElementKind kind() const { return elementKind; }
  bool isFloat() const { return elementKind == ElementKind::F32; }
  llvm::ArrayRef<int64_t> shape() const { return sizes; }
  int64_t rank() const { return sizes.size(); }
  int64_t dim(unsigned index) const { return sizes[index]; }
  int64_t size() const { return count; }

  /// Elements of an f32 tensor.
  llvm::ArrayRef<float> floats() const { return *floatData; }
  llvm::MutableArrayRef<float> mutableFloats();
  /// Elements of an integer tensor.
  llvm::ArrayRef<int64_t> integers() const { return *integerData; }
  llvm::MutableArrayRef<int64_t> mutableIntegers();

  /// The same elements with another shape of the same size.
  Tensor reshaped(llvm::ArrayRef<int64_t> shape) const;

private:
  ElementKind elementKind;
  llvm::SmallVector<int64_t, 4> sizes;
  int64_t count;
  std::shared_ptr<std::vector<float>> floatData;
  std::shared_ptr<std::vector<int64_t>> integerData;
};

/// A tensor of real numbers stored in a number format, in the layout `rows`:
/// one row of the last dimension after another, without gaps.
struct EncodedTensor {
  /// Name of the number format.
  std::string format;
  llvm::SmallVector<int64_t, 4> shape;
  llvm::ArrayRef<uint8_t> bytes;
  /// Keeps `bytes` alive.
  std::shared_ptr<const void> owner;
};

/// The state of one `!winnow.kv_cache`.
struct Cache {
  /// Numbers of slots written.
  int64_t length = 0;
  std::vector<float> keys;        ///< [length, heads, key_dim]
  std::vector<float> values;      ///< [length, heads, value_dim]
  std::vector<int64_t> positions; ///< [length]
  std::vector<int64_t> segments;  ///< [length]
};

/// What an SSA value holds at run time.
using RuntimeValue = std::variant<Tensor, EncodedTensor, Cache>;

/// Checks that `value` is one of `type`: kind, rank, and every static size.
/// On failure returns what was found, for a message; otherwise nothing.
std::optional<std::string> findMismatch(mlir::Type type,
                                        const RuntimeValue &value);

} // namespace winnow

#endif // WINNOW_REFERENCE_TENSOR_H
