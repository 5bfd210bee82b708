//===- ScaleSearch.h - Scales of least squared error ------------*- C++ -*-===//
//
// Chooses, for the numbers x that share one outer scale d (and offset e), what
// a format stores of them:
//
//   x ~ a v + b    a = d s,  b = +-e m    per group, v a value of the code map
//
// with integers s and m, which are 1 in formats without sub-scales. The sum of
// squares of x - (a v + b) is minimised by turns: codes are the values nearest
// to (x - b) / a, and for given codes and integers the best d and e are those
// of linear least squares. The start comes from each group by itself: a few
// scales around the one that just holds all its numbers, each improved by least
// squares. Errors are those of the scales as they are stored.
//
// All arithmetic is f32 without contraction, sums in eight fixed lanes, so
// every machine finds the same.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_FORMATS_SCALESEARCH_H
#define WINNOW_LIB_FORMATS_SCALESEARCH_H

#include "winnow/Formats/NumberFormat.h"
#include "winnow/Formats/WideVectors.h"

#include <optional>
#include <utility>

namespace winnow {

/// The values of a code map, in increasing order.
class CodeValues {
public:
  explicit CodeValues(const CodeMap &map);

  unsigned size() const { return count; }
  float smallest() const { return values[0]; }
  float largest() const { return values[count - 1]; }
  /// The mean distance of neighbours.
  float step() const { return (largest() - smallest()) / float(count - 1); }

  /// nearest[k] = the value nearest to inverse * (x[k] - offset).
  void round(const float *x, unsigned n, float inverse, float offset,
             float *nearest) const;
  /// The code of one of the values.
  uint8_t codeOf(float value) const { return codes[int(value) + 128]; }

private:
  friend class ScaleSearch;
  /// The same for a multiple of eight numbers, in the vectors of its caller.
  void roundLanes(const float *x, unsigned n, float inverse, float offset,
                  float *nearest) const;

  unsigned count = 0;
  bool uniform = true;
  float values[256];
  uint8_t codes[256] = {};
  /// For values at unequal distances: the one nearest to what lies between
  /// i / 2 - 128 and the next half. Values are integers, so every middle of two
  /// of them is one of these bounds.
  float nearestHalf[512];
};

/// What a format stores of the numbers of one outer scale.
struct ScaleSolution {
  uint32_t scaleBits = 0, offsetBits = 0;
  int scales[kMaxBlockGroups] = {}, offsets[kMaxBlockGroups] = {};
  /// v of each element.
  float values[kMaxBlockElements];
};

class ScaleSearch {
public:
  /// Precondition: `canEncodeWeights(format)`, not a float format.
  explicit ScaleSearch(const NumberFormat &format);

  /// Elements that share one outer scale.
  unsigned unitSize() const { return unit; }
  const CodeValues &codeValues() const { return grid; }

  /// The best solution found for `unitSize()` finite numbers; nothing where the
  /// scale or the offset is too large for its stored type.
  bool solve(const float *numbers, ScaleSolution &solution) const;

  /// a and b of a group, as they are decoded.
  std::pair<float, float> termsOf(const ScaleSolution &solution,
                                  unsigned group) const;

private:
  /// One factor of the chain: a stored float times a stored integer.
  struct Factor {
    const ScaleLevel *outer = nullptr;
    int smallest = 1, largest = 1;
    float sign = 1;

    explicit operator bool() const { return outer; }
    /// The integer of the largest magnitude.
    int extreme() const { return -smallest > largest ? smallest : largest; }
  };
  /// a and b of a group, and their squared error.
  struct Fit {
    float a = 0, b = 0, error = 0;
  };
  struct State;

  Fit fitGroup(const float *x, float *values) const;
  WINNOW_WIDE_VECTORS Fit fitScale(const float *x, float *values) const;
  WINNOW_WIDE_VECTORS Fit fitScaleAndOffset(const float *x,
                                            float *values) const;
  WINNOW_WIDE_VECTORS void chooseIntegers(State &state, float scale,
                                          float offset) const;
  void refit(const State &state, double &scale, double &offset) const;

  CodeValues grid;
  Factor scale, offset;
  unsigned unit, groupSize, groups;
};

} // namespace winnow

#endif // WINNOW_LIB_FORMATS_SCALESEARCH_H
