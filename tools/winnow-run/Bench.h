//===- Bench.h - Timing an artifact -----------------------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_BENCH_H
#define WINNOW_TOOLS_WINNOW_RUN_BENCH_H

#include "Artifact.h"
#include "Options.h"

#include <string>

namespace winnow {
namespace run {

/// Times prefill and decode and compares them with what the machine can do at
/// most, measured in the same run with the same number of threads. Prints the
/// report. `loadSeconds` is what opening the artifact took.
bool bench(const Artifact &artifact, const Options &options, double loadSeconds,
           std::string &error);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_BENCH_H
