//===- RandomNumbers.h - Normal numbers for tests ---------------*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_RANDOMNUMBERS_H
#define WINNOW_UNITTESTS_RANDOMNUMBERS_H

#include <cstddef>
#include <random>
#include <vector>

namespace winnow::test {

inline std::vector<float> normalNumbers(size_t count, unsigned seed,
                                        float mean = 0, float deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> numbers(count);
  for (float &number : numbers)
    number = normal(random);
  return numbers;
}

} // namespace winnow::test

#endif // WINNOW_UNITTESTS_RANDOMNUMBERS_H
