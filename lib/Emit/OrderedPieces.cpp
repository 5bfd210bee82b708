//===- OrderedPieces.cpp - Parallel production, ordered consumption -------===//

#include "OrderedPieces.h"

#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

using namespace llvm;
using namespace winnow;

namespace {

/// The state that the threads share.
class PieceQueue {
public:
  explicit PieceQueue(uint64_t count) : count(count) {}

  /// The next piece to produce; `count` when there is none.
  uint64_t take() {
    std::lock_guard<std::mutex> lock(mutex);
    return failedPiece != kNone ? count : std::min(nextToProduce++, count);
  }

  /// Waits until all pieces before this one are consumed, then consumes it.
  /// Pieces are taken in order, so the thread that has the one before this is
  /// at work and nobody waits for ever.
  Error consumeInTurn(uint64_t piece, function_ref<Error()> consume) {
    std::unique_lock<std::mutex> lock(mutex);
    turn.wait(lock,
              [&] { return nextToConsume == piece || failedPiece != kNone; });
    if (failedPiece != kNone)
      return Error::success();
    Error error = consume();
    ++nextToConsume;
    turn.notify_all();
    return error;
  }

  /// Keeps the error of the smallest piece.
  void fail(uint64_t piece, Error error) {
    std::lock_guard<std::mutex> lock(mutex);
    if (piece < failedPiece) {
      consumeError(std::move(firstError));
      firstError = std::move(error);
      failedPiece = piece;
    } else {
      consumeError(std::move(error));
    }
    turn.notify_all();
  }

  Error takeError() { return std::move(firstError); }

private:
  static constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

  const uint64_t count;
  std::mutex mutex;
  std::condition_variable turn;
  uint64_t nextToProduce = 0;
  uint64_t nextToConsume = 0;
  uint64_t failedPiece = kNone;
  Error firstError = Error::success();
};

} // namespace

Error winnow::runOrderedPieces(
    uint64_t count, unsigned threads, uint64_t bufferBytes,
    function_ref<Error(uint64_t, MutableArrayRef<uint8_t>)> produce,
    function_ref<Error(uint64_t, ArrayRef<uint8_t>)> consume) {
  PieceQueue queue(count);
  auto work = [&] {
    std::vector<uint8_t> buffer(bufferBytes);
    for (uint64_t piece = queue.take(); piece < count; piece = queue.take()) {
      Error error = produce(piece, buffer);
      if (!error)
        error =
            queue.consumeInTurn(piece, [&] { return consume(piece, buffer); });
      if (error)
        queue.fail(piece, std::move(error));
    }
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < std::min<uint64_t>(threads, count); ++i)
    helpers.emplace_back(work);
  work();
  for (std::thread &helper : helpers)
    helper.join();
  return queue.takeError();
}
