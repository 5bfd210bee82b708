//===- ScaleSearch.cpp - Scales of least squared error --------------------===//

#include "ScaleSearch.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace llvm;
using namespace winnow;

/// Scales are tried at this distance from each other, in steps of the code map,
/// up to kTrials on each side.
static constexpr float kTrialStep = 0.15f;
static constexpr int kTrials = 6;
/// Turns of codes and least squares: for a group, and for all together.
static constexpr unsigned kGroupTurns = 2;
static constexpr unsigned kTurns = 3;
/// Groups below this in magnitude are zeros.
static constexpr float kFloor = 0x1p-100f;

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

// Eight numbers side by side; every group has a multiple of this many elements.
// Wide registers hold them at once, and all give the same bits.
static constexpr unsigned kLanes = 8;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

WINNOW_INLINE static Lanes load(const float *from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

WINNOW_INLINE static float sumLanes(const Lanes &lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
         ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

WINNOW_INLINE static float squaredError(const float *x, const float *v,
                                        unsigned n, float a, float b) {
  Lanes sum = {};
  for (unsigned k = 0; k < n; k += kLanes) {
    Lanes difference = load(x + k) - (a * load(v + k) + b);
    sum += difference * difference;
  }
  return sumLanes(sum);
}

WINNOW_INLINE static float sumOf(const float *x, unsigned n) {
  Lanes sum = {};
  for (unsigned k = 0; k < n; k += kLanes)
    sum += load(x + k);
  return sumLanes(sum);
}

namespace {
/// What least squares of x ~ a v + b need.
struct Moments {
  float v, vv, xv;
  WINNOW_INLINE Moments(const float *x, const float *values, unsigned n) {
    Lanes sum = {}, squares = {}, products = {};
    for (unsigned k = 0; k < n; k += kLanes) {
      Lanes value = load(values + k);
      sum += value;
      squares += value * value;
      products += load(x + k) * value;
    }
    v = sumLanes(sum);
    vv = sumLanes(squares);
    xv = sumLanes(products);
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// CodeValues
//===----------------------------------------------------------------------===//

CodeValues::CodeValues(const CodeMap &map) {
  SmallVector<int, 256> sorted;
  // Backwards, so that of two codes with one value the smaller is used.
  for (unsigned code = 1u << map.bits; code-- > 0;) {
    sorted.push_back(map.valueOf(code));
    codes[sorted.back() + 128] = uint8_t(code);
  }
  llvm::sort(sorted);
  sorted.erase(llvm::unique(sorted), sorted.end());
  for (int value : sorted) {
    values[count] = float(value);
    uniform &=
        count < 2 || values[count] - values[count - 1] == values[1] - values[0];
    ++count;
  }
  unsigned rank = 0;
  for (unsigned i = 0; i < 512; ++i) {
    float from = float(i) / 2 - 128;
    while (rank + 1 < count && (values[rank] + values[rank + 1]) / 2 <= from)
      ++rank;
    nearestHalf[i] = values[rank];
  }
}

/// The nearest of `last` + 1 values from `low` on at the distance `step`, for a
/// number or for lanes of them.
template <typename T>
WINNOW_INLINE static T nearestOf(T x, float low, float step, float inverseStep,
                                 T last) {
  // Adding 1.5 * 2^23 leaves an integer in the fraction.
  constexpr float integers = 12582912.0f;
  T zero = {};
  T rank = (x - low) * inverseStep;
  rank = rank > zero ? rank : zero;
  rank = rank < last ? rank : last;
  return ((rank + integers) - integers) * step + low;
}

void CodeValues::round(const float *x, unsigned n, float inverse, float offset,
                       float *nearest) const {
  if (!uniform) {
    for (unsigned k = 0; k < n; ++k) {
      float half = 2 * (inverse * (x[k] - offset)) + 256;
      half = half > 0 ? half : 0;
      half = half < 511 ? half : 511;
      nearest[k] = nearestHalf[int(half)];
    }
    return;
  }
  float low = values[0], step = values[1] - values[0];
  float inverseStep = 1 / step, last = float(count - 1);
  for (unsigned k = 0; k < n; ++k)
    nearest[k] =
        nearestOf(inverse * (x[k] - offset), low, step, inverseStep, last);
}

WINNOW_INLINE void CodeValues::roundLanes(const float *x, unsigned n,
                                          float inverse, float offset,
                                          float *nearest) const {
  if (!uniform)
    return round(x, n, inverse, offset, nearest);
  float low = values[0], step = values[1] - values[0];
  float inverseStep = 1 / step;
  Lanes last = Lanes{} + float(count - 1);
  for (unsigned k = 0; k < n; k += kLanes) {
    Lanes found = nearestOf<Lanes>(inverse * (load(x + k) - offset), low, step,
                                   inverseStep, last);
    std::memcpy(nearest + k, &found, sizeof(found));
  }
}

//===----------------------------------------------------------------------===//
// A group by itself
//===----------------------------------------------------------------------===//

/// x ~ a v.
WINNOW_WIDE_VECTORS ScaleSearch::Fit
ScaleSearch::fitScale(const float *x, float *values) const {
  bool canBeNegative = scale.smallest < 0 ||
                       scale.outer->type == StoredType::F16 ||
                       scale.outer->type == StoredType::BF16 ||
                       scale.outer->type == StoredType::F32;
  float extreme = *std::max_element(x, x + groupSize, [](float p, float q) {
    return std::fabs(p) < std::fabs(q);
  });
  Fit best;
  if (std::fabs(extreme) < kFloor) {
    best.error = Moments(x, x, groupSize).vv;
    return best;
  }
  best.error = std::numeric_limits<float>::infinity();
  auto attempt = [&](float inverse) WINNOW_INLINE {
    grid.roundLanes(x, groupSize, inverse, 0, values);
    Moments moments(x, values, groupSize);
    float a = moments.xv / moments.vv;
    if (!(moments.vv > 0) || a == 0 || (a < 0 && !canBeNegative))
      return;
    float error = squaredError(x, values, groupSize, a, 0);
    if (error < best.error)
      best = {a, 0, error};
  };
  for (float end : {grid.smallest(), grid.largest()}) {
    float toEnd = end / extreme, step = grid.step() / extreme;
    if (end == 0 || (toEnd < 0 && !canBeNegative))
      continue;
    for (int trial = -kTrials; trial <= kTrials; ++trial)
      attempt(toEnd + float(trial) * kTrialStep * step);
  }
  for (unsigned turn = 0; turn < kGroupTurns && best.a != 0; ++turn)
    attempt(1 / best.a);
  return best;
}

/// x ~ a v + b with a >= 0; b <= 0 where the chain subtracts it.
WINNOW_WIDE_VECTORS ScaleSearch::Fit
ScaleSearch::fitScaleAndOffset(const float *x, float *values) const {
  bool negative = offset.sign < 0;
  float low = *std::min_element(x, x + groupSize);
  float high = *std::max_element(x, x + groupSize);
  if (negative)
    low = std::min(low, 0.0f);
  Fit best;
  best.b = low;
  if (high - low < kFloor)
    return best;
  best.error = squaredError(x, x, groupSize, 0, low);
  float n = float(groupSize);
  float sumX = sumOf(x, groupSize);
  auto attempt = [&](float inverse, float from) WINNOW_INLINE {
    grid.roundLanes(x, groupSize, inverse, from, values);
    Moments moments(x, values, groupSize);
    float determinant = n * moments.vv - moments.v * moments.v;
    float a = 0, b = 0;
    if (determinant > 1e-6f * n * moments.vv) {
      a = (n * moments.xv - sumX * moments.v) / determinant;
      b = (sumX - a * moments.v) / n;
    }
    // All values the same, or an offset that the chain cannot have.
    if (a == 0 || (negative && b > 0)) {
      a = moments.xv / moments.vv;
      b = 0;
    }
    if (!(a > 0))
      return;
    float error = squaredError(x, values, groupSize, a, b);
    if (error < best.error)
      best = {a, b, error};
  };
  float span = grid.largest() - grid.smallest();
  for (int trial = -kTrials; trial <= kTrials; ++trial) {
    float inverse =
        (span + float(trial) * kTrialStep * grid.step()) / (high - low);
    attempt(inverse, low - grid.smallest() / inverse);
  }
  for (unsigned turn = 0; turn < kGroupTurns && best.a != 0; ++turn)
    attempt(1 / best.a, best.b);
  return best;
}

ScaleSearch::Fit ScaleSearch::fitGroup(const float *x, float *values) const {
  return offset ? fitScaleAndOffset(x, values) : fitScale(x, values);
}

//===----------------------------------------------------------------------===//
// All groups of an outer scale
//===----------------------------------------------------------------------===//

ScaleSearch::ScaleSearch(const NumberFormat &format)
    : grid(format.codeMap), groupSize(format.groupSize()) {
  for (const ScaleLevel &level : format.scales) {
    Factor &factor = level.role == ScaleRole::Mul ? scale : offset;
    if (!level.isInteger()) {
      factor.outer = &level;
      factor.sign = level.role == ScaleRole::Sub ? -1 : 1;
      continue;
    }
    unsigned bits = 0;
    for (const BitPart &part : level.parts)
      bits = std::max(bits, part.destination + part.width);
    int half = 1 << (bits - 1);
    bool isSigned = level.type == StoredType::SignedInt;
    factor.smallest = (isSigned ? -half : 0) - level.zero;
    factor.largest = (isSigned ? half - 1 : 2 * half - 1) - level.zero;
  }
  unit = scale.outer->granularity;
  groups = unit / groupSize;
}

/// What is known of the numbers while the search runs.
struct ScaleSearch::State {
  /// The numbers, times a power of two that brings them to [-2, 2].
  float x[kMaxBlockElements];
  Fit fits[kMaxBlockGroups];
  /// The integers and values that belong to the scale at hand.
  int scales[kMaxBlockGroups], offsets[kMaxBlockGroups];
  float values[kMaxBlockElements];
  float error;
};

/// For each group the integers (near those that would give what fitted best)
/// and values of the least error, given `d` and `e`.
WINNOW_WIDE_VECTORS void ScaleSearch::chooseIntegers(State &state, float d,
                                                     float e) const {
  auto near = [](const Factor &factor, float target, float unit, int by) {
    float ratio = unit != 0 ? target / unit : 0;
    // Clamped as floats: a ratio may be huge.
    float low = float(factor.smallest), high = float(factor.largest);
    ratio = std::min(std::max(std::nearbyint(ratio) + float(by), low), high);
    return int(ratio);
  };
  float trial[kMaxBlockElements];
  state.error = 0;
  for (unsigned g = 0; g < groups; ++g) {
    const float *x = state.x + g * groupSize;
    float *values = state.values + g * groupSize;
    const Fit &fit = state.fits[g];
    float best = std::numeric_limits<float>::infinity();
    int lastS = std::numeric_limits<int>::min();
    for (int byS = -1; byS <= 1; ++byS) {
      int s = near(scale, fit.a, d, byS);
      if (s == lastS)
        continue;
      lastS = s;
      int lastM = std::numeric_limits<int>::min();
      for (int byM = -1; byM <= 1; ++byM) {
        int m = offset ? near(offset, offset.sign * fit.b, e, byM) : 0;
        if (m == lastM)
          continue;
        lastM = m;
        float a = d * float(s), b = offset ? offset.sign * e * float(m) : 0;
        grid.roundLanes(x, groupSize, std::isnormal(a) ? 1 / a : 0, b, trial);
        float error = squaredError(x, trial, groupSize, a, b);
        if (error < best) {
          best = error;
          state.scales[g] = s;
          state.offsets[g] = m;
          std::copy(trial, trial + groupSize, values);
        }
      }
    }
    state.error += best;
  }
}

/// The d and e of least squares for the integers and values of `state`; both
/// stay as they are where nothing depends on them.
void ScaleSearch::refit(const State &state, double &d, double &e) const {
  double pp = 0, pq = 0, qq = 0, xp = 0, xq = 0;
  for (unsigned g = 0; g < groups; ++g) {
    const float *x = state.x + g * groupSize;
    Moments moments(x, state.values + g * groupSize, groupSize);
    double s = state.scales[g];
    pp += s * s * moments.vv;
    xp += s * moments.xv;
    if (!offset)
      continue;
    double m = offset.sign * float(state.offsets[g]);
    pq += s * m * moments.v;
    qq += m * m * groupSize;
    xq += m * sumOf(x, groupSize);
  }
  double determinant = pp * qq - pq * pq;
  if (determinant > 1e-6 * pp * qq) {
    d = (xp * qq - xq * pq) / determinant;
    e = (xq * pp - xp * pq) / determinant;
  } else if (pp > 0) {
    d = (xp - pq * e) / pp;
  }
}

/// The stored numbers next to `value`: the nearest float, or both neighbours of
/// types that are too coarse for that to be good enough. Nothing where `value`
/// is too large.
static SmallVector<uint32_t, 2> storedNear(StoredType type, double value) {
  uint32_t bits = floatToStored(type, float(value));
  float stored = storedToFloat(type, bits);
  if (type != StoredType::E8M0Half && type != StoredType::UE4M3Half)
    return std::isfinite(stored) ? SmallVector<uint32_t, 2>{bits}
                                 : SmallVector<uint32_t, 2>{};
  if (storedToFloat(type, bits + 1) > stored)
    return {bits, bits + 1};
  return stored == float(value) ? SmallVector<uint32_t, 2>{bits}
                                : SmallVector<uint32_t, 2>{};
}

bool ScaleSearch::solve(const float *numbers, ScaleSolution &solution) const {
  State state;
  float largest = 0;
  for (unsigned k = 0; k < unit; ++k)
    largest = std::max(largest, std::fabs(numbers[k]));
  // Zeros, unless something is found.
  bool isZero = largest < kFloor;
  int exponent = isZero ? 0 : std::ilogb(largest);
  float down = std::ldexp(1.0f, -exponent);
  for (unsigned k = 0; k < unit; ++k)
    state.x[k] = isZero ? 0 : numbers[k] * down;

  double d = 0, e = 0;
  for (unsigned g = 0; g < groups; ++g) {
    state.fits[g] =
        fitGroup(state.x + g * groupSize, state.values + g * groupSize);
    double scaleOfGroup = state.fits[g].a / double(scale.extreme());
    if (std::fabs(scaleOfGroup) > std::fabs(d))
      d = scaleOfGroup;
    double offsetOfGroup =
        offset.sign * state.fits[g].b / double(offset.largest);
    if (g == 0 || offsetOfGroup > e)
      e = offsetOfGroup;
  }

  float best = std::numeric_limits<float>::infinity();
  for (unsigned turn = 0; turn < kTurns; ++turn) {
    bool improved = false;
    SmallVector<uint32_t, 2> offsets = {0};
    if (offset)
      offsets = storedNear(offset.outer->type, std::ldexp(e, exponent));
    for (uint32_t scaleBits :
         storedNear(scale.outer->type, std::ldexp(d, exponent)))
      for (uint32_t offsetBits : offsets) {
        chooseIntegers(
            state, storedToFloat(scale.outer->type, scaleBits) * down,
            offset ? storedToFloat(offset.outer->type, offsetBits) * down : 0);
        if (!(state.error < best))
          continue;
        best = state.error;
        improved = true;
        solution.scaleBits = scaleBits;
        solution.offsetBits = offsetBits;
        std::copy_n(state.scales, groups, solution.scales);
        std::copy_n(state.offsets, groups, solution.offsets);
        std::copy_n(state.values, unit, solution.values);
      }
    if (!improved)
      break;
    refit(state, d, e);
  }
  return best != std::numeric_limits<float>::infinity();
}

std::pair<float, float> ScaleSearch::termsOf(const ScaleSolution &solution,
                                             unsigned group) const {
  float a = storedToFloat(scale.outer->type, solution.scaleBits) *
            float(solution.scales[group]);
  if (!offset)
    return {a, 0.0f};
  float b = storedToFloat(offset.outer->type, solution.offsetBits) *
            float(solution.offsets[group]);
  return {a, offset.sign * b};
}
