//===- MutateFile.cpp - Random changes that keep a file's form ------------===//

#include "MutateFile.h"

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

} // namespace fuzz
} // namespace winnow
