//===- Hadamard.cpp - Rotations by Hadamard matrices ----------------------===//

#include "winnow/Formats/Hadamard.h"

#include <cmath>
#include <vector>

using namespace llvm;

namespace winnow {

/// One run: numbers that are `stride` apart.
static void rotateRun(float *numbers, int64_t stride,
                      MutableArrayRef<double> run, double scale) {
  auto size = static_cast<int64_t>(run.size());
  for (int64_t k = 0; k < size; ++k)
    run[k] = numbers[k * stride];
  for (int64_t half = 1; half < size; half *= 2)
    for (int64_t first = 0; first < size; first += 2 * half)
      for (int64_t k = first; k < first + half; ++k) {
        double a = run[k], b = run[k + half];
        run[k] = a + b;
        run[k + half] = a - b;
      }
  for (int64_t k = 0; k < size; ++k)
    numbers[k * stride] = static_cast<float>(run[k] * scale);
}

void rotateRuns(MutableArrayRef<float> matrix, int64_t width, int64_t size,
                bool alongRows) {
  std::vector<double> run(size);
  double scale = 1 / std::sqrt(static_cast<double>(size));
  auto count = static_cast<int64_t>(matrix.size());
  if (!alongRows) {
    for (int64_t first = 0; first < count; first += size)
      rotateRun(matrix.data() + first, 1, run, scale);
    return;
  }
  for (int64_t first = 0; first < count; first += size * width)
    for (int64_t column = 0; column < width; ++column)
      rotateRun(matrix.data() + first + column, width, run, scale);
}

} // namespace winnow
