//===- InstructionSet.h - Which instructions to measure ---------*- C++ -*-===//

#ifndef WINNOW_BENCH_CEILINGS_INSTRUCTION_SET_H
#define WINNOW_BENCH_CEILINGS_INSTRUCTION_SET_H

namespace winnow {
namespace ceilings {

/// The widest instructions that a measurement may use. What the processor lacks
/// is not used in any case. Code for x86-64-v3 is to be compared with Avx2.
enum class InstructionSet { Baseline, Avx2, Avx512 };

} // namespace ceilings
} // namespace winnow

#endif // WINNOW_BENCH_CEILINGS_INSTRUCTION_SET_H
