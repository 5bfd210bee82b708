//===- ChunkedCachesTest.cpp - Segments that have chunks of their own -----===//

#include "KvStorage.h"

#include "../CacheNumbers.h"

#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace winnow::runtime;
using winnow::test::CacheNumbers;

static const Allocator kSystem;
static constexpr int64_t kContext = 1000;
// The second cache is not chunked and keeps to itself.
static constexpr winnow_cache_info kInfos[] = {
    {2, 3, 5, kContext, 1, WINNOW_KV_BF16, WINNOW_KV_I8},
    {1, 4, 2, kContext, 0, WINNOW_KV_F32, WINNOW_KV_F32},
    {1, 1, 1, kContext, 1, WINNOW_KV_I8, WINNOW_KV_F32}};

static winnow_entry entryOfCaches() {
  winnow_entry entry = {};
  entry.name = "test";
  entry.caches = kInfos;
  entry.cache_count = 3;
  return entry;
}

static std::vector<int32_t> repeat(int32_t segment, int64_t count) {
  return std::vector<int32_t>(static_cast<size_t>(count), segment);
}

TEST(SlotMap, OneSegmentTakesTheSlotsInOrder) {
  SlotMap map;
  ASSERT_TRUE(map.reserve(kSystem, kContext));
  EXPECT_EQ(map.end(), 0);
  ASSERT_TRUE(map.append(nullptr, 300));
  for (int32_t i = 0; i < 300; ++i)
    EXPECT_EQ(map.slots()[i], i);
  EXPECT_EQ(map.end(), 300);
  map.release();
}

TEST(SlotMap, NoMoreTokensThanThereIsRoomFor) {
  SlotMap map;
  ASSERT_TRUE(map.reserve(kSystem, 40));
  EXPECT_EQ(map.capacity(), 40);
  EXPECT_FALSE(map.append(nullptr, 41));
  ASSERT_TRUE(map.append(nullptr, 39));
  EXPECT_FALSE(map.append(nullptr, 2));
  EXPECT_EQ(map.tokens(), 39);
  EXPECT_TRUE(map.append(nullptr, 1));
  map.release();
}

TEST(SlotMap, SegmentsHaveChunksOfTheirOwn) {
  SlotMap map;
  ASSERT_TRUE(map.reserve(kSystem, kContext));
  for (const auto &[segment, count] : std::vector<std::pair<int32_t, int64_t>>{
           {5, 100}, {6, 3}, {5, 30}, {6, 1}})
    ASSERT_TRUE(map.append(repeat(segment, count).data(), count));
  // The first 28 of the third piece fill chunk 0, two go to chunk 2.
  EXPECT_EQ(map.slots()[99], 99);
  EXPECT_EQ(map.slots()[100], WINNOW_KV_CHUNK);
  EXPECT_EQ(map.slots()[103], 100);
  EXPECT_EQ(map.slots()[130], 127);
  EXPECT_EQ(map.slots()[131], 2 * WINNOW_KV_CHUNK);
  EXPECT_EQ(map.slots()[133], WINNOW_KV_CHUNK + 3);
  EXPECT_EQ(map.segmentOf(133), 6);
  EXPECT_EQ(map.end(), 2 * WINNOW_KV_CHUNK + 2);
  map.release();
}

TEST(SlotMap, ATruncatedMapIsAsIfItHadNeverBeenLonger) {
  std::mt19937 random(7);
  std::vector<int32_t> segments;
  for (int i = 0; i < kContext; ++i)
    segments.push_back(static_cast<int32_t>(
        random() % 4 || segments.empty() ? random() % 5 : segments.back()));
  for (int64_t length : {0, 1, 2, 127, 128, 129, 500, 999, 1000}) {
    SlotMap map, fresh;
    ASSERT_TRUE(map.reserve(kSystem, kContext));
    ASSERT_TRUE(fresh.reserve(kSystem, kContext));
    ASSERT_TRUE(map.append(segments.data(), kContext));
    map.truncate(length);
    ASSERT_TRUE(fresh.append(segments.data(), length));
    EXPECT_EQ(map.tokens(), length);
    EXPECT_EQ(map.chunks(), fresh.chunks());
    EXPECT_EQ(map.end(), fresh.end());
    // What comes next takes the same slots.
    ASSERT_TRUE(map.append(segments.data(), kContext - length));
    ASSERT_TRUE(fresh.append(segments.data(), kContext - length));
    EXPECT_TRUE(std::equal(map.slots(), map.slots() + kContext, fresh.slots()));
    map.release();
    fresh.release();
  }
}

/// Stores the next `count` tokens: everything of a slot is its token plus 1,
/// but for its segment.
static void storeTokens(KvStorage &storage, int64_t first, int64_t count) {
  KvStorage::Admitted admitted = storage.next(count);
  for (int32_t i = 0; i < storage.count(); ++i) {
    winnow_kv_slot &cache = storage.slots()[i];
    const winnow_cache_info &info = kInfos[i];
    for (int64_t token = first; token < first + count; ++token) {
      int64_t slot =
          info.chunked ? admitted.slots[token - first] : cache.length;
      for (int64_t head = 0; head < info.heads; ++head)
        for (bool isKey : {true, false}) {
          CacheNumbers numbers(cache, info, isKey, head, slot);
          for (int64_t k = 0; k < numbers.channels(); ++k)
            numbers.set(k, token + 1);
          if (numbers.hasScale())
            numbers.scale() = static_cast<float>(token + 1);
        }
      cache.positions[slot] = static_cast<int32_t>(token + 1);
      cache.segments[slot] =
          info.chunked ? storage.slotMap().segmentOf(token) : 3;
      if (!info.chunked)
        ++cache.length;
    }
    if (info.chunked)
      cache.length = admitted.end;
  }
}

/// All used slots, by cache; where both have the same tokens stored, equal.
static std::vector<std::vector<uint8_t>> contents(KvStorage &storage) {
  std::vector<std::vector<uint8_t>> all;
  for (int32_t i = 0; i < storage.count(); ++i) {
    std::vector<uint8_t> &bytes = all.emplace_back();
    for (int64_t s = 0; s < storage.spanCount(i); ++s) {
      KvStorage::Span span = storage.span(i, s);
      auto *data = static_cast<uint8_t *>(span.data);
      bytes.insert(bytes.end(), data, data + span.size);
    }
  }
  return all;
}

namespace {
class ChunkedCaches : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(storage.reserve(kSystem, entry, kContext));
    std::mt19937 random(3);
    for (int i = 0; i < kContext; ++i) {
      segments.push_back(static_cast<int32_t>(random() % 20));
      positions.push_back(i + 1);
    }
  }
  void TearDown() override { storage.release(); }

  void feed(KvStorage &into, int64_t first, int64_t last) {
    ASSERT_TRUE(into.admit(segments.data() + first, last - first));
    storeTokens(into, first, last - first);
  }

  winnow_entry entry = entryOfCaches();
  KvStorage storage;
  std::vector<int32_t> segments, positions;
};
} // namespace

TEST_F(ChunkedCaches, GrowWhereSegmentsTakeMoreSlotsThanTokens) {
  int64_t before = storage.slots()[0].capacity;
  feed(storage, 0, 10);
  // A segment for each token: a chunk each.
  for (int32_t i = 10; i < 200; ++i)
    segments[static_cast<size_t>(i)] = 1000 + i;
  feed(storage, 10, 200);
  EXPECT_GT(storage.slots()[0].capacity, before);
  EXPECT_EQ(storage.slots()[1].capacity, before);
  EXPECT_EQ(storage.tokensIn(0), 200);
  EXPECT_EQ(storage.tokensIn(1), 200);
  const winnow_kv_slot &cache = storage.slots()[2];
  for (int32_t token = 0; token < 200; ++token) {
    int32_t slot = storage.slotMap().slots()[token];
    EXPECT_EQ(cache.positions[slot], token + 1);
    EXPECT_EQ(cache.segments[slot], segments[static_cast<size_t>(token)]);
    for (bool isKey : {true, false})
      EXPECT_TRUE(
          CacheNumbers(cache, kInfos[2], isKey, 0, slot).is(0, token + 1));
    EXPECT_EQ(CacheNumbers(cache, kInfos[2], true, 0, slot).scale(),
              static_cast<float>(token + 1));
  }
  // All others have no segment.
  int64_t taken = 0;
  for (int64_t slot = 0; slot < cache.length; ++slot)
    taken += cache.segments[slot] != WINNOW_KV_NO_SEGMENT;
  EXPECT_EQ(taken, 200);
}

TEST_F(ChunkedCaches, PiecesDoNotMatter) {
  feed(storage, 0, kContext);
  KvStorage other;
  ASSERT_TRUE(other.reserveLike(storage));
  ASSERT_TRUE(other.admit(segments.data(), kContext));
  for (int64_t first = 0; first < kContext; first += 8)
    storeTokens(other, first, 8);
  EXPECT_EQ(contents(other), contents(storage));
  other.release();
}

TEST_F(ChunkedCaches, TruncationLeavesWhatAFreshSequenceHas) {
  for (int64_t length : {999, 640, 129, 128, 20, 1, 0}) {
    storage.clear();
    feed(storage, 0, kContext);
    storage.truncate(length, kContext, positions.data());
    KvStorage fresh;
    ASSERT_TRUE(fresh.reserveLike(storage));
    feed(fresh, 0, length);
    EXPECT_EQ(contents(storage), contents(fresh)) << length;
    feed(storage, length, kContext);
    feed(fresh, length, kContext);
    EXPECT_EQ(contents(storage), contents(fresh)) << length;
    fresh.release();
  }
}

TEST_F(ChunkedCaches, ACancelledCallLeavesNothing) {
  feed(storage, 0, 300);
  std::vector<std::vector<uint8_t>> before = contents(storage);
  storage.mark();
  ASSERT_TRUE(storage.admit(segments.data() + 300, 200));
  storeTokens(storage, 300, 50);
  storage.rollBack(50);
  EXPECT_EQ(contents(storage), before);
  EXPECT_EQ(storage.tokensIn(0), 300);
  feed(storage, 300, 500);
  KvStorage fresh;
  ASSERT_TRUE(fresh.reserveLike(storage));
  feed(fresh, 0, 500);
  EXPECT_EQ(contents(storage), contents(fresh));
  fresh.release();
}
