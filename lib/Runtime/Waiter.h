//===- Waiter.h - Spin for microseconds, then sleep -------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_WAITER_H
#define WINNOW_LIB_RUNTIME_WAITER_H

#include "Atomic.h"

namespace winnow {
namespace runtime {

/// A word that threads wait on: it changes, then the sleepers are woken.
///
/// No wake-up is lost: a sleeper counts itself in `sleepers` and then lets the
/// kernel compare the word with the value that it waits to see changed; a
/// changer writes the word and then reads `sleepers`. Both are sequentially
/// consistent, so at least one of the two sees the other.
struct alignas(64) Signal {
  AtomicWord word;
  AtomicWord sleepers;

  /// Sets the word and wakes everybody who waits for that.
  void set(uint32_t next);
  /// Adds one to the word and wakes everybody who waits for that.
  void advance();
  /// Wakes all sleepers; the word has been changed by the caller.
  void wake();
};

/// How long one thread spins before it sleeps. The limit follows what happened
/// lately: where waiting ended in sleep, spinning was wasted (a stranger has
/// the processor of the thread that is waited for, or there are more threads
/// than processors), so it halves; where spinning was enough it doubles. The
/// limits are 2 to 50 microseconds at 2.5 GHz, so a disturbed team never spins
/// for long and an undisturbed one hardly sleeps between two kernels. At the
/// lower limit every 32nd wait tries the upper one, to notice when the
/// disturbance is over although the threads arrive more than 2 microseconds
/// apart.
struct alignas(64) Spinner {
  static constexpr uint32_t kLeast = 5000;
  static constexpr uint32_t kMost = 125000;
  static constexpr uint32_t kProbeInterval = 32;
  uint32_t limit = kMost;  ///< in ticks of the time stamp counter
  uint32_t shortSpins = 0; ///< waits at the lower limit

  /// Returns when the word of `signal` differs from `old`.
  void waitWhile(Signal &signal, uint32_t old);
};

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_WAITER_H
