//===- SlotMap.cpp - Which slots the tokens of a sequence take ------------===//

#include "SlotMap.h"

namespace winnow {
namespace runtime {

/// Slots are numbered by i32.
static constexpr int64_t kMostChunks = INT32_MAX / WINNOW_KV_CHUNK;

bool SlotMap::reserve(const Allocator &source, int64_t tokens) {
  int64_t slotBytes = 0, chunkBytes = 0;
  bool good = accumulate(slotBytes, tokens, sizeof(int32_t)) &&
              accumulate(chunkBytes, tokens, sizeof(Chunk)) &&
              slotArray.reserve(source, static_cast<size_t>(slotBytes),
                                /*hugePages=*/false) &&
              chunkArray.reserve(source, static_cast<size_t>(chunkBytes),
                                 /*hugePages=*/false);
  if (!good)
    release();
  return good;
}

void SlotMap::release() {
  slotArray.release();
  chunkArray.release();
  tokenCount = chunkCount = 0;
}

int64_t SlotMap::chunkFor(int32_t segment) {
  // Segments mostly go on or come anew; only the last chunk of one has room.
  for (int64_t chunk = chunkCount; chunk-- > 0;)
    if (chunkAt(chunk).segment == segment) {
      if (chunkAt(chunk).used < WINNOW_KV_CHUNK)
        return chunk;
      break;
    }
  chunkAt(chunkCount) = {segment, 0};
  return chunkCount++;
}

bool SlotMap::append(const int32_t *segments, int64_t count) {
  if (count > capacity() - tokenCount)
    return false;
  int64_t before = tokenCount;
  int32_t *slots = reinterpret_cast<int32_t *>(slotArray.data);
  for (int64_t i = 0; i < count; ++i) {
    int64_t chunk = chunkFor(segments ? segments[i] : 0);
    if (chunk == kMostChunks) {
      --chunkCount;
      truncate(before);
      return false;
    }
    slots[tokenCount++] =
        static_cast<int32_t>(chunk * WINNOW_KV_CHUNK + chunkAt(chunk).used++);
  }
  return true;
}

void SlotMap::truncate(int64_t tokens) {
  // The other way round: a chunk is empty only after all later ones are gone.
  while (tokenCount > tokens) {
    --tokenCount;
    Chunk &chunk = chunkAt(slots()[tokenCount] / WINNOW_KV_CHUNK);
    if (--chunk.used == 0)
      --chunkCount;
  }
}

} // namespace runtime
} // namespace winnow
