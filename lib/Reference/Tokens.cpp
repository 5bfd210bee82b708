//===- Tokens.cpp - The meaning of ops that make and join tokens ----------===//

#include "Rules.h"

using namespace mlir;
using namespace winnow;

FailureOr<Tensor> winnow::evaluateTokenPool(TokenPoolOp op, const Tensor &input,
                                            const Tensor &segments,
                                            const Tensor &wanted,
                                            const Tensor *weights) {
  int64_t rows = input.dim(0), width = input.dim(1);
  if (segments.dim(0) != rows || (weights && weights->dim(0) != rows))
    return op.emitOpError("expects a segment (and a weight) for each of ")
           << rows << " rows";
  Tensor output(ElementKind::F32, {wanted.dim(0), width});
  MutableArrayRef<float> results = output.mutableFloats();
  for (int64_t s = 0; s < wanted.dim(0); ++s) {
    SmallVector<int64_t> members;
    for (int64_t t = 0; t < rows; ++t)
      if (segments.integers()[t] == wanted.integers()[s])
        members.push_back(t);
    if (members.empty())
      continue;
    auto value = [&](int64_t t, int64_t c) {
      return double(input.floats()[t * width + c]);
    };
    for (int64_t c = 0; c < width; ++c) {
      double sum = 0, total = 0, largest = value(members.front(), c);
      for (int64_t t : members) {
        double weight = weights ? weights->floats()[t] : 1;
        sum += weight * value(t, c);
        total += weight;
        // NaN stays.
        if (!(value(t, c) <= largest))
          largest = std::isnan(largest) ? largest : value(t, c);
      }
      float &result = results[s * width + c];
      switch (op.getKind()) {
      case PoolKind::Mean:
        result = total == 0 ? 0 : sum / total;
        break;
      case PoolKind::Max:
        result = largest;
        break;
      case PoolKind::First:
        result = value(members.front(), c);
        break;
      case PoolKind::Last:
        result = value(members.back(), c);
        break;
      }
    }
  }
  return output;
}

Tensor winnow::evaluateImagePatches(ImagePatchesOp op, const Tensor &input) {
  int64_t size = op.getSize(), channels = input.dim(0);
  int64_t height = input.dim(1), width = input.dim(2), across = width / size;
  Tensor output(ElementKind::F32,
                {height / size * across, channels * size * size});
  MutableArrayRef<float> results = output.mutableFloats();
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        int64_t row = y / size * across + x / size;
        int64_t column = (c * size + y % size) * size + x % size;
        results[row * output.dim(1) + column] =
            input.floats()[(c * height + y) * width + x];
      }
  return output;
}
