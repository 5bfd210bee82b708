//===- GramMatrix.cpp - What weights are judged by ------------------------===//

#include "GramMatrix.h"

using namespace llvm;

namespace winnow {

void GramMatrix::leave() {
  std::lock_guard<std::mutex> lock(mutex);
  if (--users)
    return;
  factor.reset();
  evaluated = {};
}

ArrayRef<float> GramMatrix::evaluate() {
  if (gram.divisor.empty() && gram.kept.empty())
    return gram.numbers;
  if (evaluated.empty())
    evaluated = gram.evaluate();
  return evaluated;
}

ArrayRef<float> GramMatrix::getNumbers() {
  std::lock_guard<std::mutex> lock(mutex);
  return evaluate();
}

Expected<const GptqFactor *> GramMatrix::getFactor(int64_t width) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!factor) {
    Expected<GptqFactor> created = GptqFactor::create(evaluate(), width);
    if (!created)
      return created.takeError();
    factor = std::make_unique<const GptqFactor>(std::move(*created));
  }
  return factor.get();
}

} // namespace winnow
