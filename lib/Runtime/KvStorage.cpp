//===- KvStorage.cpp - The caches of a session ----------------------------===//

#include "KvStorage.h"

#include <string.h>

namespace winnow {
namespace runtime {

static constexpr int64_t kAlignment = 4096;

/// Adds `heads` * `capacity` * `slotBytes` bytes, rounded up to whole pages.
static bool addPart(int64_t &total, int64_t heads, int64_t capacity,
                    int64_t slotBytes) {
  int64_t slots = 0, bytes = 0;
  if (!accumulate(slots, heads, capacity) ||
      !accumulate(bytes, slots, slotBytes) || bytes > INT64_MAX / 2)
    return false;
  return accumulate(total, 1, roundUp(bytes, kAlignment));
}

/// Bytes of the keys or values of one head and slot. False where there are too
/// many.
static bool computeSlotBytes(int64_t format, int64_t channels, int64_t &bytes) {
  bytes = 0;
  return accumulate(bytes, 1, winnow_kv_scale_bytes(format)) &&
         accumulate(bytes, channels, winnow_kv_number_bytes(format));
}

namespace {
/// The keys or values of one head: see winnow_kv_slot.
struct HeadStorage {
  HeadStorage(const winnow_kv_slot &slot, const winnow_cache_info &info,
              int64_t head, bool isKeys)
      : isKeys(isKeys), channels(isKeys ? info.key_dim : info.value_dim) {
    int64_t format = isKeys ? info.key_format : info.value_format;
    numberBytes = winnow_kv_number_bytes(format);
    scaleBytes = winnow_kv_scale_bytes(format);
    blockBytes = WINNOW_KV_BLOCK * winnow_kv_slot_bytes(format, channels);
    data = (isKeys ? slot.keys : slot.values) +
           head * (slot.capacity / WINNOW_KV_BLOCK) * blockBytes;
  }

  /// Whether the numbers of a slot lie side by side, with nothing between those
  /// of two slots.
  bool isRows() const { return !isKeys && scaleBytes == 0; }
  /// Zeroes the slots [first, last), which lie in one block.
  void clearInBlock(int64_t first, int64_t last) const;
  /// Zeroes the slots [first, last).
  void clear(int64_t first, int64_t last) const;

  bool isKeys;
  int64_t channels, numberBytes, scaleBytes, blockBytes;
  uint8_t *data;
};
} // namespace

static void zero(uint8_t *data, int64_t bytes) {
  memset(data, 0, static_cast<size_t>(bytes));
}

void HeadStorage::clearInBlock(int64_t first, int64_t last) const {
  uint8_t *block = data + first / WINNOW_KV_BLOCK * blockBytes;
  int64_t lane = first % WINNOW_KV_BLOCK, lanes = last - first;
  zero(block + lane * scaleBytes, lanes * scaleBytes);
  uint8_t *numbers = block + WINNOW_KV_BLOCK * scaleBytes;
  if (!isKeys) {
    int64_t rowBytes = channels * numberBytes;
    zero(numbers + lane * rowBytes, lanes * rowBytes);
    return;
  }
  for (int64_t channel = 0; channel < channels; ++channel)
    zero(numbers + (channel * WINNOW_KV_BLOCK + lane) * numberBytes,
         lanes * numberBytes);
}

void HeadStorage::clear(int64_t first, int64_t last) const {
  int64_t firstWhole = roundUp(first, WINNOW_KV_BLOCK);
  int64_t lastWhole = last / WINNOW_KV_BLOCK * WINNOW_KV_BLOCK;
  if (firstWhole > lastWhole) {
    clearInBlock(first, last);
    return;
  }
  if (first < firstWhole)
    clearInBlock(first, firstWhole);
  zero(data + firstWhole / WINNOW_KV_BLOCK * blockBytes,
       (lastWhole - firstWhole) / WINNOW_KV_BLOCK * blockBytes);
  if (lastWhole < last)
    clearInBlock(lastWhole, last);
}

int64_t KvStorage::capacityOf(int32_t cache) const {
  int64_t capacity = shape->caches[cache].capacity;
  capacity = capacity < limit ? capacity : limit;
  return roundUp(capacity < 1 ? 1 : capacity, WINNOW_KV_BLOCK);
}

bool KvStorage::reserve(const Allocator &source, const winnow_entry &entry,
                        int64_t context) {
  allocator = &source;
  shape = &entry;
  limit = context;
  caches = entry.cache_count;
  int64_t tokens = INT64_MAX;
  for (int32_t i = 0; i < caches; ++i)
    if (isChunkedCache(i)) {
      chunked = true;
      tokens = capacityOf(i) < tokens ? capacityOf(i) : tokens;
    }
  bool fits = (!chunked || map.reserve(source, tokens)) && reserveSlots(0);
  if (!fits)
    release();
  return fits;
}

bool KvStorage::reserveSlots(int64_t slots) {
  if (caches == 0)
    return true;
  size_t count = static_cast<size_t>(caches);
  storage = allocateArray<winnow_kv_slot>(*allocator, count);
  marks = allocateArray<int64_t>(*allocator, count);
  int64_t *offsets = allocateArray<int64_t>(*allocator, 4 * count);
  int64_t total = 0;
  bool fits = storage && marks && offsets;
  for (int32_t i = 0; fits && i < caches; ++i) {
    const winnow_cache_info &cache = shape->caches[i];
    int64_t capacity = capacityOf(i);
    if (isChunkedCache(i) && slots > capacity)
      capacity = slots;
    storage[i].capacity = capacity;
    int64_t *offset = offsets + 4 * static_cast<size_t>(i);
    offset[0] = total;
    int64_t keyBytes, valueBytes;
    fits = computeSlotBytes(cache.key_format, cache.key_dim, keyBytes) &&
           addPart(total, cache.heads, capacity, keyBytes);
    offset[1] = total;
    fits = fits &&
           computeSlotBytes(cache.value_format, cache.value_dim, valueBytes) &&
           addPart(total, cache.heads, capacity, valueBytes);
    offset[2] = total;
    fits = fits && addPart(total, 1, capacity, sizeof(int32_t));
    offset[3] = total;
    fits = fits && addPart(total, 1, capacity, sizeof(int32_t));
  }
  fits = fits && region.reserve(*allocator, static_cast<size_t>(total), false);
  for (int32_t i = 0; fits && i < caches; ++i) {
    const int64_t *offset = offsets + 4 * static_cast<size_t>(i);
    winnow_kv_slot &slot = storage[i];
    slot.keys = region.data + offset[0];
    slot.values = region.data + offset[1];
    slot.positions = reinterpret_cast<int32_t *>(region.data + offset[2]);
    slot.segments = reinterpret_cast<int32_t *>(region.data + offset[3]);
    slot.length = 0;
  }
  releaseArray(*allocator, offsets, 4 * count);
  return fits;
}

void KvStorage::release() {
  region.release();
  map.release();
  if (allocator) {
    releaseArray(*allocator, storage, static_cast<size_t>(caches));
    releaseArray(*allocator, marks, static_cast<size_t>(caches));
  }
  storage = nullptr;
  marks = nullptr;
  caches = 0;
  chunked = false;
  stored = end = tokenMark = 0;
}

//===----------------------------------------------------------------------===//
// Chunked caches
//===----------------------------------------------------------------------===//

/// Moves all caches to where there are at least `slots` slots for chunked ones.
bool KvStorage::growChunked(int64_t slots) {
  KvStorage larger;
  larger.allocator = allocator;
  larger.shape = shape;
  larger.limit = limit;
  larger.caches = caches;
  if (!larger.reserveSlots(slots)) {
    larger.release();
    return false;
  }
  for (int32_t i = 0; i < caches; ++i) {
    larger.storage[i].length = storage[i].length;
    larger.marks[i] = marks[i];
    for (int64_t s = 0; s < spanCount(i); ++s)
      memcpy(larger.span(i, s).data, span(i, s).data, span(i, s).size);
  }
  exchange(storage, larger.storage);
  exchange(marks, larger.marks);
  exchange(region, larger.region);
  larger.release();
  return true;
}

void KvStorage::markUnused(int64_t chunk, int64_t used) {
  int64_t first = chunk * WINNOW_KV_CHUNK + used;
  int64_t last = (map.chunks() - 1) * WINNOW_KV_CHUNK;
  for (int32_t i = 0; i < caches; ++i)
    for (int64_t slot = first; isChunkedCache(i) && slot < last; ++slot)
      storage[i].segments[slot] = WINNOW_KV_NO_SEGMENT;
}

bool KvStorage::admit(const int32_t *segments, int64_t count) {
  if (!chunked || count == 0)
    return true;
  int64_t before = map.tokens(), lastChunk = map.chunks() - 1;
  int64_t lastUsed = lastChunk < 0 ? 0 : map.usedOf(lastChunk);
  if (!map.append(segments, count))
    return false;
  for (int32_t i = 0; i < caches; ++i) {
    int64_t capacity = storage[i].capacity;
    if (!isChunkedCache(i) || map.end() <= capacity)
      continue;
    int64_t slots = map.end() > 2 * capacity ? map.end() : 2 * capacity;
    if (!growChunked(roundUp(slots, WINNOW_KV_CHUNK))) {
      map.truncate(before);
      return false;
    }
  }
  // Slots below the end are seen before their tokens are stored.
  markUnused(lastChunk < 0 ? 0 : lastChunk, lastUsed);
  return true;
}

KvStorage::Admitted KvStorage::next(int64_t count) {
  if (!chunked)
    return {};
  const int32_t *slots = map.slots() + stored;
  for (int64_t i = 0; i < count; ++i)
    end = slots[i] >= end ? slots[i] + 1 : end;
  stored += count;
  return {slots, end};
}

void KvStorage::clearSlot(int32_t cache, int64_t index) {
  const winnow_kv_slot &slot = storage[cache];
  const winnow_cache_info &info = shape->caches[cache];
  for (int64_t head = 0; head < info.heads; ++head) {
    HeadStorage(slot, info, head, true).clearInBlock(index, index + 1);
    HeadStorage(slot, info, head, false).clearInBlock(index, index + 1);
  }
  slot.positions[index] = 0;
  slot.segments[index] = WINNOW_KV_NO_SEGMENT;
}

void KvStorage::forget(int64_t tokens) {
  int64_t before = map.tokens(), oldEnd = map.end();
  map.truncate(tokens);
  int64_t newEnd = map.end();
  for (int32_t i = 0; i < caches; ++i) {
    if (!isChunkedCache(i))
      continue;
    for (int64_t token = tokens; token < before; ++token)
      if (map.slots()[token] < newEnd)
        clearSlot(i, map.slots()[token]);
    // Slots of tokens that no call has stored yet may lie behind the length.
    storage[i].length = oldEnd;
    shorten(i, newEnd);
  }
  stored = tokens;
  end = newEnd;
}

//===----------------------------------------------------------------------===//
// Truncation
//===----------------------------------------------------------------------===//

void KvStorage::shorten(int32_t cache, int64_t length) {
  winnow_kv_slot &slot = storage[cache];
  const winnow_cache_info &info = shape->caches[cache];
  int64_t removed = slot.length - length;
  if (removed <= 0)
    return;
  for (int64_t head = 0; head < info.heads; ++head) {
    HeadStorage(slot, info, head, true).clear(length, slot.length);
    HeadStorage(slot, info, head, false).clear(length, slot.length);
  }
  memset(slot.positions + length, 0,
         static_cast<size_t>(removed) * sizeof(int32_t));
  memset(slot.segments + length, 0,
         static_cast<size_t>(removed) * sizeof(int32_t));
  slot.length = length;
}

void KvStorage::truncate(int64_t length, int64_t total,
                         const int32_t *positions) {
  if (length >= total)
    return;
  forget(length < map.tokens() ? length : map.tokens());
  for (int32_t i = 0; i < caches; ++i) {
    if (isChunkedCache(i))
      continue;
    const winnow_kv_slot &slot = storage[i];
    int64_t kept = length;
    if (slot.length != total) {
      kept = slot.length;
      while (kept > 0 &&
             (kept > length || slot.positions[kept - 1] >= positions[length]))
        --kept;
    }
    shorten(i, kept);
  }
}

void KvStorage::clear() {
  forget(0);
  for (int32_t i = 0; i < caches; ++i)
    shorten(i, 0);
}

void KvStorage::mark() {
  for (int32_t i = 0; i < caches; ++i)
    marks[i] = storage[i].length;
  tokenMark = map.tokens();
}

void KvStorage::rollBack(int64_t unfinished) {
  forget(tokenMark);
  for (int32_t i = 0; i < caches; ++i) {
    if (isChunkedCache(i))
      continue;
    winnow_kv_slot &slot = storage[i];
    slot.length = unfinished < slot.capacity - slot.length
                      ? slot.length + unfinished
                      : slot.capacity;
    shorten(i, marks[i]);
  }
}

KvStorage::Span KvStorage::span(int32_t cache, int64_t index) const {
  const winnow_kv_slot &slot = storage[cache];
  const winnow_cache_info &info = shape->caches[cache];
  if (index < 2)
    return {index == 0 ? slot.positions : slot.segments,
            static_cast<size_t>(slot.length) * sizeof(int32_t)};
  HeadStorage numbers(slot, info, (index - 2) / 2, index % 2 == 0);
  int64_t slots =
      numbers.isRows() ? slot.length : roundUp(slot.length, WINNOW_KV_BLOCK);
  return {numbers.data,
          static_cast<size_t>(slots * numbers.blockBytes / WINNOW_KV_BLOCK)};
}

void KvStorage::clearUnused(int32_t cache) {
  int64_t length = storage[cache].length;
  storage[cache].length = roundUp(length, WINNOW_KV_BLOCK);
  shorten(cache, length);
}

int64_t KvStorage::tokensIn(int32_t cache) const {
  return isChunkedCache(cache) ? map.tokens() : storage[cache].length;
}

} // namespace runtime
} // namespace winnow
