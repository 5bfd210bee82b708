//===- ReadBandwidth.cpp - How fast threads can read memory ---------------===//

#include "ReadBandwidth.h"

#include "Team.h"

#include <algorithm>
#include <cstdint>
#include <immintrin.h>
#include <sys/mman.h>
#include <vector>

namespace winnow {
namespace ceilings {

/// Four lines: what one stream reads before the next stream has its turn.
static constexpr size_t kStep = 256;
/// Shares of threads and streams are whole multiples of this.
static constexpr size_t kGrain = 64 << 10;

/// Reads `streams` ranges of `size` bytes that follow one another and
/// prefetches `prefetch` bytes ahead (0: not at all). The result keeps the
/// loads alive.
using ReadLoop = uint64_t (*)(const uint8_t *data, size_t size,
                              size_t prefetch);

/// Past the end of its range a prefetch reaches into the next stream's, or is
/// ignored by the processor.
template <int Streams>
__attribute__((target("avx512f"))) static uint64_t
readAvx512(const uint8_t *data, size_t size, size_t prefetch) {
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
  for (size_t at = 0; at < size; at += kStep)
    for (int stream = 0; stream < Streams; ++stream) {
      const uint8_t *p = data + stream * size + at;
      if (prefetch)
        for (size_t line = 0; line < kStep; line += 64)
          _mm_prefetch(reinterpret_cast<const char *>(p + prefetch + line),
                       _MM_HINT_T0);
      a = _mm512_or_si512(a, _mm512_loadu_si512(p));
      b = _mm512_or_si512(b, _mm512_loadu_si512(p + 64));
      c = _mm512_or_si512(c, _mm512_loadu_si512(p + 128));
      d = _mm512_or_si512(d, _mm512_loadu_si512(p + 192));
    }
  a = _mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d));
  return static_cast<uint64_t>(_mm512_reduce_or_epi64(a));
}

template <int Streams>
__attribute__((target("avx2"))) static uint64_t
readAvx2(const uint8_t *data, size_t size, size_t prefetch) {
  __m256i sums[8] = {};
  for (size_t at = 0; at < size; at += kStep)
    for (int stream = 0; stream < Streams; ++stream) {
      const uint8_t *p = data + stream * size + at;
      if (prefetch)
        for (size_t line = 0; line < kStep; line += 64)
          _mm_prefetch(reinterpret_cast<const char *>(p + prefetch + line),
                       _MM_HINT_T0);
      for (int i = 0; i < 8; ++i)
        sums[i] = _mm256_or_si256(
            sums[i],
            _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p + 32 * i)));
    }
  __m256i all = sums[0];
  for (int i = 1; i < 8; ++i)
    all = _mm256_or_si256(all, sums[i]);
  return static_cast<uint64_t>(
      _mm256_extract_epi64(all, 0) | _mm256_extract_epi64(all, 1) |
      _mm256_extract_epi64(all, 2) | _mm256_extract_epi64(all, 3));
}

template <int Streams>
static uint64_t readBaseline(const uint8_t *data, size_t size,
                             size_t prefetch) {
  __m128i sums[4] = {};
  for (size_t at = 0; at < size; at += kStep)
    for (int stream = 0; stream < Streams; ++stream) {
      const uint8_t *p = data + stream * size + at;
      for (size_t line = 0; line < kStep; line += 64) {
        if (prefetch)
          _mm_prefetch(reinterpret_cast<const char *>(p + prefetch + line),
                       _MM_HINT_T0);
        for (int i = 0; i < 4; ++i)
          sums[i] = _mm_or_si128(
              sums[i], _mm_loadu_si128(reinterpret_cast<const __m128i *>(
                           p + line + 16 * i)));
      }
    }
  __m128i all = _mm_or_si128(_mm_or_si128(sums[0], sums[1]),
                             _mm_or_si128(sums[2], sums[3]));
  return static_cast<uint64_t>(_mm_cvtsi128_si64(all));
}

namespace {
struct Setting {
  int streams;
  size_t prefetch;
  ReadLoop loop;
};
} // namespace

template <int Streams> static ReadLoop chooseLoop(InstructionSet widest) {
  if (widest >= InstructionSet::Avx512 && __builtin_cpu_supports("avx512f"))
    return readAvx512<Streams>;
  if (widest >= InstructionSet::Avx2 && __builtin_cpu_supports("avx2"))
    return readAvx2<Streams>;
  return readBaseline<Streams>;
}

static std::vector<Setting> makeSettings(InstructionSet widest) {
  __builtin_cpu_init();
  std::vector<Setting> settings;
  for (size_t prefetch : {0, 1024, 2048, 4096}) {
    settings.push_back({1, prefetch, chooseLoop<1>(widest)});
    settings.push_back({2, prefetch, chooseLoop<2>(widest)});
    settings.push_back({4, prefetch, chooseLoop<4>(widest)});
    settings.push_back({8, prefetch, chooseLoop<8>(widest)});
  }
  return settings;
}

ReadBandwidth measureReadBandwidth(const ReadSettings &wanted) {
  ReadBandwidth best;
  int threads = wanted.threads;
  if (threads < 1 || wanted.bytes / kGrain < static_cast<size_t>(threads))
    return best;
  void *memory = mmap(nullptr, wanted.bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return best;
  madvise(memory, wanted.bytes, MADV_HUGEPAGE);
  uint8_t *data = static_cast<uint8_t *>(memory);
  size_t share = wanted.bytes / threads / kGrain * kGrain;
  best.bytes = share * threads;
  // Touched by the thread that reads it: on machines with several memories it
  // then lies near.
  timeTeam(threads, [&](int thread) {
    uint64_t *words = reinterpret_cast<uint64_t *>(data + thread * share);
    for (size_t i = 0; i < share / sizeof(uint64_t); ++i)
      words[i] = i * 0x9e3779b97f4a7c15ull;
  });

  std::vector<uint64_t> results(threads);
  auto pass = [&](const Setting &setting) {
    double seconds = timeTeam(threads, [&](int thread) {
      results[thread] = setting.loop(data + thread * share,
                                     share / setting.streams, setting.prefetch);
    });
    for (volatile uint64_t &result : results)
      result = result + 1; // the sums are used
    double speed = static_cast<double>(best.bytes) / seconds;
    if (speed > best.bytesPerSecond) {
      best.bytesPerSecond = speed;
      best.streams = setting.streams;
      best.prefetch = static_cast<int>(setting.prefetch);
    }
  };
  std::vector<Setting> settings = makeSettings(wanted.widest);
  for (int repetition = 0; repetition < 2; ++repetition)
    for (const Setting &setting : settings)
      pass(setting);
  munmap(memory, wanted.bytes);
  return best;
}

} // namespace ceilings
} // namespace winnow
