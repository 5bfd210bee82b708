//===- Scores.h - How good the results of a model are -----------*- C++ -*-===//
//
// docs/RunningModels.md defines each number.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CLIENT_SCORES_H
#define WINNOW_CLIENT_SCORES_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace winnow {
namespace client {

/// Tokens whose logits are computed, and are in memory, together.
inline constexpr int64_t kLogitsPiece = 64;

/// How many of the tokens of a window that are computed are its prompt, where
/// prompts are pruned: what follows is predicted.
inline int64_t getPromptLength(int64_t count) { return (count + 1) / 2; }

/// A row of logits as logarithms of probabilities: value - logSum.
struct LogSum {
  double logSum = 0;
  size_t best = 0; ///< the most likely token

  static LogSum of(const float *logits, size_t count);
  /// Of each of some rows of `count` logits.
  static std::vector<LogSum> ofRows(const float *logits, size_t rows,
                                    size_t count, int32_t threads);
};

/// Rows of logits of another model.
struct OtherLogits {
  const float *logits = nullptr; ///< null: there is no other model
  const LogSum *sums = nullptr;  ///< of each row; null: not known yet
};

/// Sums over the rows that predict a token, in the order of the text, so that
/// the number of threads does not show.
class DecoderScores {
public:
  DecoderScores(size_t vocabulary, int32_t threads)
      : vocabulary(vocabulary), threads(threads) {}

  /// Rows [0, count) of logits predict next[0], ... False and one line in
  /// `error` where they are not numbers.
  bool add(const float *logits, const OtherLogits &other, const int32_t *next,
           size_t count, std::string &error);

  double perplexity() const;
  /// Mean KL(other || this), in nats.
  double meanDivergence() const;

  int64_t tokens = 0, agreements = 0;
  double surprise = 0, divergence = 0;

private:
  size_t vocabulary;
  int32_t threads;
};

/// 1 - cos of two rows: 0 if both are zero, 1 if one is.
double cosineError(const float *a, const float *b, int64_t width);

} // namespace client
} // namespace winnow

#endif // WINNOW_CLIENT_SCORES_H
