//===- KvStorage.h - The caches of a session --------------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_KV_STORAGE_H
#define WINNOW_LIB_RUNTIME_KV_STORAGE_H

#include "Memory.h"
#include "winnow/Runtime/Call.h"

namespace winnow {
namespace runtime {

/// The caches of one entry point. Address space is reserved for the whole
/// capacity and takes memory as it is written. Slots at and after a cache's
/// length always read as zero, also after a truncation, so a shortened cache
/// cannot be told from one that never was longer.
class KvStorage {
public:
  /// Reserves the caches of `entry` for min(capacity, `context`) slots each,
  /// rounded up to whole blocks. Returns false where a size is out of range or
  /// the system refuses.
  bool reserve(const winnow_entry &entry, int64_t context);
  void release();

  /// Null where the entry has no caches.
  winnow_kv_slot *slots() { return storage; }
  const winnow_kv_slot *slots() const { return storage; }
  int32_t count() const { return caches; }

  /// Forgets the tokens from `length` on, of `total` that have been stored.
  /// `positions` has the position of each of these.
  ///
  /// In a cache with one slot for each token, slot i is token i. A cache that
  /// dropped tokens has fewer slots, in the order of their tokens: there slots
  /// leave from the end while their position is at least that of the first
  /// forgotten token.
  void truncate(int64_t length, int64_t total, const int32_t *positions);
  /// Forgets everything.
  void clear();

  /// The largest length of a cache, and the smallest capacity.
  int64_t longest() const;
  int64_t leastCapacity() const;

private:
  void shorten(int32_t cache, int64_t length);

  const winnow_entry *shape = nullptr;
  winnow_kv_slot *storage = nullptr;
  int32_t caches = 0;
  Region region;
};

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_KV_STORAGE_H
