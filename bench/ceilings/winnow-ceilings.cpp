//===- winnow-ceilings.cpp - What this machine can do at most -------------===//
//
// Prints a JSON object: for 1 to N threads the read bandwidth and the peaks of
// the arithmetic that kernels use. Every speed of the benchmarks is a share of
// one of these, measured on the same machine in the same minutes.
//
//===----------------------------------------------------------------------===//

#include "ArithmeticPeaks.h"
#include "ReadBandwidth.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sched.h>

using namespace winnow::ceilings;

static int processors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static void printCeilings(int threads, bool last) {
  ReadBandwidth read = measureReadBandwidth(threads);
  std::printf("    {\"threads\": %d, \"read_bytes_per_second\": %.4g, "
              "\"read_streams\": %d, \"read_prefetch_bytes\": %d",
              threads, read.bytesPerSecond, read.streams, read.prefetch);
  for (const ArithmeticPeak &peak : measureArithmeticPeaks(threads))
    std::printf(", \"%s_operations_per_second\": %.4g, \"%s_instruction\": "
                "\"%s\"",
                peak.key.c_str(), peak.operationsPerSecond, peak.key.c_str(),
                peak.instruction.c_str());
  std::printf("}%s\n", last ? "" : ",");
  std::fflush(stdout);
}

int main(int argc, char **argv) {
  int threads = 0;
  bool understood = true;
  for (int i = 1; i < argc && understood; ++i) {
    if (std::strcmp(argv[i], "--help") == 0) {
      std::printf(
          "usage: winnow-ceilings [--threads T]\n"
          "Measures read bandwidth and arithmetic peaks with T threads, "
          "or with 1 to all processors; prints JSON.\n");
      return 0;
    }
    understood = std::strcmp(argv[i], "--threads") == 0 && ++i < argc &&
                 (threads = std::atoi(argv[i])) >= 1 && threads <= 1024;
  }
  if (!understood) {
    std::fprintf(stderr, "winnow-ceilings: error: expected --threads and a "
                         "count from 1 to 1024\n");
    return 1;
  }
  int first = threads ? threads : 1;
  int last = threads ? threads : processors();
  std::printf("{\n  \"ceilings\": [\n");
  for (int count = first; count <= last; ++count)
    printCeilings(count, count == last);
  std::printf("  ]\n}\n");
  return std::ferror(stdout) ? 1 : 0;
}
