//===- ArithmeticPeaks.cpp - How fast threads can compute -----------------===//

#include "ArithmeticPeaks.h"

#include "Team.h"

#include <algorithm>
#include <cpuid.h>
#include <cstdint>
#include <immintrin.h>

namespace winnow {
namespace ceilings {

/// Independent chains: enough for a latency of five cycles on two ports, few
/// enough for sixteen registers.
static constexpr int kChains = 12;
static constexpr int kPasses = 8;

/// Hides a value from the optimizer, which may neither fold nor drop it.
#define WINNOW_OPAQUE(value) __asm__ volatile("" : "+x"(value))

__attribute__((target("avx512f"))) static void fmaAvx512(int64_t count) {
  __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
  __m512 sums[kChains] = {};
  for (int64_t i = 0; i < count; ++i)
    for (__m512 &sum : sums) {
      sum = _mm512_fmadd_ps(a, sum, b);
      __asm__ volatile("" : "+v"(sum));
    }
}

__attribute__((target("avx2,fma"))) static void fmaAvx2(int64_t count) {
  __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f);
  __m256 sums[kChains] = {};
  for (int64_t i = 0; i < count; ++i)
    for (__m256 &sum : sums) {
      sum = _mm256_fmadd_ps(a, sum, b);
      WINNOW_OPAQUE(sum);
    }
}

__attribute__((target("avx512f,avx512vnni"))) static void
dotAvx512(int64_t count) {
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-2);
  __m512i sums[kChains] = {};
  for (int64_t i = 0; i < count; ++i)
    for (__m512i &sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, a, b);
      __asm__ volatile("" : "+v"(sum));
    }
}

__attribute__((target("avx2,avxvnni"))) static void dotAvxVnni(int64_t count) {
  __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(-2);
  __m256i sums[kChains] = {};
  for (int64_t i = 0; i < count; ++i)
    for (__m256i &sum : sums) {
      sum = _mm256_dpbusd_avx_epi32(sum, a, b);
      WINNOW_OPAQUE(sum);
    }
}

/// Without VNNI: multiply bytes and add pairs, widen by adding pairs again,
/// add.
__attribute__((target("avx2"))) static void dotAvx2(int64_t count) {
  __m256i b = _mm256_set1_epi8(-2), ones = _mm256_set1_epi16(1);
  __m256i sums[kChains] = {};
  for (int64_t i = 0; i < count; ++i)
    for (__m256i &sum : sums) {
      __m256i a = b;
      WINNOW_OPAQUE(a);
      __m256i pairs = _mm256_maddubs_epi16(a, b);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
      WINNOW_OPAQUE(sum);
    }
}

__attribute__((target("avx512f,avx512bf16"))) static void
dotBf16(int64_t count) {
  __m512i bits = _mm512_set1_epi16(0x3f00); // 0.5
  __m512bh a = reinterpret_cast<__m512bh &>(bits);
  __m512 sums[kChains] = {};
  for (int64_t i = 0; i < count; ++i)
    for (__m512 &sum : sums) {
      sum = _mm512_dpbf16_ps(sum, a, a);
      __asm__ volatile("" : "+v"(sum));
    }
}

namespace {
struct Kernel {
  const char *key;
  const char *instruction;
  void (*run)(int64_t count);
  int operations; ///< of one instruction (or group) in one chain
};
} // namespace

static bool hasAvxVnni() {
  uint32_t eax, ebx, ecx, edx;
  return __builtin_cpu_supports("avx2") &&
         __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & 1u << 4);
}

/// The widest kernel of each kind.
static std::vector<Kernel> chooseKernels(InstructionSet widest) {
  __builtin_cpu_init();
  bool avx512 = widest >= InstructionSet::Avx512;
  bool avx2 = widest >= InstructionSet::Avx2;
  std::vector<Kernel> kernels;
  if (avx512 && __builtin_cpu_supports("avx512f"))
    kernels.push_back({"f32_fma", "vfmadd zmm", fmaAvx512, 32});
  else if (avx2 && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("fma"))
    kernels.push_back({"f32_fma", "vfmadd ymm", fmaAvx2, 16});
  if (avx512 && __builtin_cpu_supports("avx512vnni"))
    kernels.push_back({"u8s8_dot", "vpdpbusd zmm", dotAvx512, 128});
  else if (avx2 && hasAvxVnni())
    kernels.push_back({"u8s8_dot", "vpdpbusd ymm", dotAvxVnni, 64});
  else if (avx2 && __builtin_cpu_supports("avx2"))
    kernels.push_back(
        {"u8s8_dot", "vpmaddubsw, vpmaddwd, vpaddd ymm", dotAvx2, 64});
  if (avx512 && __builtin_cpu_supports("avx512bf16"))
    kernels.push_back({"bf16_dot", "vdpbf16ps zmm", dotBf16, 64});
  return kernels;
}

std::vector<ArithmeticPeak> measureArithmeticPeaks(int threads,
                                                   InstructionSet widest) {
  std::vector<ArithmeticPeak> peaks;
  if (threads < 1)
    return peaks;
  for (const Kernel &kernel : chooseKernels(widest)) {
    static constexpr int64_t kCount = 4'000'000;
    ArithmeticPeak peak = {kernel.key, kernel.instruction, 0};
    double operations = double(kCount) * kChains * kernel.operations * threads;
    for (int pass = 0; pass < kPasses; ++pass) {
      double seconds = timeTeam(threads, [&](int) { kernel.run(kCount); });
      peak.operationsPerSecond =
          std::max(peak.operationsPerSecond, operations / seconds);
    }
    peaks.push_back(peak);
  }
  return peaks;
}

} // namespace ceilings
} // namespace winnow
