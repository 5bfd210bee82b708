//===- KvStorage.cpp - The caches of a session ----------------------------===//

#include "KvStorage.h"

#include <string.h>

namespace winnow {
namespace runtime {

static constexpr int64_t kAlignment = 4096;

static int64_t slotCapacity(const winnow_cache_info &cache, int64_t context) {
  int64_t capacity = cache.capacity < context ? cache.capacity : context;
  return roundUp(capacity < 1 ? 1 : capacity, WINNOW_KV_BLOCK);
}

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

bool KvStorage::reserve(const Allocator &source, const winnow_entry &entry,
                        int64_t context) {
  allocator = &source;
  shape = &entry;
  limit = context;
  caches = entry.cache_count;
  if (caches == 0)
    return true;
  size_t count = static_cast<size_t>(caches);
  storage = allocateArray<winnow_kv_slot>(source, count);
  marks = allocateArray<int64_t>(source, count);
  int64_t *offsets = allocateArray<int64_t>(source, 4 * count);
  int64_t total = 0;
  bool fits = storage && marks && offsets;
  for (int32_t i = 0; fits && i < caches; ++i) {
    const winnow_cache_info &cache = entry.caches[i];
    int64_t capacity = slotCapacity(cache, context);
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
  fits = fits && region.reserve(source, static_cast<size_t>(total), false);
  for (int32_t i = 0; fits && i < caches; ++i) {
    const int64_t *offset = offsets + 4 * static_cast<size_t>(i);
    winnow_kv_slot &slot = storage[i];
    slot.keys = reinterpret_cast<float *>(region.data + offset[0]);
    slot.values = reinterpret_cast<float *>(region.data + offset[1]);
    slot.positions = reinterpret_cast<int32_t *>(region.data + offset[2]);
    slot.segments = reinterpret_cast<int32_t *>(region.data + offset[3]);
    slot.length = 0;
    slot.capacity = slotCapacity(entry.caches[i], context);
  }
  releaseArray(source, offsets, 4 * count);
  if (!fits)
    release();
  return fits;
}

void KvStorage::release() {
  region.release();
  if (allocator) {
    releaseArray(*allocator, storage, static_cast<size_t>(caches));
    releaseArray(*allocator, marks, static_cast<size_t>(caches));
  }
  storage = nullptr;
  marks = nullptr;
  caches = 0;
}

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
  for (int32_t i = 0; i < caches; ++i) {
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
  for (int32_t i = 0; i < caches; ++i)
    shorten(i, 0);
}

void KvStorage::mark() {
  for (int32_t i = 0; i < caches; ++i)
    marks[i] = storage[i].length;
}

void KvStorage::rollBack(int64_t unfinished) {
  for (int32_t i = 0; i < caches; ++i) {
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

int64_t KvStorage::longest() const {
  int64_t length = 0;
  for (int32_t i = 0; i < caches; ++i)
    length = storage[i].length > length ? storage[i].length : length;
  return length;
}

int64_t KvStorage::leastCapacity() const {
  int64_t capacity = INT64_MAX;
  for (int32_t i = 0; i < caches; ++i)
    capacity = storage[i].capacity < capacity ? storage[i].capacity : capacity;
  return capacity;
}

} // namespace runtime
} // namespace winnow
