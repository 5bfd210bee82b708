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
  /// rounded up to whole blocks, from `source`, which has to outlive them.
  /// Returns false where a size is out of range or memory is refused.
  bool reserve(const Allocator &source, const winnow_entry &entry,
               int64_t context);
  /// Reserves what `other` has.
  bool reserveLike(const KvStorage &other) {
    return reserve(*other.allocator, *other.shape, other.limit);
  }
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

  /// Remembers the lengths as they are for rollBack.
  void mark();
  /// Gives all caches the lengths that they had at `mark`. A call that was cut
  /// short may have written up to `unfinished` slots after their ends.
  void rollBack(int64_t unfinished);

  /// A stretch of memory.
  struct Span {
    void *data;
    size_t size;
  };
  /// The memory that holds the used slots of a cache lies in this many spans,
  /// the same for equal lengths: positions, segments, then keys and values by
  /// head. Keys come in whole blocks: see clearUnused.
  int64_t spanCount(int32_t cache) const {
    return 2 + 2 * shape->caches[cache].heads;
  }
  Span span(int32_t cache, int64_t index) const;
  /// Zeroes the slots after the end of a cache within its last block.
  void clearUnused(int32_t cache);

  /// The largest length of a cache, and the smallest capacity.
  int64_t longest() const;
  int64_t leastCapacity() const;

private:
  void shorten(int32_t cache, int64_t length);

  const Allocator *allocator = nullptr;
  const winnow_entry *shape = nullptr;
  int64_t limit = 0; ///< the context that was asked for
  winnow_kv_slot *storage = nullptr;
  int64_t *marks = nullptr; ///< the lengths at `mark`
  int32_t caches = 0;
  Region region;
};

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_KV_STORAGE_H
