//===- GramMatrix.cpp - What weights are judged by ------------------------===//

#include "GramMatrix.h"

using namespace llvm;

namespace winnow {

void GramMatrix::leave() {
  std::lock_guard<std::mutex> lock(mutex);
  if (--users == 0)
    factor.reset();
}

Expected<const GptqFactor *> GramMatrix::getFactor(int64_t width) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!factor) {
    Expected<GptqFactor> created = GptqFactor::create(numbers, width);
    if (!created)
      return created.takeError();
    factor = std::make_unique<const GptqFactor>(std::move(*created));
  }
  return factor.get();
}

} // namespace winnow
