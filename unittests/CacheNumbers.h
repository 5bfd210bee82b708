//===- CacheNumbers.h - Single numbers of a cache ---------------*- C++ -*-===//
//
// The layout that Runtime/Call.h describes, written down a second time.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_UNITTESTS_CACHENUMBERS_H
#define WINNOW_UNITTESTS_CACHENUMBERS_H

#include "winnow/Runtime/Call.h"

#include <cstring>

namespace winnow::test {

/// The keys or the values of one head and slot.
class CacheNumbers {
public:
  CacheNumbers(const winnow_kv_slot &slot, const winnow_cache_info &info,
               bool isKey, int64_t head, int64_t index)
      : isKey(isKey), dim(isKey ? info.key_dim : info.value_dim),
        format(isKey ? info.key_format : info.value_format), lane(index % 16) {
    int64_t block = 16 * dim * size() + (hasScale() ? 64 : 0);
    data = (isKey ? slot.keys : slot.values) +
           (head * slot.capacity / 16 + index / 16) * block;
  }

  int64_t channels() const { return dim; }
  bool hasScale() const { return format == WINNOW_KV_I8; }

  /// Any numbers; those that are not zero stay so.
  void set(int64_t channel, int64_t number) {
    if (format == WINNOW_KV_F32) {
      float value = static_cast<float>(number);
      std::memcpy(at(channel), &value, sizeof value);
      return;
    }
    int64_t most = format == WINNOW_KV_BF16 ? 65521 : 251;
    int64_t stored = number == 0 ? 0 : 1 + number % most;
    std::memcpy(at(channel), &stored, static_cast<size_t>(size()));
  }
  /// Whether the number is what `set` would make of `number`.
  bool is(int64_t channel, int64_t number) {
    uint8_t found[4] = {}, expected[4] = {};
    std::memcpy(found, at(channel), static_cast<size_t>(size()));
    set(channel, number);
    std::memcpy(expected, at(channel), static_cast<size_t>(size()));
    std::memcpy(at(channel), found, static_cast<size_t>(size()));
    return std::memcmp(found, expected, sizeof found) == 0;
  }
  /// The number that is stored.
  float read(int64_t channel) {
    if (format == WINNOW_KV_I8)
      return static_cast<float>(static_cast<int8_t>(*at(channel))) * scale();
    uint32_t bits = 0;
    std::memcpy(reinterpret_cast<uint8_t *>(&bits) + 4 - size(), at(channel),
                static_cast<size_t>(size()));
    float number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
  }
  float &scale() { return reinterpret_cast<float *>(data)[lane]; }

  /// Where the number lies.
  uint8_t *at(int64_t channel) const {
    int64_t number = isKey ? channel * 16 + lane : lane * dim + channel;
    return data + (hasScale() ? 64 : 0) + number * size();
  }

private:
  int64_t size() const {
    return format == WINNOW_KV_F32 ? 4 : format == WINNOW_KV_BF16 ? 2 : 1;
  }

  bool isKey;
  int64_t dim, format, lane;
  uint8_t *data;
};

} // namespace winnow::test

#endif // WINNOW_UNITTESTS_CACHENUMBERS_H
