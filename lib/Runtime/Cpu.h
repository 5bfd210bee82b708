//===- Cpu.h - What the processor and the system offer ----------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_CPU_H
#define WINNOW_LIB_RUNTIME_CPU_H

#include <stddef.h>
#include <stdint.h>

namespace winnow {
namespace runtime {

/// The WINNOW_CPU_* bits that this processor has and that the system has
/// enabled (XCR0), whatever the processor's name promises: virtual machines
/// mask instructions.
uint32_t presentCpuFeatures();

/// Asks the system for the tile registers where `features` needs them; Linux
/// gives them to a process on request only. Returns false where it refuses.
bool enableCpuFeatures(uint32_t features);

/// Writes the names of the bits of `features` into `text`, separated by commas.
void nameCpuFeatures(uint32_t features, char *text, size_t size);

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_CPU_H
