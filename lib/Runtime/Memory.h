//===- Memory.h - Objects and reserved address space ------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_MEMORY_H
#define WINNOW_LIB_RUNTIME_MEMORY_H

#include "winnow/Artifact.h"

#include <new>
#include <stddef.h>
#include <stdint.h>

namespace winnow {
namespace runtime {

/// Where the memory of a model or a session comes from: the caller's functions
/// or the system. Memory reads as zero.
class Allocator {
public:
  /// The system.
  Allocator() = default;
  /// The caller's functions; null is the system. False where one of the two is
  /// missing.
  bool assign(const winnow_allocator *functions);

  /// Null where memory is refused. `size` is at least 1. `hugePages` asks for
  /// large pages: for memory that is touched densely.
  void *allocate(size_t size, size_t alignment, bool hugePages) const;
  void release(void *data, size_t size) const;

private:
  winnow_allocator functions = {};
};

/// `count` default-constructed elements, or null. Released by releaseArray;
/// only for types without a destructor.
template <typename T>
T *allocateArray(const Allocator &allocator, size_t count) {
  static_assert(__is_trivially_destructible(T),
                "releaseArray calls no destructors");
  size_t bytes;
  if (__builtin_mul_overflow(count, sizeof(T), &bytes))
    return nullptr;
  T *array = static_cast<T *>(
      allocator.allocate(bytes ? bytes : 1, alignof(T), false));
  for (size_t i = 0; array && i < count; ++i)
    new (static_cast<void *>(array + i)) T();
  return array;
}

/// `array` may be null; `count` is what it was allocated with.
template <typename T>
void releaseArray(const Allocator &allocator, T *array, size_t count) {
  if (array)
    allocator.release(const_cast<void *>(static_cast<const void *>(array)),
                      count ? count * sizeof(T) : 1);
}

/// A range of address space that reads as zero and takes memory only where it
/// is touched.
struct Region {
  uint8_t *data = nullptr;
  size_t size = 0;
  const Allocator *allocator = nullptr;

  /// Reserves `bytes` (page-aligned) from `source`, which has to outlive the
  /// region. Returns false where memory is refused; the region is then empty.
  bool reserve(const Allocator &source, size_t bytes, bool hugePages);
  /// Makes the region empty.
  void release();
};

/// total += count * size, unless that overflows or an argument is negative:
/// then it returns false.
inline bool accumulate(int64_t &total, int64_t count, int64_t size) {
  int64_t product;
  return count >= 0 && size >= 0 &&
         !__builtin_mul_overflow(count, size, &product) &&
         !__builtin_add_overflow(total, product, &total);
}

inline int64_t roundUp(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

template <typename T> void exchange(T &a, T &b) {
  T held = a;
  a = b;
  b = held;
}

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_MEMORY_H
