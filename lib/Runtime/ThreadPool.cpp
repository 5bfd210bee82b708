//===- ThreadPool.cpp - The threads of a session --------------------------===//

#include "ThreadPool.h"

#include "Memory.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

namespace winnow {
namespace runtime {

void Barrier::wait(int32_t thread) {
  if (threads == 1)
    return;
  uint32_t mine = generation.word.load();
  if (arrived.add(1) + 1 == threads) {
    // Nobody can arrive for the next generation before this one ends.
    arrived.store(0);
    generation.advance();
    return;
  }
  waiters[thread].waitWhile(generation, mine);
}

void *ThreadPool::workerMain(void *argument) {
  Worker &worker = *static_cast<Worker *>(argument);
  ThreadPool &pool = *worker.pool;
  uint32_t seen = 0;
  while (true) {
    worker.spinner.waitWhile(pool.job, seen);
    ++seen; // jobs follow one another: the caller waits for every worker
    if (pool.stopping)
      return nullptr;
    pool.part(pool.context, worker.index, pool.threads);
    if (pool.pending.word.subtract(1) == 1)
      pool.pending.wake();
  }
}

bool ThreadPool::start(int32_t count) {
  threads = count;
  if (count <= 1)
    return true;
  workers = allocateArray<Worker>(count - 1);
  if (!workers)
    return false;
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int32_t i = 0; i < count - 1; ++i) {
    workers[i].pool = this;
    workers[i].index = i + 1;
    if (pthread_create(&workers[i].handle, nullptr, workerMain, &workers[i]))
      break;
    ++started;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started == count - 1)
    return true;
  stop();
  return false;
}

void ThreadPool::stop() {
  if (started > 0) {
    stopping = true;
    job.advance();
    for (int32_t i = 0; i < started; ++i)
      pthread_join(workers[i].handle, nullptr);
  }
  started = 0;
  releaseArray(workers);
  workers = nullptr;
}

void ThreadPool::run(Part newPart, void *newContext) {
  if (threads <= 1) {
    newPart(newContext, 0, 1);
    return;
  }
  part = newPart;
  context = newContext;
  pending.word.store(static_cast<uint32_t>(threads - 1));
  job.advance();
  newPart(newContext, 0, threads);
  while (uint32_t left = pending.word.load())
    callerSpinner.waitWhile(pending, left);
}

int32_t availableProcessors() {
  // The kernel wants a mask as long as its own; 64 Ki processors are enough.
  static constexpr size_t kWords = 1024;
  unsigned long *mask = allocateArray<unsigned long>(kWords);
  int32_t count = 0;
  if (mask && sched_getaffinity(0, kWords * sizeof(unsigned long),
                                reinterpret_cast<cpu_set_t *>(mask)) == 0)
    for (size_t i = 0; i < kWords; ++i)
      for (unsigned long word = mask[i]; word; word &= word - 1)
        ++count;
  releaseArray(mask);
  if (count == 0)
    count = static_cast<int32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  return count < 1 ? 1 : count;
}

} // namespace runtime
} // namespace winnow
