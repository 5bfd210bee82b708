//===- Rope.cpp - The meaning of winnow.rope ------------------------------===//
//
// Frequencies and their scalings follow the formulas of Hugging Face
// Transformers (linear, llama3: Llama 3.1; yarn: arXiv 2309.00071;
// longrope: arXiv 2402.13753).
//
//===----------------------------------------------------------------------===//

#include "Rules.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

static constexpr double kPi = 3.14159265358979323846;

/// The value of an optional number of a scaling.
static double getOr(FloatAttr attribute, double fallback) {
  return attribute ? attribute.getValueAsDouble() : fallback;
}

/// Llama 3: long wavelengths are stretched, short ones kept, and those between
/// interpolated.
static void scaleLlama3(RopeScalingAttr scaling,
                        std::vector<double> &frequencies) {
  double factor = getOr(scaling.getFactor(), 8);
  double low = getOr(scaling.getLow(), 1), high = getOr(scaling.getHigh(), 4);
  double context =
      scaling.getOriginalContext() ? scaling.getOriginalContext() : 8192;
  for (double &frequency : frequencies) {
    double wavelength = 2 * kPi / frequency;
    if (wavelength < context / high)
      continue;
    if (wavelength > context / low) {
      frequency /= factor;
      continue;
    }
    double share = (context / wavelength - low) / (high - low);
    frequency = (1 - share) * frequency / factor + share * frequency;
  }
}

/// YaRN: a ramp between the frequencies that turn `high` times and those that
/// turn `low` times within the original context.
static void scaleYarn(RopeScalingAttr scaling, double base, double dims,
                      std::vector<double> &frequencies) {
  double factor = getOr(scaling.getFactor(), 1);
  double context = scaling.getOriginalContext();
  auto findPair = [&](double turns) {
    return dims * std::log(context / (2 * kPi * turns)) / (2 * std::log(base));
  };
  double first =
      std::max(0.0, std::floor(findPair(getOr(scaling.getHigh(), 32))));
  double last =
      std::min(dims - 1, std::ceil(findPair(getOr(scaling.getLow(), 1))));
  if (first == last)
    last += 0.001;
  for (size_t c = 0; c < frequencies.size(); ++c) {
    double ramp =
        std::min(1.0, std::max(0.0, (double(c) - first) / (last - first)));
    frequencies[c] =
        frequencies[c] / factor * ramp + frequencies[c] * (1 - ramp);
  }
}

std::vector<double> winnow::computeRopeFrequencies(RopeOp op,
                                                   const Tensor *factors,
                                                   double &magnitude) {
  double base = op.getBase().convertToDouble();
  int64_t dims = op.getDims();
  std::vector<double> frequencies(dims / 2);
  for (int64_t c = 0; c < dims / 2; ++c)
    frequencies[c] = std::pow(base, -2.0 * double(c) / double(dims));
  magnitude = 1;
  if (RopeScalingAttr scaling = op.getScalingAttr()) {
    switch (scaling.getKind()) {
    case RopeScalingKind::None:
      break;
    case RopeScalingKind::Linear:
      for (double &frequency : frequencies)
        frequency /= getOr(scaling.getFactor(), 1);
      break;
    case RopeScalingKind::Llama3:
      scaleLlama3(scaling, frequencies);
      break;
    case RopeScalingKind::Yarn:
      scaleYarn(scaling, base, dims, frequencies);
      magnitude = getOr(scaling.getAttentionFactor(),
                        0.1 * std::log(getOr(scaling.getFactor(), 1)) + 1);
      break;
    case RopeScalingKind::LongRope:
      if (DenseF64ArrayAttr list = scaling.getFactors())
        for (size_t c = 0; c < frequencies.size(); ++c)
          frequencies[c] /= list[c];
      magnitude = getOr(scaling.getAttentionFactor(), 1);
      break;
    }
  }
  if (factors)
    for (int64_t c = 0; c < dims / 2; ++c)
      frequencies[c] /= factors->floats()[c];
  return frequencies;
}

FailureOr<Tensor> winnow::evaluateRope(RopeOp op, const Tensor &input,
                                       const Tensor &positions,
                                       const Tensor *factors) {
  int64_t tokens = input.dim(0), heads = input.dim(1), width = input.dim(2);
  int64_t dims = op.getDims();
  if (dims < 0 || dims % 2 != 0 || dims > width)
    return op.emitOpError("expects dims to be even and at most ")
           << width << ", found " << dims;
  if (positions.dim(0) != tokens)
    return op.emitOpError("expects ")
           << tokens << " positions, found " << positions.dim(0);
  if (factors && factors->dim(0) != dims / 2)
    return op.emitOpError("expects ")
           << dims / 2 << " factors, found " << factors->dim(0);
  double magnitude;
  std::vector<double> frequencies =
      computeRopeFrequencies(op, factors, magnitude);

  // Channels from `dims` on pass through.
  Tensor result = input;
  MutableArrayRef<float> output = result.mutableFloats();
  bool interleaved = op.getLayout() == RopeLayout::Interleaved;
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t c = 0; c < dims / 2; ++c) {
      double angle = double(positions.integers()[t]) * frequencies[c];
      double cosine = std::cos(angle) * magnitude;
      double sine = std::sin(angle) * magnitude;
      int64_t first = interleaved ? 2 * c : c;
      int64_t second = interleaved ? 2 * c + 1 : c + dims / 2;
      for (int64_t head = 0; head < heads; ++head) {
        int64_t row = (t * heads + head) * width;
        double a = input.floats()[row + first];
        double b = input.floats()[row + second];
        output[row + first] = a * cosine - b * sine;
        output[row + second] = b * cosine + a * sine;
      }
    }
  }
  return result;
}
