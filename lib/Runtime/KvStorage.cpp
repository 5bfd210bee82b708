//===- KvStorage.cpp - The caches of a session ----------------------------===//

#include "KvStorage.h"

#include <string.h>

namespace winnow {
namespace runtime {

static constexpr int64_t kAlignment = 4096;

/// Adds the bytes of `rows` * `columns` * `depth` words of four bytes, rounded
/// up to whole pages.
static bool addPart(int64_t &total, int64_t rows, int64_t columns,
                    int64_t depth) {
  int64_t area = 0, bytes = 0;
  if (!accumulate(area, rows, columns) || !accumulate(bytes, area, depth) ||
      bytes > INT64_MAX / 8)
    return false;
  return accumulate(total, 1, roundUp(bytes * 4, kAlignment));
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
    fits = addPart(total, cache.heads, cache.key_dim, capacity);
    offset[1] = total;
    fits = fits && addPart(total, cache.heads, cache.value_dim, capacity);
    offset[2] = total;
    fits = fits && addPart(total, 1, 1, capacity);
    offset[3] = total;
    fits = fits && addPart(total, 1, 1, capacity);
  }
  fits = fits && region.reserve(*allocator, static_cast<size_t>(total), false);
  for (int32_t i = 0; fits && i < caches; ++i) {
    const int64_t *offset = offsets + 4 * static_cast<size_t>(i);
    winnow_kv_slot &slot = storage[i];
    slot.keys = reinterpret_cast<float *>(region.data + offset[0]);
    slot.values = reinterpret_cast<float *>(region.data + offset[1]);
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
  int64_t lane = index % WINNOW_KV_BLOCK;
  for (int64_t head = 0; head < info.heads; ++head) {
    float *keys =
        slot.keys + (head * slot.capacity + index - lane) * info.key_dim;
    for (int64_t channel = 0; channel < info.key_dim; ++channel)
      keys[channel * WINNOW_KV_BLOCK + lane] = 0;
    memset(slot.values + (head * slot.capacity + index) * info.value_dim, 0,
           static_cast<size_t>(info.value_dim) * sizeof(float));
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
  // Lanes of the block in which the new end lies, then whole blocks.
  int64_t firstWhole = roundUp(length, WINNOW_KV_BLOCK);
  int64_t oldEnd = roundUp(slot.length, WINNOW_KV_BLOCK);
  for (int64_t head = 0; head < info.heads; ++head) {
    float *keys = slot.keys + head * slot.capacity * info.key_dim;
    if (length < firstWhole) {
      float *block = keys + (firstWhole - WINNOW_KV_BLOCK) * info.key_dim;
      size_t lanes = static_cast<size_t>(firstWhole - length);
      for (int64_t channel = 0; channel < info.key_dim; ++channel)
        memset(block + (channel + 1) * WINNOW_KV_BLOCK - lanes, 0,
               lanes * sizeof(float));
    }
    if (firstWhole < oldEnd)
      memset(keys + firstWhole * info.key_dim, 0,
             static_cast<size_t>((oldEnd - firstWhole) * info.key_dim) *
                 sizeof(float));
    float *values = slot.values + head * slot.capacity * info.value_dim;
    memset(values + length * info.value_dim, 0,
           static_cast<size_t>(removed * info.value_dim) * sizeof(float));
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
  int64_t head = (index - 2) / 2;
  bool keys = index % 2 == 0;
  int64_t channels = keys ? info.key_dim : info.value_dim;
  int64_t slots = keys ? roundUp(slot.length, WINNOW_KV_BLOCK) : slot.length;
  return {(keys ? slot.keys : slot.values) + head * slot.capacity * channels,
          static_cast<size_t>(slots * channels) * sizeof(float)};
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
