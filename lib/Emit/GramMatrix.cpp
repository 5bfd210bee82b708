//===- GramMatrix.cpp - What weights are judged by ------------------------===//

#include "GramMatrix.h"

using namespace llvm;

namespace winnow {

void GramMatrix::leave() {
  std::lock_guard<std::mutex> lock(mutex);
  if (--users)
    return;
  fitters.clear();
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

Expected<const CodeFitter *> GramMatrix::getFitter(const CodeMethod &method,
                                                   int64_t width) {
  std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<const CodeFitter> &fitter = fitters[&method];
  if (!fitter)
    if (Error error = method.create(evaluate(), width).moveInto(fitter))
      return std::move(error);
  return fitter.get();
}

} // namespace winnow
