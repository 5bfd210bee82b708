//===- FuzzWeights.cpp - Any bytes as NAME.weights ------------------------===//
//
// Opens the input as the weights of the hand-written model of the runtime's
// tests and verifies what is accepted.
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"
#include "MutateText.h"

#include "../Runtime/FakeModel.h"
#include "Runtime/Weights.h"

#include <algorithm>
#include <cstring>

using namespace winnow::fuzz;
using winnow::runtime::Weights;

/// Paths that lead nowhere.
static bool refusesPaths() {
  winnow_error error = {};
  Weights weights;
  for (const char *path : {"/", "/no/such"})
    require(weights.open(path, winnow_artifact, &error) == WINNOW_IO_ERROR);
  return true;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static MemoryFile file;
  static const bool refuses = refusesPaths();
  require(refuses);
  const std::string &path = file.write(view(data, size));
  Weights weights;
  winnow_error error = {};
  if (weights.open(path.c_str(), winnow_artifact, &error) != WINNOW_OK) {
    require(error.message[0]);
    return 0;
  }
  require(weights.dataSize() == FAKE_WEIGHT_BYTES && weights.size() == size);
  if (weights.verify(&error) != WINNOW_OK)
    require(error.message[0]);
  weights.close();
  return 0;
}

/// Nearly all of a file is padding and data; what is read stands in front.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  constexpr size_t front = 160;
  Random random(seed);
  if (size < front || random() % 8 == 0)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::string text(view(data + 8, front - 8));
  text = random() % 2 ? mutateText(text, random) : mutateBytes(text, 0);
  text.resize(front - 8, ' ');
  std::memcpy(data + 8, text.data(), text.size());
  return size;
}
