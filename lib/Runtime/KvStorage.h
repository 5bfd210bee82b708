//===- KvStorage.h - The caches of a session --------------------*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_KV_STORAGE_H
#define WINNOW_LIB_RUNTIME_KV_STORAGE_H

#include "Memory.h"
#include "SlotMap.h"
#include "winnow/Runtime/Call.h"

namespace winnow {
namespace runtime {

/// The caches of one entry point. Address space is reserved for the whole
/// capacity and takes memory as it is written. Slots at and after a cache's
/// length always read as zero, also after a truncation, so a shortened cache
/// cannot be told from one that never was longer.
///
/// The tokens of a chunked cache have the slots of a SlotMap. A cache with many
/// segments has more slots than tokens and grows as it needs them; its slots
/// below the length that belong to no token have no segment and are else zero.
class KvStorage {
public:
  /// Reserves the caches of `entry` for min(capacity, `context`) tokens each,
  /// rounded up to whole blocks, from `source`, which has to outlive them.
  /// Returns false where a size is out of range or memory is refused.
  bool reserve(const Allocator &source, const winnow_entry &entry,
               int64_t context);
  /// Reserves what `other` was made for.
  bool reserveLike(const KvStorage &other) {
    return reserve(*other.allocator, *other.shape, other.limit);
  }
  void release();

  /// Null where the entry has no caches.
  winnow_kv_slot *slots() { return storage; }
  const winnow_kv_slot *slots() const { return storage; }
  int32_t count() const { return caches; }

  /// Whether a cache is chunked: then tokens have to be admitted.
  bool isChunked() const { return chunked; }
  /// The tokens of chunked caches.
  const SlotMap &slotMap() const { return map; }
  /// Gives slots of chunked caches to `count` tokens more, which there is room
  /// for; null segments are zeros. False, and nothing has changed, where memory
  /// is refused.
  bool admit(const int32_t *segments, int64_t count);
  /// What a call that stores some of the admitted tokens gets to know.
  struct Admitted {
    const int32_t *slots = nullptr;
    int64_t end = 0;
  };
  /// The next `count` tokens that have been admitted.
  Admitted next(int64_t count);

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

  /// Remembers what is stored for rollBack; comes before admit.
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
  /// head. Keys, and values with scales, come in whole blocks: see clearUnused.
  int64_t spanCount(int32_t cache) const {
    return 2 + 2 * shape->caches[cache].heads;
  }
  Span span(int32_t cache, int64_t index) const;
  /// Zeroes the slots after the end of a cache within its last block.
  void clearUnused(int32_t cache);

  /// The tokens that a cache holds.
  int64_t tokensIn(int32_t cache) const;
  /// The tokens that fit in.
  int64_t capacityOf(int32_t cache) const;

private:
  /// Reserves at least `slots` slots for chunked caches.
  bool reserveSlots(int64_t slots);
  bool growChunked(int64_t slots);
  /// Takes the segment of the slots from `used` of `chunk` on until the last
  /// chunk.
  void markUnused(int64_t chunk, int64_t used);
  void shorten(int32_t cache, int64_t length);
  void clearSlot(int32_t cache, int64_t slot);
  /// Forgets the tokens of chunked caches from `tokens` on.
  void forget(int64_t tokens);
  bool isChunkedCache(int32_t cache) const {
    return shape->caches[cache].chunked != 0;
  }

  const Allocator *allocator = nullptr;
  const winnow_entry *shape = nullptr;
  int64_t limit = 0; ///< the context that was asked for
  winnow_kv_slot *storage = nullptr;
  int64_t *marks = nullptr; ///< the lengths at `mark`
  int64_t tokenMark = 0;    ///< the tokens of chunked caches at `mark`
  int32_t caches = 0;
  bool chunked = false;
  Region region;
  SlotMap map;
  int64_t stored = 0; ///< of the tokens in `map`: those that calls got
  int64_t end = 0;    ///< the length of chunked caches with these
};

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_KV_STORAGE_H
