//===- ThreadPool.h - The threads of a session ------------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_THREAD_POOL_H
#define WINNOW_LIB_RUNTIME_THREAD_POOL_H

#include "Memory.h"
#include "Waiter.h"

#include <pthread.h>

namespace winnow {
namespace runtime {

/// Where the threads of a call meet. The last to come starts the next
/// generation; the others wait for it.
class Barrier {
public:
  /// Ready for `count` threads, numbered from 0. `spinners` has `count`
  /// elements and belongs to the caller.
  void prepare(int32_t count, Spinner *spinners) {
    threads = static_cast<uint32_t>(count);
    waiters = spinners;
  }
  /// Returns when all threads have called it. What a thread wrote before, all
  /// see after.
  ///
  /// Threads can vote. Each wait returns the same to all threads: whether one
  /// of them has voted by then, at this or an earlier wait since forgetVotes.
  bool wait(int32_t thread, bool vote = false);
  bool anyVotes() const { return voted.load() != 0; }
  /// Nobody waits.
  void forgetVotes() {
    voted.store(0);
    outcome = false;
  }

private:
  Signal generation;
  alignas(64) AtomicWord arrived;
  AtomicWord voted;
  /// Written by the last to come, read by all before they come again.
  bool outcome = false;
  uint32_t threads = 1;
  Spinner *waiters = nullptr;
};

/// `part(context, index, count)`: one thread's share of a job.
using Part = void (*)(void *context, int32_t index, int32_t count);

/// Threads that run a job together: the caller is thread 0, the pool owns the
/// others, which spin briefly between jobs and then sleep. One caller at a
/// time.
class ThreadPool {
public:
  /// Starts `count` - 1 threads; `source` has to outlive them. Returns false,
  /// with nothing left running, where memory or the system refuses.
  bool start(const Allocator &source, int32_t count);
  /// Ends and joins all threads. Safe after a failed or missing start.
  void stop();
  /// Runs `part` for every index in [0, count) at the same time and returns
  /// when all have returned.
  void run(Part part, void *context);

  int32_t count() const { return threads; }

private:
  struct Worker {
    ThreadPool *pool = nullptr;
    int32_t index = 0;
    pthread_t handle = {};
    Spinner spinner;
  };
  static void *workerMain(void *argument);

  Signal job;     ///< advances when there is something to do
  Signal pending; ///< workers that have not finished the job
  Part part = nullptr;
  void *context = nullptr;
  bool stopping = false;
  int32_t threads = 1;
  int32_t started = 0;
  const Allocator *allocator = nullptr;
  Worker *workers = nullptr;
  Spinner callerSpinner;
};

/// The number of processors that this process may use, at least 1.
int32_t availableProcessors();

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_THREAD_POOL_H
