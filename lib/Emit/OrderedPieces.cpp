//===- OrderedPieces.cpp - Parallel production, ordered consumption -------===//

#include "OrderedPieces.h"

#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

using namespace llvm;
using namespace winnow;

namespace {

using Buffer = std::vector<uint8_t>;

/// The state that the threads share.
class PieceQueue {
public:
  PieceQueue(ArrayRef<uint64_t> sizes,
             function_ref<Error(uint64_t, ArrayRef<uint8_t>)> consume)
      : sizes(sizes), consume(consume), ready(sizes.size()) {}

  /// The next piece to produce and its buffer; nothing when there is none.
  /// Waits as long as too much waits. Then some piece before all of that is
  /// being produced, so nobody waits for ever.
  std::optional<uint64_t> take(Buffer &buffer) {
    std::unique_lock<std::mutex> lock(mutex);
    mayTake.wait(lock, [&] { return waitingBytes < kWaitingBytes || ends(); });
    if (ends())
      return std::nullopt;
    if (!unused.empty()) {
      buffer = std::move(unused.back());
      unused.pop_back();
    }
    buffer.resize(sizes[nextToProduce]);
    return nextToProduce++;
  }

  /// Consumes a piece, and those behind it that wait for it, or lets it wait
  /// for those before it.
  void add(uint64_t piece, Buffer buffer) {
    std::lock_guard<std::mutex> lock(mutex);
    waitingBytes += buffer.size();
    ready[piece] = std::move(buffer);
    while (nextToConsume < ready.size() && ready[nextToConsume] &&
           nextToConsume < failedPiece) {
      Buffer next = std::move(*ready[nextToConsume]);
      ready[nextToConsume].reset();
      waitingBytes -= next.size();
      if (Error error = consume(nextToConsume, next))
        keepFirst(nextToConsume, std::move(error));
      unused.push_back(std::move(next));
      ++nextToConsume;
    }
    mayTake.notify_all();
  }

  void fail(uint64_t piece, Error error) {
    std::lock_guard<std::mutex> lock(mutex);
    keepFirst(piece, std::move(error));
    mayTake.notify_all();
  }

  Error takeError() { return std::move(firstError); }

private:
  bool ends() const {
    return failedPiece != kNone || nextToProduce == sizes.size();
  }

  /// Keeps the error of the smallest piece.
  void keepFirst(uint64_t piece, Error error) {
    if (piece >= failedPiece)
      return consumeError(std::move(error));
    consumeError(std::move(firstError));
    firstError = std::move(error);
    failedPiece = piece;
  }

  static constexpr uint64_t kNone = std::numeric_limits<uint64_t>::max();

  ArrayRef<uint64_t> sizes;
  function_ref<Error(uint64_t, ArrayRef<uint8_t>)> consume;
  std::mutex mutex;
  std::condition_variable mayTake;
  /// What is produced and not consumed.
  std::vector<std::optional<Buffer>> ready;
  std::vector<Buffer> unused;
  uint64_t waitingBytes = 0;
  uint64_t nextToProduce = 0;
  uint64_t nextToConsume = 0;
  uint64_t failedPiece = kNone;
  Error firstError = Error::success();
};

} // namespace

Error winnow::runOrderedPieces(
    ArrayRef<uint64_t> sizes, unsigned threads,
    function_ref<Error(uint64_t, MutableArrayRef<uint8_t>)> produce,
    function_ref<Error(uint64_t, ArrayRef<uint8_t>)> consume) {
  PieceQueue queue(sizes, consume);
  auto work = [&] {
    Buffer buffer;
    while (std::optional<uint64_t> piece = queue.take(buffer)) {
      if (Error error = produce(*piece, buffer))
        queue.fail(*piece, std::move(error));
      else
        queue.add(*piece, std::move(buffer));
    }
  };
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < std::min<uint64_t>(threads, sizes.size()); ++i)
    helpers.emplace_back(work);
  work();
  for (std::thread &helper : helpers)
    helper.join();
  return queue.takeError();
}
