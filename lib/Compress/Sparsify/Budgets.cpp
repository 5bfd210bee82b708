//===- Budgets.cpp - How much of each layer is left -----------------------===//

#include "Budgets.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <numeric>

namespace winnow {

using llvm::ArrayRef;

static double weightedMean(ArrayRef<double> numbers, ArrayRef<int64_t> sizes) {
  double sum = 0, total = 0;
  for (auto [number, size] : llvm::zip_equal(numbers, sizes)) {
    sum += number * static_cast<double>(size);
    total += static_cast<double>(size);
  }
  return sum / total;
}

std::vector<double> cfspShares(ArrayRef<double> angles, ArrayRef<int64_t> sizes,
                               double keep, double strength) {
  constexpr double kTokens = 128 * 2048 / 1e4;
  double middle = std::accumulate(angles.begin(), angles.end(), 0.0) /
                  static_cast<double>(angles.size());
  std::vector<double> shares;
  for (double angle : angles)
    shares.push_back(
        1 / (1 + std::exp(-strength * kTokens * (angle - middle) / M_PI)));
  double mean = weightedMean(shares, sizes);
  double most = *llvm::max_element(shares);
  if (most / mean * keep >= 1) {
    double factor = mean * (1 / keep - 1) / (most - mean) / 1.05;
    for (double &share : shares)
      share = mean + (share - mean) * factor;
    mean = weightedMean(shares, sizes);
  }
  for (double &share : shares)
    share = share / mean * keep;
  return shares;
}

std::vector<int64_t> roundShares(ArrayRef<double> shares,
                                 ArrayRef<int64_t> sizes,
                                 ArrayRef<int64_t> multiples) {
  size_t layers = shares.size();
  std::vector<int64_t> counts(layers);
  std::vector<double> lost(layers);
  double left = 0;
  for (size_t i = 0; i < layers; ++i) {
    double target = shares[i] * static_cast<double>(sizes[i]);
    auto whole = static_cast<int64_t>(target / double(multiples[i]));
    counts[i] = std::min(std::max<int64_t>(whole, 1) * multiples[i], sizes[i]);
    lost[i] = target - static_cast<double>(counts[i]);
    left += lost[i];
  }
  std::vector<size_t> order(layers);
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(-lost[a] / double(multiples[a]), a) <
           std::pair(-lost[b] / double(multiples[b]), b);
  });
  for (size_t i : order) {
    int64_t more = std::min(multiples[i], sizes[i] - counts[i]);
    // Half of it has to be there, so that the sum is rounded to nearest.
    if (more == 0 || lost[i] <= 0 || left < static_cast<double>(more) / 2)
      continue;
    counts[i] += more;
    left -= static_cast<double>(more);
  }
  return counts;
}

} // namespace winnow
