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

static void printCeilings(int threads, InstructionSet widest, bool last) {
  ReadSettings settings;
  settings.threads = threads;
  settings.widest = widest;
  ReadBandwidth read = measureReadBandwidth(settings);
  std::printf("    {\"threads\": %d, \"read_bytes_per_second\": %.4g, "
              "\"read_streams\": %d, \"read_prefetch_bytes\": %d",
              threads, read.bytesPerSecond, read.streams, read.prefetch);
  for (const ArithmeticPeak &peak : measureArithmeticPeaks(threads, widest))
    std::printf(", \"%s_operations_per_second\": %.4g, \"%s_instruction\": "
                "\"%s\"",
                peak.key.c_str(), peak.operationsPerSecond, peak.key.c_str(),
                peak.instruction.c_str());
  std::printf("}%s\n", last ? "" : ",");
  std::fflush(stdout);
}

/// Reads one option and its value. False where they are not understood.
static bool parseOption(const char *name, const char *value, int &threads,
                        InstructionSet &widest) {
  if (std::strcmp(name, "--threads") == 0) {
    char *end;
    long number = std::strtol(value, &end, 10);
    threads = int(number);
    return end != value && !*end && number >= 1 && number <= 1024;
  }
  if (std::strcmp(name, "--isa") != 0)
    return false;
  widest = std::strcmp(value, "avx512") == 0 ? InstructionSet::Avx512
           : std::strcmp(value, "avx2") == 0 ? InstructionSet::Avx2
                                             : InstructionSet::Baseline;
  return widest != InstructionSet::Baseline ||
         std::strcmp(value, "baseline") == 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    std::printf("usage: winnow-ceilings [--threads T] "
                "[--isa avx512|avx2|baseline]\n"
                "Measures read bandwidth and arithmetic peaks with T threads, "
                "or with 1 to all processors; prints JSON.\n");
    return 0;
  }
  int threads = 0;
  InstructionSet widest = InstructionSet::Avx512;
  bool understood = argc % 2 == 1;
  for (int i = 1; i + 1 < argc && understood; i += 2)
    understood = parseOption(argv[i], argv[i + 1], threads, widest);
  if (!understood) {
    std::fprintf(stderr,
                 "winnow-ceilings: error: expected --threads with a count from "
                 "1 to 1024, or --isa with avx512, avx2 or baseline\n");
    return 1;
  }
  int first = threads ? threads : 1;
  int last = threads ? threads : processors();
  std::printf("{\n  \"ceilings\": [\n");
  for (int count = first; count <= last; ++count)
    printCeilings(count, widest, count == last);
  std::printf("  ]\n}\n");
  return std::ferror(stdout) ? 1 : 0;
}
