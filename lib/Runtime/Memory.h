//===- Memory.h - Objects and reserved address space ------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_MEMORY_H
#define WINNOW_LIB_RUNTIME_MEMORY_H

#include <new>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

namespace winnow {
namespace runtime {

/// `count` default-constructed elements, or null. Released by releaseArray;
/// only for types without a destructor.
template <typename T> T *allocateArray(size_t count) {
  static_assert(__is_trivially_destructible(T),
                "releaseArray calls no destructors");
  size_t bytes;
  if (__builtin_mul_overflow(count, sizeof(T), &bytes))
    return nullptr;
  void *memory = nullptr;
  size_t alignment = alignof(T) < sizeof(void *) ? sizeof(void *) : alignof(T);
  if (posix_memalign(&memory, alignment, bytes ? bytes : alignment) != 0)
    return nullptr;
  T *array = static_cast<T *>(memory);
  for (size_t i = 0; i < count; ++i)
    new (array + i) T();
  return array;
}

template <typename T> void releaseArray(T *array) { free(array); }

/// A range of address space that reads as zero and takes memory only where it
/// is touched.
struct Region {
  uint8_t *data = nullptr;
  size_t size = 0;

  /// Reserves at least `bytes` (page-aligned). `hugePages` asks for large
  /// pages: for memory that is touched densely. Returns false where the system
  /// refuses; the region is then empty.
  bool reserve(size_t bytes, bool hugePages);
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

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_MEMORY_H
