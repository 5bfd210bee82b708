//===- ThreadPoolTest.cpp - Jobs, barriers, waiting -----------------------===//

#include "ThreadPool.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <thread>
#include <vector>

using namespace winnow::runtime;

static const Allocator kSystem;

namespace {

struct Counting {
  Barrier barrier;
  std::vector<Spinner> spinners;
  std::vector<int64_t> cells; ///< plain: only barriers order the accesses
  int rounds = 0;
  std::atomic<int> wrong{0};

  Counting(int threads, int rounds)
      : spinners(threads), cells(threads, 0), rounds(rounds) {
    barrier.prepare(threads, spinners.data());
  }
};

} // namespace

/// Every thread adds one to its neighbour's cell in each round; a barrier that
/// lets one thread through early is a data race and a wrong count.
static void countRounds(void *context, int32_t index, int32_t count) {
  Counting &job = *static_cast<Counting *>(context);
  for (int round = 0; round < job.rounds; ++round) {
    int64_t before = job.cells[(index + 1) % count];
    job.barrier.wait(index);
    job.cells[index] = before + 1;
    job.barrier.wait(index);
    if (job.cells[(index + 1) % count] != round + 1)
      ++job.wrong;
  }
}

namespace {
class Threads : public testing::TestWithParam<int> {};
} // namespace

TEST_P(Threads, BarrierOrdersAllRounds) {
  ThreadPool pool;
  ASSERT_TRUE(pool.start(kSystem, GetParam()));
  Counting job(GetParam(), 2000);
  pool.run(countRounds, &job);
  for (int64_t cell : job.cells)
    EXPECT_EQ(cell, 2000);
  EXPECT_EQ(job.wrong.load(), 0);
  pool.stop();
}

TEST_P(Threads, EveryJobRunsOncePerThread) {
  ThreadPool pool;
  ASSERT_TRUE(pool.start(kSystem, GetParam()));
  std::vector<int> calls(GetParam(), 0);
  for (int job = 0; job < 3000; ++job)
    pool.run(
        [](void *context, int32_t index, int32_t count) {
          std::vector<int> &calls = *static_cast<std::vector<int> *>(context);
          if (count == static_cast<int32_t>(calls.size()))
            ++calls[index];
        },
        &calls);
  for (int call : calls)
    EXPECT_EQ(call, 3000);
  pool.stop();
}

TEST_P(Threads, JobsAfterSleeping) {
  ThreadPool pool;
  ASSERT_TRUE(pool.start(kSystem, GetParam()));
  std::atomic<int> calls{0};
  for (int job = 0; job < 5; ++job) {
    // Far longer than any thread spins.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    pool.run([](void *context, int32_t,
                int32_t) { ++*static_cast<std::atomic<int> *>(context); },
             &calls);
  }
  EXPECT_EQ(calls.load(), 5 * GetParam());
  pool.stop();
}

INSTANTIATE_TEST_SUITE_P(ThreadPool, Threads, testing::Values(1, 2, 3, 8));

/// The caller goes to sleep while it waits for a slow worker.
TEST(ThreadPool, WaitsForASlowWorker) {
  ThreadPool pool;
  ASSERT_TRUE(pool.start(kSystem, 2));
  int done = 0;
  pool.run(
      [](void *context, int32_t index, int32_t) {
        if (index == 0)
          return;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        *static_cast<int *>(context) = 1;
      },
      &done);
  EXPECT_EQ(done, 1);
  pool.stop();
}

TEST(ThreadPool, StopsWithoutAJob) {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool;
    ASSERT_TRUE(pool.start(kSystem, 4));
    pool.stop();
  }
  ThreadPool never;
  never.stop();
}

#if !defined(__has_feature)
#define __has_feature(feature) 0
#endif
// Sanitizers need all the address space.
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) &&     \
    !__has_feature(thread_sanitizer)
/// Ends the process with 0 where a pool of 1000 threads, whose stacks need more
/// than the address space, is refused.
[[noreturn]] static void startInLittleSpace() {
  rlimit limit;
  limit.rlim_cur = limit.rlim_max = rlim_t(256) << 20;
  if (setrlimit(RLIMIT_AS, &limit) != 0)
    std::_Exit(2);
  ThreadPool pool;
  std::_Exit(pool.start(kSystem, 1000) ? 1 : 0);
}

/// Where the system refuses one of the threads, those that run are ended.
TEST(ThreadPool, RefusedThreads) {
  EXPECT_EXIT(startInLittleSpace(), testing::ExitedWithCode(0), "");
}
#endif

/// Four threads on the same processors as four strangers that never rest: a
/// team that only spins would need a time slice for each barrier.
TEST(ThreadPool, StrangersDoNotMakeItCollapse) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> strangers;
  for (int i = 0; i < 4; ++i)
    strangers.emplace_back([&] {
      while (!stop.load(std::memory_order_relaxed)) {
      }
    });
  ThreadPool pool;
  ASSERT_TRUE(pool.start(kSystem, 4));
  Counting job(4, 50);
  pool.run(countRounds, &job);
  stop = true;
  for (std::thread &stranger : strangers)
    stranger.join();
  EXPECT_EQ(job.wrong.load(), 0);
  EXPECT_EQ(job.cells[0], 50);
  pool.stop();
}

TEST(Spinner, LimitFollowsWhatHappens) {
  Signal signal;
  Spinner spinner;
  std::thread late([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    signal.advance();
  });
  spinner.waitWhile(signal, 0);
  late.join();
  EXPECT_EQ(spinner.limit, Spinner::kMost / 2);
  spinner.waitWhile(signal, 0); // no waiting, no change
  EXPECT_EQ(spinner.limit, Spinner::kMost / 2);
}

/// After a disturbance, threads that arrive 20 microseconds apart are found by
/// spinning again.
TEST(Spinner, RecoversByProbing) {
  Spinner spinner;
  spinner.limit = Spinner::kLeast;
  spinner.shortSpins = Spinner::kProbeInterval - 1;
  Signal signal;
  std::atomic<bool> waiting{false};
  std::thread late([&] {
    while (!waiting)
      std::this_thread::yield();
    auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start <
           std::chrono::microseconds(20)) {
    }
    signal.advance();
  });
  waiting = true;
  spinner.waitWhile(signal, 0);
  late.join();
  // On a busy machine the other thread may come too late for any spinning.
  EXPECT_TRUE(spinner.limit == Spinner::kMost ||
              spinner.limit == Spinner::kLeast);
  EXPECT_EQ(spinner.shortSpins, Spinner::kProbeInterval);
}

TEST(Processors, AtLeastOne) { EXPECT_GE(availableProcessors(), 1); }
