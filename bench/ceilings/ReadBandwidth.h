//===- ReadBandwidth.h - How fast threads can read memory -------*- C++ -*-===//

#ifndef WINNOW_BENCH_CEILINGS_READ_BANDWIDTH_H
#define WINNOW_BENCH_CEILINGS_READ_BANDWIDTH_H

#include "InstructionSet.h"

#include <cstddef>

namespace winnow {
namespace ceilings {

/// What measureReadBandwidth found.
struct ReadBandwidth {
  double bytesPerSecond = 0; ///< all threads together; 0: out of memory
  size_t bytes = 0;          ///< read in each pass
  int streams = 0;           ///< of each thread, in the best setting
  int prefetch = 0;          ///< bytes ahead of the loads, in the best setting
};

/// What to measure.
struct ReadSettings {
  int threads = 1;
  /// Larger than twice the last-level cache that a shared machine gives to one
  /// user: matrices of less than 300 MB were partly served by a cache.
  size_t bytes = size_t(640) << 20;
  InstructionSet widest = InstructionSet::Avx512;
};

/// Reads a buffer larger than the caches, each thread its own share in several
/// streams, with every setting of streams and prefetch distance in a table, and
/// reports the best pass of the best setting: what a kernel that only streams
/// weights could reach. Takes about two seconds.
ReadBandwidth measureReadBandwidth(const ReadSettings &settings);

} // namespace ceilings
} // namespace winnow

#endif // WINNOW_BENCH_CEILINGS_READ_BANDWIDTH_H
