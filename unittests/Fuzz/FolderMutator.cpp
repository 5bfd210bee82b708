//===- FolderMutator.cpp - For fuzzers whose inputs are several files -----===//

#include "Folder.h"
#include "Fuzzing.h"
#include "MutateFile.h"

namespace winnow {
namespace fuzz {

/// `input` with one of its files changed, left out or repeated.
static std::string mutate(std::string_view input, std::string_view other,
                          Random &random) {
  Files files = splitFiles(input), others = splitFiles(other);
  if (files.empty())
    return mutateBytes(input, 32);
  size_t changed = random() % files.size();
  std::string_view from =
      others.empty() ? "" : others[random() % others.size()].second;
  std::string result;
  for (size_t i = 0; i < files.size(); ++i) {
    auto [name, bytes] = files[i];
    if (i != changed)
      addFile(result, name, bytes);
    else if (random() % 16 == 0)
      addFile(result, static_cast<unsigned char>(random() % 8), bytes);
    else if (random() % 16)
      addFile(result, name, mutateFile(bytes, from, random));
  }
  if (!others.empty() && random() % 8 == 0)
    addFile(result, others[0].first, others[0].second);
  return result;
}

} // namespace fuzz
} // namespace winnow

using namespace winnow::fuzz;

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  Random random(seed);
  return store(mutate(view(data, size), "", random), data, maxSize);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *data, size_t size,
                                            const uint8_t *other,
                                            size_t otherSize, uint8_t *out,
                                            size_t maxSize, unsigned seed) {
  Random random(seed);
  return store(mutate(view(data, size), view(other, otherSize), random), out,
               maxSize);
}
