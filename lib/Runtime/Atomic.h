//===- Atomic.h - Atomic words and waiting on them --------------*- C++ -*-===//
//
// The standard header would do, but with its assertions switched on it calls
// into the C++ library, which an artifact does not link.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_RUNTIME_ATOMIC_H
#define WINNOW_LIB_RUNTIME_ATOMIC_H

#include <stdint.h>

namespace winnow {
namespace runtime {

/// A 32-bit word shared by threads. Operations are sequentially consistent
/// where threads may go to sleep on the word (see Waiter.h for why), else
/// acquire and release.
struct AtomicWord {
  uint32_t value = 0;

  uint32_t load() const { return __atomic_load_n(&value, __ATOMIC_SEQ_CST); }
  uint32_t loadRelaxed() const {
    return __atomic_load_n(&value, __ATOMIC_RELAXED);
  }
  void store(uint32_t next) {
    __atomic_store_n(&value, next, __ATOMIC_SEQ_CST);
  }
  /// Returns the value before the addition.
  uint32_t add(uint32_t amount) {
    return __atomic_fetch_add(&value, amount, __ATOMIC_SEQ_CST);
  }
  uint32_t subtract(uint32_t amount) {
    return __atomic_fetch_sub(&value, amount, __ATOMIC_SEQ_CST);
  }
};

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_ATOMIC_H
