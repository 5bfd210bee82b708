//===- Team.h - Timing the same work on several threads ---------*- C++ -*-===//

#ifndef WINNOW_BENCH_CEILINGS_TEAM_H
#define WINNOW_BENCH_CEILINGS_TEAM_H

#include <functional>

namespace winnow {
namespace ceilings {

/// Runs work(thread) for every thread in [0, threads) at the same time. Returns
/// the seconds from the moment when all are ready to the end of the last.
double timeTeam(int threads, const std::function<void(int)> &work);

} // namespace ceilings
} // namespace winnow

#endif // WINNOW_BENCH_CEILINGS_TEAM_H
