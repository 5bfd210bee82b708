//===- StatisticsCollector.cpp - From rows to statistics ------------------===//

#include "StatisticsCollector.h"

#include "winnow/Analysis/Statistics.h"
#include "winnow/Formats/WideVectors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace llvm;

namespace winnow {

/// From here on a channel counts as an outlier (LLM.int8(), arXiv 2208.07339).
static constexpr float kOutlier = 6;

//===----------------------------------------------------------------------===//
// Channels
//===----------------------------------------------------------------------===//

ChannelSums::ChannelSums(int64_t width)
    : width(width), smallest(width, std::numeric_limits<float>::infinity()),
      largest(width, -std::numeric_limits<float>::infinity()), sum(width),
      absoluteSum(width), squareSum(width), outliers(width) {}

void ChannelSums::add(ArrayRef<float> rows) {
  for (; !rows.empty(); rows = rows.drop_front(width), ++count)
    for (int64_t k = 0; k < width; ++k) {
      float x = rows[k];
      smallest[k] = std::min(smallest[k], x);
      largest[k] = std::max(largest[k], x);
      sum[k] += x;
      absoluteSum[k] += std::fabs(x);
      squareSum[k] += double(x) * x;
      outliers[k] += std::fabs(x) >= kOutlier;
    }
}

void ChannelSums::finish(StringRef name,
                         std::vector<StatisticArray> &arrays) const {
  auto put = [&](StringRef kind, function_ref<double(int64_t)> number) {
    StatisticArray &array = arrays.emplace_back();
    array.key = getStatisticKey(kind, name);
    array.shape = {width};
    for (int64_t k = 0; k < width; ++k)
      array.numbers.push_back(static_cast<float>(number(k)));
  };
  double n = static_cast<double>(count);
  put("channels.abs_max",
      [&](int64_t k) { return std::max(-smallest[k], largest[k]); });
  put("channels.abs_mean", [&](int64_t k) { return absoluteSum[k] / n; });
  put("channels.mean", [&](int64_t k) { return sum[k] / n; });
  put("channels.rms", [&](int64_t k) { return std::sqrt(squareSum[k] / n); });
  put("channels.min", [&](int64_t k) { return smallest[k]; });
  put("channels.max", [&](int64_t k) { return largest[k]; });
  put("channels.outliers", [&](int64_t k) { return outliers[k] / n; });
}

//===----------------------------------------------------------------------===//
// Gram matrices
//===----------------------------------------------------------------------===//

/// A tile of the matrix stays in registers while all rows go by.
static constexpr int64_t kTileRows = 4, kTileColumns = 16;

GramSum::GramSum(int64_t width)
    : width(width), stride(alignTo(width, kTileColumns)),
      sums(stride * stride) {}

void GramSum::prepare(ArrayRef<float> values) {
  prepared = static_cast<int64_t>(values.size()) / width;
  count += prepared;
  rows.assign(prepared * stride, 0);
  for (int64_t row = 0; row < prepared; ++row)
    std::copy_n(values.data() + row * width, width, rows.data() + row * stride);
}

int64_t GramSum::getBands() const { return divideCeil(stride, kBand); }

/// Adds x_i x_j of `count` rows to a tile of the sums.
WINNOW_WIDE_VECTORS static void addTile(const double *rows, int64_t count,
                                        int64_t stride, int64_t i, int64_t j,
                                        double *sums) {
  double tile[kTileRows][kTileColumns];
  for (int64_t a = 0; a < kTileRows; ++a)
    for (int64_t b = 0; b < kTileColumns; ++b)
      tile[a][b] = sums[(i + a) * stride + j + b];
  for (int64_t row = 0; row < count; ++row, rows += stride)
    for (int64_t a = 0; a < kTileRows; ++a)
      for (int64_t b = 0; b < kTileColumns; ++b)
        tile[a][b] += rows[i + a] * rows[j + b];
  for (int64_t a = 0; a < kTileRows; ++a)
    for (int64_t b = 0; b < kTileColumns; ++b)
      sums[(i + a) * stride + j + b] = tile[a][b];
}

void GramSum::addBand(int64_t band) {
  int64_t end = std::min(stride, (band + 1) * kBand);
  for (int64_t i = band * kBand; i < end; i += kTileRows)
    for (int64_t j = alignDown(i, kTileColumns); j < stride; j += kTileColumns)
      addTile(rows.data(), prepared, stride, i, j, sums.data());
}

void GramSum::finish(StringRef name,
                     std::vector<StatisticArray> &arrays) const {
  StatisticArray &array = arrays.emplace_back();
  array.key = getStatisticKey("gram.mean", name);
  array.shape = {width, width};
  array.numbers.resize(width * width);
  for (int64_t i = 0; i < width; ++i)
    for (int64_t j = i; j < width; ++j)
      array.numbers[i * width + j] = array.numbers[j * width + i] =
          static_cast<float>(sums[i * stride + j] / static_cast<double>(count));
}

//===----------------------------------------------------------------------===//
// Similarity
//===----------------------------------------------------------------------===//

void SimilaritySums::add(ArrayRef<float> x, ArrayRef<float> y, int64_t width) {
  for (size_t row = 0; row < x.size(); row += width, ++count) {
    double product = 0, squareX = 0, squareY = 0, squareChange = 0;
    for (size_t k = row; k < row + width; ++k) {
      product += double(x[k]) * y[k];
      squareX += double(x[k]) * x[k];
      squareY += double(y[k]) * y[k];
      double change = double(y[k]) - x[k];
      squareChange += change * change;
    }
    double cosine = squareX == 0 && squareY == 0 ? 1
                    : squareX == 0 || squareY == 0
                        ? 0
                        : product / (std::sqrt(squareX) * std::sqrt(squareY));
    cosines += cosine;
    angles += std::acos(std::clamp(cosine, -1.0, 1.0));
    changes.push_back(static_cast<float>(1 - cosine));
    double length =
        squareChange == 0 ? 0 : std::sqrt(squareChange) / std::sqrt(squareX);
    // What was zero has changed by more than any number.
    constexpr double most = std::numeric_limits<float>::max();
    lengths.push_back(static_cast<float>(std::min(length, most)));
  }
}

/// The number below which 0, 1, ..., 100 percent of `numbers` are.
static std::vector<float> quantilesOf(std::vector<float> numbers) {
  sort(numbers);
  std::vector<float> quantiles;
  for (size_t percent = 0; percent <= 100; ++percent)
    quantiles.push_back(numbers[(percent * (numbers.size() - 1) + 50) / 100]);
  return quantiles;
}

void SimilaritySums::finish(StringRef name,
                            std::vector<StatisticArray> &arrays) const {
  double n = static_cast<double>(count);
  for (auto [kind, total] : {std::pair("similarity.cosine", cosines),
                             std::pair("similarity.angle", angles)})
    arrays.push_back(
        {getStatisticKey(kind, name), {1}, {static_cast<float>(total / n)}});
  if (count == 0)
    return;
  for (const auto &[kind, numbers] :
       {std::pair("similarity.cosine_quantiles", &changes),
        std::pair("similarity.norm_quantiles", &lengths)})
    arrays.push_back(
        {getStatisticKey(kind, name), {101}, quantilesOf(*numbers)});
}

//===----------------------------------------------------------------------===//
// All taps
//===----------------------------------------------------------------------===//

template <typename Sums, typename... Arguments>
void StatisticsCollector::addTap(std::vector<Collected<Sums>> &taps,
                                 const ObservedModel::Tap &tap,
                                 Arguments... arguments) {
  // Weights that read one value share its statistics.
  for (const Collected<Sums> &other : taps)
    if (other.outputs.size() == 1 && other.outputs[0] == tap.outputs &&
        other.name != tap.name) {
      readers[tap.name] = other.name;
      return;
    }
  auto same = find_if(taps, [&](const Collected<Sums> &other) {
    return other.name == tap.name;
  });
  if (same != taps.end())
    same->outputs.push_back(tap.outputs);
  else
    taps.push_back({tap.name, {tap.outputs}, Sums(arguments...)});
}

StatisticsCollector::StatisticsCollector(const ObservedModel &model,
                                         unsigned threads)
    : model(model), pool(hardware_concurrency(threads)) {
  for (const ObservedModel::Tap &tap : model.getTaps()) {
    int64_t width = model.getOutputs()[tap.outputs[0]].width;
    if (tap.kind == "channels")
      addTap(channels, tap, width);
    else if (tap.kind == "gram")
      addTap(grams, tap, width);
    else
      addTap(similarities, tap);
  }
}

void StatisticsCollector::add() {
  auto rowsOf = [&](size_t output) {
    return ArrayRef(model.getOutputs()[output].rows);
  };
  for (auto &tap : channels)
    pool.async([&] {
      for (const std::vector<size_t> &outputs : tap.outputs)
        tap.sums.add(rowsOf(outputs[0]));
    });
  for (auto &tap : similarities)
    pool.async([&] {
      for (const std::vector<size_t> &outputs : tap.outputs)
        tap.sums.add(rowsOf(outputs[0]), rowsOf(outputs[1]),
                     model.getOutputs()[outputs[0]].width);
    });
  pool.wait();
  for (auto &tap : grams)
    for (const std::vector<size_t> &outputs : tap.outputs) {
      tap.sums.prepare(rowsOf(outputs[0]));
      for (int64_t band = 0; band < tap.sums.getBands(); ++band)
        pool.async([&sums = tap.sums, band] { sums.addBand(band); });
      pool.wait();
    }
  const ObservedModel::Output &first = model.getOutputs().front();
  tokens += static_cast<int64_t>(first.rows.size()) / first.width;
}

Error StatisticsCollector::finish(std::vector<StatisticArray> &arrays) const {
  for (const auto &tap : channels)
    tap.sums.finish(tap.name, arrays);
  for (const auto &tap : grams)
    tap.sums.finish(tap.name, arrays);
  for (const auto &tap : similarities)
    tap.sums.finish(tap.name, arrays);
  for (const StatisticArray &array : arrays)
    if (!all_of(array.numbers, [](float x) { return std::isfinite(x); }))
      return createStringError("the statistics '" + array.key +
                               "' are not numbers");
  return Error::success();
}

} // namespace winnow
