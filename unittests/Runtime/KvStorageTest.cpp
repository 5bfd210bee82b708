//===- KvStorageTest.cpp - Caches, their layout and truncation ------------===//

#include "KvStorage.h"

#include <gtest/gtest.h>
#include <vector>

using namespace winnow::runtime;

static const Allocator kSystem;
static constexpr winnow_cache_info kInfos[] = {{2, 3, 5, 50, 0},
                                               {1, 4, 2, 1000, 0}};

static winnow_entry entryWith(int32_t caches) {
  winnow_entry entry = {};
  entry.name = "test";
  entry.caches = kInfos;
  entry.cache_count = caches;
  return entry;
}

static float &key(winnow_kv_slot &slot, const winnow_cache_info &info,
                  int64_t head, int64_t index, int64_t channel) {
  return slot.keys[head * slot.capacity * info.key_dim +
                   index / 16 * 16 * info.key_dim + channel * 16 + index % 16];
}

/// Fills slots [slot.length, length) with numbers that are never zero.
static void fill(winnow_kv_slot &slot, const winnow_cache_info &info,
                 int64_t length) {
  for (int64_t index = slot.length; index < length; ++index) {
    for (int64_t head = 0; head < info.heads; ++head) {
      for (int64_t k = 0; k < info.key_dim; ++k)
        key(slot, info, head, index, k) = 1 + index + 100 * k + 1000 * head;
      for (int64_t k = 0; k < info.value_dim; ++k)
        slot.values[(head * slot.capacity + index) * info.value_dim + k] =
            2 + index + 100 * k + 1000 * head;
    }
    slot.positions[index] = static_cast<int32_t>(index);
    slot.segments[index] = 7;
  }
  slot.length = length;
}

/// Slots below the length hold what fill wrote, all others zero.
static void expectFilledTo(winnow_kv_slot &slot, const winnow_cache_info &info,
                           int64_t length) {
  ASSERT_EQ(slot.length, length);
  for (int64_t index = 0; index < slot.capacity; ++index) {
    bool live = index < length;
    for (int64_t head = 0; head < info.heads; ++head) {
      for (int64_t k = 0; k < info.key_dim; ++k)
        ASSERT_EQ(key(slot, info, head, index, k),
                  live ? 1 + index + 100 * k + 1000 * head : 0)
            << index;
      for (int64_t k = 0; k < info.value_dim; ++k)
        ASSERT_EQ(
            slot.values[(head * slot.capacity + index) * info.value_dim + k],
            live ? 2 + index + 100 * k + 1000 * head : 0)
            << index;
    }
    ASSERT_EQ(slot.positions[index], live ? index : 0);
    ASSERT_EQ(slot.segments[index], live ? 7 : 0);
  }
}

static std::vector<int32_t> countingPositions(int32_t count) {
  std::vector<int32_t> positions(count);
  for (int32_t i = 0; i < count; ++i)
    positions[i] = i;
  return positions;
}

TEST(KvStorage, CapacityIsInWholeBlocksAndWithinTheContext) {
  winnow_entry entry = entryWith(2);
  KvStorage storage;
  ASSERT_TRUE(storage.reserve(kSystem, entry, 100));
  EXPECT_EQ(storage.slots()[0].capacity, 64);
  EXPECT_EQ(storage.slots()[1].capacity, 112);
  EXPECT_EQ(storage.capacityOf(0), 64);
  EXPECT_EQ(storage.capacityOf(1), 112);
  EXPECT_FALSE(storage.isChunked());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(storage.slots()[i].keys) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(storage.slots()[i].values) % 64, 0u);
    expectFilledTo(storage.slots()[i], kInfos[i], 0);
  }
  storage.release();
}

TEST(KvStorage, TruncationLeavesZeros) {
  winnow_entry entry = entryWith(2);
  std::vector<int32_t> positions = countingPositions(50);
  for (int64_t length : {49, 48, 47, 33, 32, 31, 16, 1, 0}) {
    KvStorage storage;
    ASSERT_TRUE(storage.reserve(kSystem, entry, 64));
    fill(storage.slots()[0], kInfos[0], 50);
    fill(storage.slots()[1], kInfos[1], 50);
    storage.truncate(length, 50, positions.data());
    for (int i = 0; i < 2; ++i)
      expectFilledTo(storage.slots()[i], kInfos[i], length);
    // And what is appended afterwards is as if nothing had been there.
    fill(storage.slots()[0], kInfos[0], 50);
    expectFilledTo(storage.slots()[0], kInfos[0], 50);
    storage.release();
  }
}

TEST(KvStorage, TruncationToTheWholeLengthChangesNothing) {
  winnow_entry entry = entryWith(1);
  std::vector<int32_t> positions = countingPositions(20);
  KvStorage storage;
  ASSERT_TRUE(storage.reserve(kSystem, entry, 64));
  fill(storage.slots()[0], kInfos[0], 20);
  storage.truncate(20, 20, positions.data());
  expectFilledTo(storage.slots()[0], kInfos[0], 20);
  EXPECT_EQ(storage.tokensIn(0), 20);
  storage.clear();
  expectFilledTo(storage.slots()[0], kInfos[0], 0);
  storage.release();
}

/// A cache that dropped tokens keeps those before the first forgotten one.
TEST(KvStorage, TruncationOfAPrunedCacheGoesByPosition) {
  winnow_entry entry = entryWith(1);
  std::vector<int32_t> positions = countingPositions(40);
  KvStorage storage;
  ASSERT_TRUE(storage.reserve(kSystem, entry, 64));
  winnow_kv_slot &slot = storage.slots()[0];
  fill(slot, kInfos[0], 20);
  for (int32_t i = 0; i < 20; ++i)
    slot.positions[i] = 2 * i; // every other one of 40 tokens
  storage.truncate(11, 40, positions.data());
  EXPECT_EQ(slot.length, 6); // positions 0, 2, ..., 10
  storage.truncate(0, 11, positions.data());
  EXPECT_EQ(slot.length, 0);
  storage.release();
}

TEST(KvStorage, ImpossibleSizesAreRefused) {
  winnow_cache_info huge = {1 << 30, 1 << 30, 1, 1 << 30, 0};
  winnow_cache_info negative = {-1, 4, 4, 16, 0};
  for (const winnow_cache_info *info : {&huge, &negative}) {
    winnow_entry entry = entryWith(1);
    entry.caches = info;
    KvStorage storage;
    EXPECT_FALSE(storage.reserve(kSystem, entry, INT64_MAX));
    EXPECT_EQ(storage.count(), 0);
  }
}

/// A large context costs address space, not memory.
TEST(KvStorage, LargeContextsAreReservedOnly) {
  winnow_cache_info large = {8, 128, 128, 4 << 20, 0}; // 32 GiB
  winnow_entry entry = entryWith(1);
  entry.caches = &large;
  KvStorage storage;
  ASSERT_TRUE(storage.reserve(kSystem, entry, INT64_MAX));
  EXPECT_EQ(storage.slots()[0].values[0], 0);
  storage.release();
}
