//===- ArithmeticPeaks.h - How fast threads can compute ---------*- C++ -*-===//

#ifndef WINNOW_BENCH_CEILINGS_ARITHMETIC_PEAKS_H
#define WINNOW_BENCH_CEILINGS_ARITHMETIC_PEAKS_H

#include "InstructionSet.h"

#include <string>
#include <vector>

namespace winnow {
namespace ceilings {

/// One kind of arithmetic that this processor has.
struct ArithmeticPeak {
  std::string key;                ///< "f32_fma", "u8s8_dot" or "bf16_dot"
  std::string instruction;        ///< what was timed
  double operationsPerSecond = 0; ///< all threads together
};

/// Times independent chains of the widest instructions that are allowed:
/// multiply-add of f32, dot products of unsigned with signed bytes, dot
/// products of BF16 pairs. A multiplication and an addition are two operations.
/// The best of several passes of about 20 ms each.
std::vector<ArithmeticPeak>
measureArithmeticPeaks(int threads,
                       InstructionSet widest = InstructionSet::Avx512);

} // namespace ceilings
} // namespace winnow

#endif // WINNOW_BENCH_CEILINGS_ARITHMETIC_PEAKS_H
