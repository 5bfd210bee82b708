//===- Sampler.h - Choosing the next token ----------------------*- C++ -*-===//

#ifndef WINNOW_GENERATION_SAMPLER_H
#define WINNOW_GENERATION_SAMPLER_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace winnow {

/// How the next token is chosen; see Sampler.
struct SamplingOptions {
  double temperature = 0; ///< 0: greedy
  int64_t topK = 0;       ///< 0: off
  double topP = 1;        ///< 1: off
  double minP = 0;        ///< 0: off
  uint64_t seed = 42;
};

/// The random numbers of sampling: number i is
///     mix(seed + (i + 1) * 0x9e3779b97f4a7c15) >> 11, times 2^-53
/// with the mixing function of SplitMix64 (Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014). The same seed gives the
/// same numbers everywhere.
class RandomNumbers {
public:
  explicit RandomNumbers(uint64_t seed) : state(seed) {}
  /// Uniform in [0, 1).
  double next();

private:
  uint64_t state;
};

/// Chooses tokens by the options; a sequence of choices depends on the logits
/// and the seed only.
///
/// With temperature 0 it is the largest logit; of equal ones the lowest id.
/// Else, in this order:
///   1. p = softmax(logits / temperature)
///   2. top-k keeps the K largest (of equal ones the lowest ids)
///   3. top-p keeps the fewest of the largest whose sum is at least P times the
///      sum of what step 2 left; at least one
///   4. min-p keeps those with p at least P times the largest p
///   5. one of the rest, with probability proportional to p
/// Step 5 walks through the rest in ascending order of ids.
class Sampler {
public:
  explicit Sampler(const SamplingOptions &options)
      : options(options), random(options.seed) {}

  /// The id of the next token, or -1 where no logit is a number above minus
  /// infinity or one is NaN or plus infinity.
  int32_t sample(const float *logits, size_t count);

private:
  struct Candidate {
    int32_t id;
    double probability; ///< up to a common factor
  };
  static bool before(const Candidate &a, const Candidate &b);
  void keepTopK();
  void keepTopP();
  void keepMinP();
  int32_t draw();

  SamplingOptions options;
  RandomNumbers random;
  std::vector<Candidate> candidates;
};

} // namespace winnow

#endif // WINNOW_GENERATION_SAMPLER_H
