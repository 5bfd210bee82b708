//===- Team.cpp - Timing the same work on several threads -----------------===//

#include "Team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace winnow {
namespace ceilings {

using Clock = std::chrono::steady_clock;

double timeTeam(int threads, const std::function<void(int)> &work) {
  std::atomic<int> ready{0};
  std::vector<Clock::time_point> starts(threads), ends(threads);
  auto member = [&](int thread) {
    ++ready;
    while (ready.load() < threads)
      std::this_thread::yield();
    starts[thread] = Clock::now();
    work(thread);
    ends[thread] = Clock::now();
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread)
    others.emplace_back(member, thread);
  member(0);
  for (std::thread &other : others)
    other.join();
  return std::chrono::duration<double>(
             *std::max_element(ends.begin(), ends.end()) -
             *std::min_element(starts.begin(), starts.end()))
      .count();
}

} // namespace ceilings
} // namespace winnow
