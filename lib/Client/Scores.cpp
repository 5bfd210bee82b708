//===- Scores.cpp - How good the results of a model are -------------------===//

#include "winnow/Client/Scores.h"

#include "Exponentials.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

namespace winnow {
namespace client {

/// Calls `work` with each row, on several threads.
static void forEachRow(size_t rows, int32_t threads,
                       const std::function<void(size_t)> &work) {
  size_t step = static_cast<size_t>(threads);
  auto part = [&](size_t thread) {
    for (size_t row = thread; row < rows; row += step)
      work(row);
  };
  std::vector<std::thread> workers;
  for (size_t thread = 1; thread < step; ++thread)
    workers.emplace_back(part, thread);
  part(0);
  for (std::thread &worker : workers)
    worker.join();
}

LogSum LogSum::of(const float *logits, size_t count) {
  size_t best = findLargest(logits, count);
  double sum = sumExponentials(logits, count, logits[best]);
  return {logits[best] + std::log(sum), best};
}

std::vector<LogSum> LogSum::ofRows(const float *logits, size_t rows,
                                   size_t count, int32_t threads) {
  std::vector<LogSum> sums(rows);
  forEachRow(rows, threads,
             [&](size_t row) { sums[row] = of(logits + row * count, count); });
  return sums;
}

namespace {
/// What one row of logits says of the token that follows.
struct RowScore {
  double surprise = 0;   ///< -log of the token's probability
  double divergence = 0; ///< KL(other || this)
  bool agrees = false;   ///< the most likely token is the other's
};
} // namespace

static RowScore score(const float *logits, const OtherLogits &other, size_t row,
                      size_t count, int32_t next) {
  RowScore result;
  logits += row * count;
  LogSum mine = LogSum::of(logits, count);
  result.surprise = mine.logSum - logits[next];
  if (!other.logits)
    return result;
  const float *reference = other.logits + row * count;
  LogSum theirs = other.sums ? other.sums[row] : LogSum::of(reference, count);
  result.divergence =
      divergenceOf(reference, theirs.logSum, logits, mine.logSum, count);
  result.agrees = mine.best == theirs.best;
  return result;
}

bool DecoderScores::add(const float *logits, const OtherLogits &other,
                        const int32_t *next, size_t count, std::string &error) {
  std::vector<RowScore> scores(count);
  forEachRow(count, threads, [&](size_t row) {
    scores[row] = score(logits, other, row, vocabulary, next[row]);
  });
  for (const RowScore &row : scores) {
    if (!std::isfinite(row.surprise) || !std::isfinite(row.divergence)) {
      error = "the logits in front of token " + std::to_string(tokens) +
              " are not numbers";
      return false;
    }
    ++tokens;
    surprise += row.surprise;
    divergence += row.divergence;
    agreements += row.agrees;
  }
  return true;
}

double DecoderScores::perplexity() const {
  return std::exp(surprise / static_cast<double>(tokens));
}

double DecoderScores::meanDivergence() const {
  return divergence / static_cast<double>(tokens);
}

double cosineError(const float *a, const float *b, int64_t width) {
  double product = 0, squareA = 0, squareB = 0;
  for (int64_t i = 0; i < width; ++i) {
    product += double(a[i]) * b[i];
    squareA += double(a[i]) * a[i];
    squareB += double(b[i]) * b[i];
  }
  if (squareA == 0 || squareB == 0)
    return squareA == squareB ? 0 : 1;
  return 1 - product / std::sqrt(squareA * squareB);
}

} // namespace client
} // namespace winnow
