//===- MemoryStreams.h - How kernels read memory ----------------*- C++ -*-===//
//
// Kernels of one row wait for memory. What they reach depends on how many
// ranges they read side by side and how far ahead they ask: on a Zen 5 core
// (bench/kernels, q8_0, share of the read bandwidth) two streams reach 97 %
// and four 91 %; distances of 2 to 4 KB differ by less than two runs do.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_MEMORYSTREAMS_H
#define WINNOW_LIB_CODEGEN_CPU_MEMORYSTREAMS_H

#include <cstdint>

namespace winnow::cpu {

/// Ranges that are read side by side.
inline constexpr int64_t kMemoryStreams = 2;
/// Bytes ahead of the current line of each.
inline constexpr int64_t kPrefetchDistance = 3072;

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_MEMORYSTREAMS_H
