//===- Bytes.h - Little-endian numbers in a byte string ---------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_BYTES_H
#define WINNOW_LIB_TOKENIZER_BYTES_H

#include <cstdint>
#include <cstring>
#include <string>

namespace winnow {

/// The u32 at \p bytes, which need not be aligned.
inline uint32_t loadU32(const char *bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  value = __builtin_bswap32(value);
#endif
  return value;
}

inline int32_t loadI32(const char *bytes) {
  return static_cast<int32_t>(loadU32(bytes));
}

inline float loadF32(const char *bytes) {
  uint32_t bits = loadU32(bytes);
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline void appendU32(std::string &bytes, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    bytes.push_back(static_cast<char>(value >> shift));
}

inline void appendF32(std::string &bytes, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  appendU32(bytes, bits);
}

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_BYTES_H
