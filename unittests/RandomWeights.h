//===- RandomWeights.h - Random blocks of a number format -------*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_RANDOMWEIGHTS_H
#define WINNOW_UNITTESTS_RANDOMWEIGHTS_H

#include "winnow/Formats/NumberFormat.h"

#include "llvm/Support/Endian.h"

#include <cstring>
#include <random>
#include <vector>

namespace winnow::test {

/// The bytes of an [n, k] matrix in the layout of GGUF files: random codes and
/// integer scales, float scales between 2^-9 and 2^-5 in magnitude.
inline std::vector<uint8_t> randomWeights(const NumberFormat &format, int64_t n,
                                          int64_t k, unsigned seed) {
  std::mt19937 random(seed);
  int64_t blocks = n * k / format.blockElements;
  std::vector<uint8_t> bytes(blocks * format.blockBytes);
  if (format.isFloat()) {
    std::normal_distribution<float> normal(0.0f, 0.05f);
    for (int64_t i = 0; i < blocks; ++i) {
      float value = normal(random);
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      uint8_t *at = &bytes[i * format.blockBytes];
      if (format.blockBytes == 4)
        llvm::support::endian::write32le(at, bits);
      else if (format.codeMap.floatType == StoredType::BF16)
        llvm::support::endian::write16le(at, bits >> 16);
      else // sign, an exponent around 2^-5, a random fraction
        llvm::support::endian::write16le(at, (bits >> 16 & 0x8000) |
                                                 (8 + random() % 4) << 10 |
                                                 (bits & 0x3ff));
    }
    return bytes;
  }
  for (uint8_t &byte : bytes)
    byte = random();
  for (int64_t b = 0; b < blocks; ++b)
    for (const ScaleLevel &level : format.scales) {
      if (level.isInteger())
        continue;
      const BitPart &part = level.parts[0];
      for (unsigned i = 0; i < format.blockElements / level.granularity; ++i) {
        uint8_t *at = &bytes[b * format.blockBytes + part.byte(i)];
        if (part.width == 16)
          llvm::support::endian::write16le(at, (random() & 0x83ff) |
                                                   (6 + random() % 4) << 10);
        else if (level.type == StoredType::E8M0Half)
          *at = 118 + random() % 8;
        else
          *at = 0x20 + random() % 0x20;
      }
    }
  return bytes;
}

} // namespace winnow::test

#endif // WINNOW_UNITTESTS_RANDOMWEIGHTS_H
