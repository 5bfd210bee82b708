//===- StatisticsCollector.h - From rows to statistics ----------*- C++ -*-===//
//
// Sums over rows, in f64 and in the order of the rows, so that neither the
// number of threads nor the cut of a text shows in the result. Products of two
// f32 are exact in f64, so they do not depend on fused multiply-adds either.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_DRIVER_STATISTICSCOLLECTOR_H
#define WINNOW_LIB_DRIVER_STATISTICSCOLLECTOR_H

#include "ObservedModel.h"

#include "llvm/Support/ThreadPool.h"

#include <map>

namespace winnow {

/// An array for the file of statistics.
struct StatisticArray {
  std::string key; ///< "KIND/TAP"
  llvm::SmallVector<int64_t> shape;
  std::vector<float> numbers;
};

/// Of each channel of [rows, width]; docs/Statistics.md has the formulas.
class ChannelSums {
public:
  explicit ChannelSums(int64_t width);
  void add(llvm::ArrayRef<float> rows);
  void finish(llvm::StringRef name, std::vector<StatisticArray> &arrays) const;

private:
  int64_t width, count = 0;
  std::vector<float> smallest, largest;
  std::vector<double> sum, absoluteSum, squareSum;
  std::vector<int64_t> outliers;
};

/// The sum of x xᵀ: its upper triangle, in bands of rows that threads share.
class GramSum {
public:
  static constexpr int64_t kBand = 64;

  explicit GramSum(int64_t width);
  /// Takes in rows; `addBand` then adds them, once for each band.
  void prepare(llvm::ArrayRef<float> rows);
  int64_t getBands() const;
  void addBand(int64_t band);
  void finish(llvm::StringRef name, std::vector<StatisticArray> &arrays) const;

private:
  int64_t width, stride, count = 0, prepared = 0;
  std::vector<double> sums, rows;
};

/// The mean of cos(x, y) and of its arccos, and how much rows change.
class SimilaritySums {
public:
  void add(llvm::ArrayRef<float> x, llvm::ArrayRef<float> y, int64_t width);
  void finish(llvm::StringRef name, std::vector<StatisticArray> &arrays) const;

private:
  int64_t count = 0;
  double cosines = 0, angles = 0;
  /// Of each row: 1 - cos(x, y), and |y - x| / |x|.
  std::vector<float> changes, lengths;
};

/// All taps of a model.
class StatisticsCollector {
public:
  /// `model` outlives the collector. 0 threads: one per processor.
  StatisticsCollector(const ObservedModel &model, unsigned threads);

  /// Takes in the rows of the model's last run.
  void add();

  int64_t getTokens() const { return tokens; }
  /// Fails where a sum is no number, naming the tap.
  llvm::Error finish(std::vector<StatisticArray> &arrays) const;
  /// Weights whose statistics are those of another tap.
  const std::map<std::string, std::string> &getReaders() const {
    return readers;
  }

private:
  /// One tap of a kind; a name that two values have is a tap of both.
  template <typename Sums> struct Collected {
    std::string name;
    std::vector<std::vector<size_t>> outputs;
    Sums sums;
  };
  template <typename Sums, typename... Arguments>
  void addTap(std::vector<Collected<Sums>> &taps, const ObservedModel::Tap &tap,
              Arguments... arguments);

  const ObservedModel &model;
  llvm::DefaultThreadPool pool;
  int64_t tokens = 0;
  std::vector<Collected<ChannelSums>> channels;
  std::vector<Collected<GramSum>> grams;
  std::vector<Collected<SimilaritySums>> similarities;
  std::map<std::string, std::string> readers;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_STATISTICSCOLLECTOR_H
