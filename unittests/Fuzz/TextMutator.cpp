//===- TextMutator.cpp - For fuzzers whose whole input is text ------------===//

#include "Fuzzing.h"
#include "MutateText.h"

using namespace winnow::fuzz;

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  Random random(seed);
  if (random() % 4 == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  return store(mutateText(view(data, size), random), data, maxSize);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size,
                                            const uint8_t *other,
                                            size_t otherSize, uint8_t *out,
                                            size_t maxSize, unsigned seed) {
  Random random(seed);
  return store(crossText(view(data, size), view(other, otherSize), random), out,
               maxSize);
}
