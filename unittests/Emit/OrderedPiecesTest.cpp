//===- OrderedPiecesTest.cpp - Parallel production, ordered consumption ---===//

#include "OrderedPieces.h"

#include "../Errors.h"
#include "gtest/gtest.h"

#include <atomic>
#include <chrono>
#include <thread>

using namespace llvm;
using namespace winnow;

/// Pieces of one byte.
static std::vector<uint64_t> bytes(size_t count) {
  return std::vector<uint64_t>(count, 1);
}

TEST(OrderedPieces, ConsumesInOrderWhateverTheThreads) {
  for (unsigned threads : {1u, 2u, 7u}) {
    std::vector<uint64_t> seen;
    auto produce = [](uint64_t piece, MutableArrayRef<uint8_t> buffer) {
      // Even pieces are slow, so odd ones are ready before their turn.
      if (piece % 2 == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      buffer[0] = uint8_t(piece);
      return Error::success();
    };
    auto consume = [&](uint64_t piece, ArrayRef<uint8_t> buffer) {
      EXPECT_EQ(buffer[0], uint8_t(piece));
      seen.push_back(piece);
      return Error::success();
    };
    EXPECT_EQ(
        messageOf(runOrderedPieces(bytes(300), threads, produce, consume)), "");
    ASSERT_EQ(seen.size(), 300u);
    for (uint64_t piece = 0; piece < 300; ++piece)
      EXPECT_EQ(seen[piece], piece);
  }
}

TEST(OrderedPieces, StopsAtAFailure) {
  for (unsigned threads : {1u, 3u}) {
    std::atomic<uint64_t> produced = 0, consumed = 0;
    auto produce = [&](uint64_t piece, MutableArrayRef<uint8_t>) -> Error {
      ++produced;
      if (piece == 5)
        return createStringError("piece 5");
      return Error::success();
    };
    auto consume = [&](uint64_t, ArrayRef<uint8_t>) {
      ++consumed;
      return Error::success();
    };
    EXPECT_EQ(
        messageOf(runOrderedPieces(bytes(1000), threads, produce, consume)),
        "piece 5");
    EXPECT_LE(consumed, 5u);
    EXPECT_LE(produced, 1000u);

    auto produceAll = [](uint64_t, MutableArrayRef<uint8_t>) {
      return Error::success();
    };
    auto refuse = [](uint64_t piece, ArrayRef<uint8_t>) -> Error {
      if (piece == 7)
        return createStringError("refused");
      return Error::success();
    };
    EXPECT_EQ(
        messageOf(runOrderedPieces(bytes(1000), threads, produceAll, refuse)),
        "refused");
    EXPECT_EQ(
        messageOf(runOrderedPieces(bytes(0), threads, produceAll, refuse)), "");
  }
}

TEST(OrderedPieces, DoNotWaitForASlowOneUntilTheyAreLarge) {
  // All others are ready before the first, but for the last: there is no room.
  std::vector<uint64_t> sizes = {1, 1, kWaitingBytes / 2, kWaitingBytes / 2, 1};
  std::atomic<uint64_t> produced = 0;
  bool waited = false;
  auto produce = [&](uint64_t piece, MutableArrayRef<uint8_t>) {
    if (piece == 0) {
      while (produced < 3)
        std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      waited = produced == 3;
    }
    ++produced;
    return Error::success();
  };
  std::vector<uint64_t> seen;
  auto consume = [&](uint64_t piece, ArrayRef<uint8_t> buffer) {
    EXPECT_EQ(buffer.size(), sizes[piece]);
    seen.push_back(piece);
    return Error::success();
  };
  EXPECT_EQ(messageOf(runOrderedPieces(sizes, 2, produce, consume)), "");
  EXPECT_TRUE(waited);
  EXPECT_EQ(seen, std::vector<uint64_t>({0, 1, 2, 3, 4}));
}
