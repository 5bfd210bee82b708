//===- KvStorageTest.cpp - Caches, their layout and truncation ------------===//

#include "KvStorage.h"

#include "../CacheNumbers.h"

#include <gtest/gtest.h>
#include <vector>

using namespace winnow::runtime;
using winnow::test::CacheNumbers;

static const Allocator kSystem;

namespace {
/// By the formats of keys and values.
class KvStorageTest
    : public testing::TestWithParam<std::pair<int64_t, int64_t>> {
protected:
  winnow_cache_info infos[2] = {
      {2, 3, 5, 50, 0, GetParam().first, GetParam().second},
      {1, 4, 2, 1000, 0, GetParam().first, GetParam().second}};

  winnow_entry entryWith(int32_t caches) {
    winnow_entry entry = {};
    entry.name = "test";
    entry.caches = infos;
    entry.cache_count = caches;
    return entry;
  }
};
} // namespace

/// Fills slots [slot.length, length) with numbers that are never zero.
static void fill(winnow_kv_slot &slot, const winnow_cache_info &info,
                 int64_t length) {
  for (int64_t index = slot.length; index < length; ++index) {
    for (int64_t head = 0; head < info.heads; ++head)
      for (bool isKey : {true, false}) {
        CacheNumbers numbers(slot, info, isKey, head, index);
        for (int64_t k = 0; k < numbers.channels(); ++k)
          numbers.set(k, 1 + isKey + index + 100 * k + 1000 * head);
        if (numbers.hasScale())
          numbers.scale() = static_cast<float>(1 + isKey + index);
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
    for (int64_t head = 0; head < info.heads; ++head)
      for (bool isKey : {true, false}) {
        CacheNumbers numbers(slot, info, isKey, head, index);
        for (int64_t k = 0; k < numbers.channels(); ++k)
          ASSERT_TRUE(numbers.is(
              k, live ? 1 + isKey + index + 100 * k + 1000 * head : 0))
              << index;
        if (numbers.hasScale())
          ASSERT_EQ(numbers.scale(), live ? 1 + isKey + index : 0) << index;
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

TEST_P(KvStorageTest, CapacityIsInWholeBlocksAndWithinTheContext) {
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
    expectFilledTo(storage.slots()[i], infos[i], 0);
  }
  storage.release();
}

TEST_P(KvStorageTest, TruncationLeavesZeros) {
  winnow_entry entry = entryWith(2);
  std::vector<int32_t> positions = countingPositions(50);
  for (int64_t length : {49, 48, 47, 33, 32, 31, 16, 1, 0}) {
    KvStorage storage;
    ASSERT_TRUE(storage.reserve(kSystem, entry, 64));
    fill(storage.slots()[0], infos[0], 50);
    fill(storage.slots()[1], infos[1], 50);
    storage.truncate(length, 50, positions.data());
    for (int i = 0; i < 2; ++i)
      expectFilledTo(storage.slots()[i], infos[i], length);
    // And what is appended afterwards is as if nothing had been there.
    fill(storage.slots()[0], infos[0], 50);
    expectFilledTo(storage.slots()[0], infos[0], 50);
    storage.release();
  }
}

TEST_P(KvStorageTest, TruncationToTheWholeLengthChangesNothing) {
  winnow_entry entry = entryWith(1);
  std::vector<int32_t> positions = countingPositions(20);
  KvStorage storage;
  ASSERT_TRUE(storage.reserve(kSystem, entry, 64));
  fill(storage.slots()[0], infos[0], 20);
  storage.truncate(20, 20, positions.data());
  expectFilledTo(storage.slots()[0], infos[0], 20);
  EXPECT_EQ(storage.tokensIn(0), 20);
  storage.clear();
  expectFilledTo(storage.slots()[0], infos[0], 0);
  storage.release();
}

/// A cache that dropped tokens keeps those before the first forgotten one.
TEST_P(KvStorageTest, TruncationOfAPrunedCacheGoesByPosition) {
  winnow_entry entry = entryWith(1);
  std::vector<int32_t> positions = countingPositions(40);
  KvStorage storage;
  ASSERT_TRUE(storage.reserve(kSystem, entry, 64));
  winnow_kv_slot &slot = storage.slots()[0];
  fill(slot, infos[0], 20);
  for (int32_t i = 0; i < 20; ++i)
    slot.positions[i] = 2 * i; // every other one of 40 tokens
  storage.truncate(11, 40, positions.data());
  EXPECT_EQ(slot.length, 6); // positions 0, 2, ..., 10
  storage.truncate(0, 11, positions.data());
  EXPECT_EQ(slot.length, 0);
  storage.release();
}

TEST_P(KvStorageTest, ImpossibleSizesAreRefused) {
  winnow_cache_info huge = {1 << 30,          1 << 30,          1, 1 << 30, 0,
                            GetParam().first, GetParam().second};
  winnow_cache_info negative = infos[0];
  negative.heads = -1;
  for (const winnow_cache_info *info : {&huge, &negative}) {
    winnow_entry entry = entryWith(1);
    entry.caches = info;
    KvStorage storage;
    EXPECT_FALSE(storage.reserve(kSystem, entry, INT64_MAX));
    EXPECT_EQ(storage.count(), 0);
  }
}

/// A large context costs address space, not memory.
TEST_P(KvStorageTest, LargeContextsAreReservedOnly) {
  // 32 GiB as f32.
  winnow_cache_info large = {
      8, 128, 128, 4 << 20, 0, GetParam().first, GetParam().second};
  winnow_entry entry = entryWith(1);
  entry.caches = &large;
  KvStorage storage;
  ASSERT_TRUE(storage.reserve(kSystem, entry, INT64_MAX));
  EXPECT_EQ(storage.slots()[0].values[0], 0);
  storage.release();
}

/// Smaller numbers take less memory, to the byte.
TEST_P(KvStorageTest, SpansHaveTheBytesOfTheFormat) {
  winnow_entry entry = entryWith(1);
  KvStorage storage;
  ASSERT_TRUE(storage.reserve(kSystem, entry, 64));
  fill(storage.slots()[0], infos[0], 32);
  auto bytesOf = [](int64_t format, int64_t channels) {
    return format == WINNOW_KV_F32    ? 4 * channels
           : format == WINNOW_KV_BF16 ? 2 * channels
                                      : channels + 4;
  };
  EXPECT_EQ(storage.span(0, 2).size, 32 * bytesOf(GetParam().first, 3));
  EXPECT_EQ(storage.span(0, 3).size, 32 * bytesOf(GetParam().second, 5));
  storage.release();
}

/// What lies behind the end in the last block goes, and nothing else.
TEST_P(KvStorageTest, ClearsTheRestOfABlock) {
  winnow_entry entry = entryWith(1);
  KvStorage storage;
  ASSERT_TRUE(storage.reserve(kSystem, entry, 64));
  fill(storage.slots()[0], infos[0], 48);
  storage.slots()[0].length = 37;
  storage.clearUnused(0);
  expectFilledTo(storage.slots()[0], infos[0], 37);
  storage.release();
}

INSTANTIATE_TEST_SUITE_P(
    Formats, KvStorageTest,
    testing::Values(std::pair(WINNOW_KV_F32, WINNOW_KV_F32),
                    std::pair(WINNOW_KV_BF16, WINNOW_KV_BF16),
                    std::pair(WINNOW_KV_I8, WINNOW_KV_I8),
                    std::pair(WINNOW_KV_F32, WINNOW_KV_I8),
                    std::pair(WINNOW_KV_I8, WINNOW_KV_BF16)));
