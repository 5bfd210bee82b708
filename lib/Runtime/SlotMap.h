//===- SlotMap.h - Which slots the tokens of a sequence take ----*- C++ -*-===//

#ifndef WINNOW_LIB_RUNTIME_SLOT_MAP_H
#define WINNOW_LIB_RUNTIME_SLOT_MAP_H

#include "Memory.h"
#include "winnow/Runtime/Call.h"

namespace winnow {
namespace runtime {

/// Gives each segment chunks of WINNOW_KV_CHUNK slots of its own, in the order
/// in which its tokens come. Attention adds up keys chunk by chunk, so what it
/// computes for a segment does not depend on the other segments of a cache. A
/// sequence of one segment takes the slots 0, 1, 2, ...
class SlotMap {
public:
  /// Reserves room for `tokens` tokens from `source`, which has to outlive the
  /// map. False where memory is refused.
  bool reserve(const Allocator &source, int64_t tokens);
  void release();

  /// Gives slots to `count` tokens more. Null segments are zeros. False, and no
  /// token more, where there is no room for them or slots run out of range.
  bool append(const int32_t *segments, int64_t count);
  /// Forgets the tokens from `tokens` on.
  void truncate(int64_t tokens);

  int64_t tokens() const { return tokenCount; }
  /// The tokens that there is room for in all.
  int64_t capacity() const {
    return static_cast<int64_t>(slotArray.size / sizeof(int32_t));
  }
  /// The slot of each token.
  const int32_t *slots() const {
    return reinterpret_cast<const int32_t *>(slotArray.data);
  }
  int32_t segmentOf(int64_t token) const {
    return chunkAt(slots()[token] / WINNOW_KV_CHUNK).segment;
  }
  int64_t chunks() const { return chunkCount; }
  /// The used slots of a chunk, its first ones.
  int64_t usedOf(int64_t chunk) const { return chunkAt(chunk).used; }
  /// The slot behind the last one in use.
  int64_t end() const {
    return chunkCount
               ? (chunkCount - 1) * WINNOW_KV_CHUNK + usedOf(chunkCount - 1)
               : 0;
  }

private:
  struct Chunk {
    int32_t segment;
    int32_t used;
  };
  Chunk &chunkAt(int64_t index) const {
    return reinterpret_cast<Chunk *>(chunkArray.data)[index];
  }
  /// The chunk with room for a token of `segment`, which is added where there
  /// is none.
  int64_t chunkFor(int32_t segment);

  Region slotArray;  ///< i32 [tokens]
  Region chunkArray; ///< Chunk [tokens]: at worst every token has one
  int64_t tokenCount = 0;
  int64_t chunkCount = 0;
};

} // namespace runtime
} // namespace winnow

#endif // WINNOW_LIB_RUNTIME_SLOT_MAP_H
