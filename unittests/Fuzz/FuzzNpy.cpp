//===- FuzzNpy.cpp - Any bytes as an array of NumPy -----------------------===//

#include "Fuzzing.h"

#include "winnow-run/NpyReader.h"

using namespace winnow::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static MemoryFile file;
  const std::string &path = file.write(view(data, size));
  for (size_t rank : {2, 3}) {
    winnow::run::NpyArray array;
    std::string error;
    if (!winnow::run::readNpy(path, array, error, rank)) {
      require(!error.empty());
      continue;
    }
    size_t count = 1;
    for (int64_t extent : array.shape)
      count *= static_cast<size_t>(extent);
    require(array.shape.size() == rank && array.values.size() == count);
  }
  return 0;
}
