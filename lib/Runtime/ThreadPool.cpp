//===- ThreadPool.cpp - The threads of a session --------------------------===//

#include "ThreadPool.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

namespace winnow {
namespace runtime {

bool Barrier::wait(int32_t thread, bool vote) {
  if (vote)
    voted.store(1);
  if (threads == 1)
    return voted.load() != 0;
  uint32_t mine = generation.word.load();
  if (arrived.add(1) + 1 == threads) {
    // Nobody can arrive for the next generation before this one ends.
    arrived.store(0);
    bool result = voted.load() != 0;
    outcome = result;
    generation.advance();
    return result;
  }
  waiters[thread].waitWhile(generation, mine);
  return outcome;
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

bool ThreadPool::start(const Allocator &source, int32_t count) {
  allocator = &source;
  threads = count;
  if (count <= 1)
    return true;
  workers = allocateArray<Worker>(source, static_cast<size_t>(count - 1));
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
  if (workers)
    releaseArray(*allocator, workers, static_cast<size_t>(threads - 1));
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
  unsigned long mask[kWords] = {};
  int32_t count = 0;
  if (sched_getaffinity(0, sizeof mask, reinterpret_cast<cpu_set_t *>(mask)) ==
      0)
    for (unsigned long word : mask)
      for (; word; word &= word - 1)
        ++count;
  if (count == 0)
    count = static_cast<int32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  return count < 1 ? 1 : count;
}

} // namespace runtime
} // namespace winnow
