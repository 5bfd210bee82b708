//===- Exponentials.cpp - Sums of exponentials of logits ------------------===//
//
// A vocabulary has hundreds of thousands of tokens, and a search compares
// thousands of rows: with the C library's exp, which is not vectorized, that
// takes longer than computing the logits.
//
//===----------------------------------------------------------------------===//

#include "Exponentials.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#define WINNOW_CLONES                                                          \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define WINNOW_CLONES
#endif

namespace winnow {
namespace client {

/// Sums that run side by side, in a fixed order whatever the processor.
static constexpr size_t kLanes = 16;

/// exp(x) for x <= 0 to a few units in the last place: 2^n e^r with
/// |r| <= log(2) / 2, and e^r as its Taylor polynomial of degree 12, which is
/// off by less than 0.35^13 / 13! = 2e-16.
__attribute__((always_inline)) static inline double exponential(double x) {
  // Adding and subtracting it rounds to an integer, which is then in the low
  // bits.
  constexpr double round = 0x1.8p52;
  double bounded = x < -700 ? -700 : x;
  double shifted = bounded * 0x1.71547652b82fep+0 + round;
  double n = shifted - round;
  double r = bounded - n * 0x1.62e42fefa0000p-1 - n * 0x1.cf79abc9e3b3ap-40;
  double p = 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  int64_t exponent, bits;
  std::memcpy(&exponent, &shifted, sizeof exponent);
  std::memcpy(&bits, &p, sizeof bits);
  bits += static_cast<int64_t>(static_cast<uint64_t>(exponent) << 52);
  double result;
  std::memcpy(&result, &bits, sizeof result);
  return x == x ? result : x;
}

static double sumOf(const double *lanes) {
  double sum = 0;
  for (size_t lane = 0; lane < kLanes; ++lane)
    sum += lanes[lane];
  return sum;
}

WINNOW_CLONES
static float largestOf(const float *logits, size_t count) {
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, -std::numeric_limits<float>::infinity());
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] =
          lanes[lane] < logits[i + lane] ? logits[i + lane] : lanes[lane];
  for (; i < count; ++i)
    lanes[0] = lanes[0] < logits[i] ? logits[i] : lanes[0];
  return *std::max_element(lanes, lanes + kLanes);
}

size_t findLargest(const float *logits, size_t count) {
  float largest = largestOf(logits, count);
  size_t place = 0;
  while (place < count && logits[place] != largest)
    ++place;
  return place < count ? place : 0;
}

WINNOW_CLONES
double sumExponentials(const float *logits, size_t count, double shift) {
  double lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += exponential(logits[i + lane] - shift);
  for (size_t lane = 0; i < count; ++i, ++lane)
    lanes[lane] += exponential(logits[i] - shift);
  return sumOf(lanes);
}

/// p (log p - log q). A p that is nothing is 0 for a logit of -infinity.
__attribute__((always_inline)) static inline double term(double logP,
                                                         double logQ) {
  double product = exponential(logP) * (logP - logQ);
  return logP < -700 ? 0 : product;
}

WINNOW_CLONES
double divergenceOf(const float *reference, double referenceLogSum,
                    const float *logits, double logSum, size_t count) {
  double lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += term(reference[i + lane] - referenceLogSum,
                          logits[i + lane] - logSum);
  for (size_t lane = 0; i < count; ++i, ++lane)
    lanes[lane] += term(reference[i] - referenceLogSum, logits[i] - logSum);
  return sumOf(lanes);
}

} // namespace client
} // namespace winnow
