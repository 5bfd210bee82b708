//===- Profile.h - Telling a profiler about stages --------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_PROFILE_H
#define WINNOW_LIB_RUNTIME_PROFILE_H

#include "Memory.h"
#include "ThreadPool.h"
#include "winnow/Artifact.h"

namespace winnow {
namespace runtime {

/// Stages that a thread has left in the current call, on a cache line of its
/// own.
struct alignas(64) StageCounter {
  int32_t stage = 0;
};

/// The profiler of a session; null functions mean none.
struct Profiler {
  winnow_profiler function = nullptr;
  void *context = nullptr;
  StageCounter *counters = nullptr; ///< [threads]
};

/// One call under a profiler. Code passes a barrier between two stages and
/// takes the barrier as a function: a profiled call gives it this one, so that
/// the code of a model is the same with and without.
struct ProfiledCall {
  const Profiler &profiler;
  Barrier &barrier;
  int32_t (*checkpoint)(void *team, int32_t thread); ///< without profiler
  void *team;
  const char *entry;
  const int64_t *dims;
  int64_t past;

  void begin(int32_t thread) const {
    profiler.counters[thread].stage = 0;
    tell(thread, 0);
  }
  void end(int32_t thread) const { tell(thread, 1); }

  static void waitAtBarrier(void *team, int32_t thread) {
    const ProfiledCall &call = *static_cast<const ProfiledCall *>(team);
    call.tell(thread, 1);
    call.barrier.wait(thread);
    ++call.profiler.counters[thread].stage;
    call.tell(thread, 0);
  }
  static int32_t waitAtCheckpoint(void *team, int32_t thread) {
    const ProfiledCall &call = *static_cast<const ProfiledCall *>(team);
    call.tell(thread, 1);
    int32_t cancelled = call.checkpoint(call.team, thread);
    ++call.profiler.counters[thread].stage;
    call.tell(thread, 0);
    return cancelled;
  }

private:
  void tell(int32_t thread, int32_t leaves) const {
    winnow_stage stage = {entry,  dims,  past, profiler.counters[thread].stage,
                          thread, leaves};
    profiler.function(profiler.context, &stage);
  }
};

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_PROFILE_H
