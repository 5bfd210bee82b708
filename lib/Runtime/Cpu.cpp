//===- Cpu.cpp - What the processor and the system offer ------------------===//

#include "Cpu.h"

#include "winnow/Runtime/Call.h"

#include <cpuid.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace winnow {
namespace runtime {

namespace {

/// Where a feature is reported, and the parts of the register state (bits of
/// XCR0) that the system must save for it.
enum Register {
  Leaf1Ecx,
  Leaf7Ebx,
  Leaf7Ecx,
  Leaf7Edx,
  Leaf7Sub1Eax,
  Registers
};

struct Requirement {
  uint32_t feature;
  const char *name;
  Register where[2];
  uint32_t bits[2];
  uint64_t state;
};

} // namespace

static constexpr uint64_t kYmm = 0x6;       // XMM and upper halves of YMM
static constexpr uint64_t kZmm = 0xe6;      // and masks, ZMM
static constexpr uint64_t kTiles = 0x60006; // YMM, and tile data and shapes

static constexpr uint32_t bit(int index) { return 1u << index; }

static const Requirement kRequirements[] = {
    {WINNOW_CPU_AVX2_FMA_F16C,
     "AVX2/FMA/F16C",
     {Leaf1Ecx, Leaf7Ebx},
     {bit(12) | bit(28) | bit(29), bit(5)},
     kYmm},
    {WINNOW_CPU_AVX512_FBWVLDQ,
     "AVX512-F/BW/VL/DQ/CD",
     {Leaf7Ebx, Leaf7Ebx},
     {bit(16) | bit(17) | bit(28), bit(30) | bit(31)},
     kZmm},
    {WINNOW_CPU_AVX512_VNNI,
     "AVX512-VNNI",
     {Leaf7Ecx, Leaf7Ecx},
     {bit(11), 0},
     kZmm},
    {WINNOW_CPU_AVX512_BF16,
     "AVX512-BF16",
     {Leaf7Sub1Eax, Leaf7Ecx},
     {bit(5), 0},
     kZmm},
    {WINNOW_CPU_AVX_VNNI,
     "AVX-VNNI",
     {Leaf7Sub1Eax, Leaf7Ecx},
     {bit(4), 0},
     kYmm},
    {WINNOW_CPU_AMX_INT8,
     "AMX-INT8",
     {Leaf7Edx, Leaf7Edx},
     {bit(24), bit(25)},
     kTiles},
    {WINNOW_CPU_AMX_BF16,
     "AMX-BF16",
     {Leaf7Edx, Leaf7Edx},
     {bit(24), bit(22)},
     kTiles},
    {WINNOW_CPU_AVX512_VBMI,
     "AVX512-VBMI",
     {Leaf7Ecx, Leaf7Ecx},
     {bit(1), 0},
     kZmm},
    {WINNOW_CPU_AVX512_FP16,
     "AVX512-FP16",
     {Leaf7Edx, Leaf7Edx},
     {bit(23), 0},
     kZmm},
    {WINNOW_CPU_BMI2, "BMI2", {Leaf7Ebx, Leaf7Ebx}, {bit(8), 0}, 0},
};

static uint64_t enabledState() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

uint32_t presentCpuFeatures() {
  uint32_t registers[Registers] = {};
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
    return 0;
  registers[Leaf1Ecx] = ecx;
  // xgetbv itself needs OSXSAVE.
  uint64_t state = ecx & bit(27) ? enabledState() : 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    registers[Leaf7Ebx] = ebx;
    registers[Leaf7Ecx] = ecx;
    registers[Leaf7Edx] = edx;
    uint32_t subleaves = eax;
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
      registers[Leaf7Sub1Eax] = eax;
  }
  uint32_t present = 0;
  for (const Requirement &r : kRequirements)
    if ((registers[r.where[0]] & r.bits[0]) == r.bits[0] &&
        (registers[r.where[1]] & r.bits[1]) == r.bits[1] &&
        (state & r.state) == r.state)
      present |= r.feature;
  return present;
}

bool enableCpuFeatures(uint32_t features) {
  if (!(features & (WINNOW_CPU_AMX_INT8 | WINNOW_CPU_AMX_BF16)))
    return true;
  static constexpr int kRequestPermission = 0x1023; // ARCH_REQ_XCOMP_PERM
  static constexpr int kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

void nameCpuFeatures(uint32_t features, char *text, size_t size) {
  size_t used = 0;
  auto append = [&](const char *name) {
    if (used >= size)
      return;
    int written =
        snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
    used += written > 0 ? static_cast<size_t>(written) : 0;
  };
  if (size)
    text[0] = '\0';
  for (const Requirement &r : kRequirements) {
    if (features & r.feature)
      append(r.name);
    features &= ~r.feature;
  }
  if (features)
    append("instructions unknown to this runtime");
}

} // namespace runtime
} // namespace winnow
