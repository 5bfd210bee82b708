//===- Waiter.cpp - Spin for microseconds, then sleep ---------------------===//

#include "Waiter.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

namespace winnow {
namespace runtime {

static void futexWait(AtomicWord &word, uint32_t expected) {
  // Returns at once if the word differs; a spurious return is handled by the
  // caller's loop.
  syscall(SYS_futex, &word.value, FUTEX_WAIT_PRIVATE, expected, nullptr,
          nullptr, 0);
}

static void futexWakeAll(AtomicWord &word) {
  syscall(SYS_futex, &word.value, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr,
          nullptr, 0);
}

void Signal::wake() {
  if (sleepers.load() != 0)
    futexWakeAll(word);
}

void Signal::set(uint32_t next) {
  word.store(next);
  wake();
}

void Signal::advance() {
  word.add(1);
  wake();
}

void Spinner::waitWhile(Signal &signal, uint32_t old) {
  if (signal.word.load() != old)
    return;
  bool probe = limit == kLeast && ++shortSpins % kProbeInterval == 0;
  uint32_t ticks = probe ? kMost : limit;
  uint64_t start = __rdtsc();
  while (__rdtsc() - start < ticks) {
    for (int i = 0; i < 8; ++i) {
      _mm_pause();
      if (signal.word.load() != old) {
        limit = ticks > kMost / 2 ? kMost : ticks * 2;
        return;
      }
    }
  }
  limit = limit / 2 < kLeast ? kLeast : limit / 2;
  signal.sleepers.add(1);
  while (signal.word.load() == old)
    futexWait(signal.word, old);
  signal.sleepers.subtract(1);
}

} // namespace runtime
} // namespace winnow
