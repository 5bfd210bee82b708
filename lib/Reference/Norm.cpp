//===- Norm.cpp - The meaning of winnow.norm ------------------------------===//

#include "Rules.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

FailureOr<Tensor> winnow::evaluateNorm(NormOp op, const Tensor &input,
                                       const Tensor *weight,
                                       const Tensor *bias) {
  int64_t width = input.shape().back();
  for (const Tensor *vector : {weight, bias})
    if (vector && vector->dim(0) != width)
      return op.emitOpError("expects weight and bias of ")
             << width << " elements, found " << vector->dim(0);
  double epsilon = op.getEpsilon().convertToFloat();
  double offset = op.getWeightOffset().convertToFloat();

  Tensor result(ElementKind::F32, input.shape());
  MutableArrayRef<float> output = result.mutableFloats();
  int64_t rows = width ? input.size() / width : 0;
  for (int64_t row = 0; row < rows; ++row) {
    ArrayRef<float> x = input.floats().slice(row * width, width);
    double sum = 0;
    for (float element : x)
      sum += element;
    double mean = op.getKind() == NormKind::Layer ? sum / width : 0;
    double squares = 0;
    for (float element : x)
      squares += (element - mean) * (element - mean);
    double divisor = op.getKind() == NormKind::L2
                         ? std::max(std::sqrt(squares), epsilon)
                         : std::sqrt(squares / width + epsilon);
    for (int64_t c = 0; c < width; ++c) {
      double y = (x[c] - mean) / divisor;
      if (weight)
        y *= double(weight->floats()[c]) + offset;
      if (bias)
        y += double(bias->floats()[c]);
      output[row * width + c] = y;
    }
  }
  return result;
}
