//===- Sampler.cpp - Choosing the next token ------------------------------===//

#include "winnow/Generation/Sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace winnow {

double RandomNumbers::next() {
  state += 0x9e3779b97f4a7c15ull;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

/// The lowest id of the largest logit; -1 where there is none.
static int32_t largest(const float *logits, size_t count) {
  int32_t best = -1;
  float value = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < count; ++i) {
    if (logits[i] > value) {
      value = logits[i];
      best = static_cast<int32_t>(i);
    } else if (std::isnan(logits[i])) {
      return -1;
    }
  }
  return std::isinf(value) ? -1 : best;
}

int32_t Sampler::sample(const float *logits, size_t count) {
  int32_t best = largest(logits, count);
  if (best < 0 || options.temperature == 0)
    return best;
  double most = logits[best];
  candidates.clear();
  for (size_t i = 0; i < count; ++i) {
    double p = std::exp((logits[i] - most) / options.temperature);
    if (p > 0)
      candidates.push_back({static_cast<int32_t>(i), p});
  }
  keepTopK();
  keepTopP();
  keepMinP();
  return draw();
}

/// The most likely first; of equal ones the lowest id.
bool Sampler::before(const Candidate &a, const Candidate &b) {
  return a.probability != b.probability ? a.probability > b.probability
                                        : a.id < b.id;
}

void Sampler::keepTopK() {
  size_t k = static_cast<size_t>(options.topK);
  if (k == 0 || k >= candidates.size())
    return;
  std::nth_element(candidates.begin(), candidates.begin() + (k - 1),
                   candidates.end(), before);
  candidates.resize(k);
}

void Sampler::keepTopP() {
  if (options.topP >= 1)
    return;
  double total = 0;
  for (const Candidate &candidate : candidates)
    total += candidate.probability;
  // Few tokens make up most of the sum: order only as many as are needed, in
  // steps that double.
  double sum = 0;
  size_t kept = 0;
  for (size_t ordered = 0; kept < candidates.size();) {
    size_t end = std::min(candidates.size(), std::max<size_t>(64, 2 * ordered));
    std::partial_sort(candidates.begin() + ordered, candidates.begin() + end,
                      candidates.end(), before);
    for (; kept < end && (kept == 0 || sum < options.topP * total); ++kept)
      sum += candidates[kept].probability;
    if (kept < end || sum >= options.topP * total)
      break;
    ordered = end;
  }
  candidates.resize(kept);
}

void Sampler::keepMinP() {
  if (options.minP <= 0)
    return;
  // The most likely token has probability 1 in these units.
  candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                  [&](const Candidate &candidate) {
                                    return candidate.probability < options.minP;
                                  }),
                   candidates.end());
}

int32_t Sampler::draw() {
  // Only the filters change the order.
  auto byId = [](const Candidate &a, const Candidate &b) {
    return a.id < b.id;
  };
  if (!std::is_sorted(candidates.begin(), candidates.end(), byId))
    std::sort(candidates.begin(), candidates.end(), byId);
  double total = 0;
  for (const Candidate &candidate : candidates)
    total += candidate.probability;
  double wanted = random.next() * total;
  double sum = 0;
  for (const Candidate &candidate : candidates) {
    sum += candidate.probability;
    if (wanted < sum)
      return candidate.id;
  }
  return candidates.back().id;
}

} // namespace winnow
