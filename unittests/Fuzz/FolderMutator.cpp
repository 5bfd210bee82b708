//===- FolderMutator.cpp - For fuzzers whose inputs are several files -----===//

#include "Folder.h"
#include "MutateFile.h"

#include <algorithm>
#include <cstring>

namespace winnow {
namespace fuzz {

static std::string changeText(std::string_view text, std::string_view other,
                              Random &random) {
  return other.empty() ? mutateText(text, random)
                       : crossText(text, other, random);
}

/// The size of the header of a file that may be safetensors, or 0.
static size_t headerSize(std::string_view file) {
  uint64_t size = 0;
  if (file.size() < 9 || file[8] != '{')
    return 0;
  std::memcpy(&size, file.data(), sizeof size);
  return size <= file.size() - 8 ? size : 0;
}

std::string mutateFile(std::string_view file, std::string_view other,
                       Random &random) {
  if (random() % 8 == 0)
    return mutateBytes(file, 32);
  if (file.substr(0, 4) == "GGUF") {
    std::string changed = mutateGguf(file, other, random);
    for (size_t steps = random() % 3; steps; --steps)
      changed = mutateGguf(changed, "", random);
    return changed;
  }
  size_t size = headerSize(file);
  if (!size)
    return changeText(file, other, random);
  size_t otherSize = headerSize(other);
  std::string header =
      changeText(file.substr(8, size),
                 otherSize ? other.substr(8, otherSize) : "", random);
  std::string data(file.substr(8 + size));
  if (random() % 8 == 0)
    data.resize(random() % 64);
  uint64_t length = header.size();
  return std::string(reinterpret_cast<const char *>(&length), 8) + header +
         data;
}

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

static size_t store(const std::string &input, uint8_t *data, size_t maxSize) {
  size_t size = std::min(input.size(), maxSize);
  std::memcpy(data, input.data(), size);
  return size;
}

static std::string_view view(const uint8_t *data, size_t size) {
  return {reinterpret_cast<const char *>(data), size};
}

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
