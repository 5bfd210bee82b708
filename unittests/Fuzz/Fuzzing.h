//===- Fuzzing.h - What the fuzzers share -----------------------*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_FUZZ_FUZZING_H
#define WINNOW_UNITTESTS_FUZZ_FUZZING_H

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace winnow {
namespace fuzz {

/// Stops the fuzzer: what it found is a bug.
inline void require(bool condition) {
  if (!condition)
    abort();
}

inline std::string_view view(const uint8_t *data, size_t size) {
  return {reinterpret_cast<const char *>(data), size};
}

/// Copies what a mutator made to where libFuzzer wants it.
inline size_t store(const std::string &input, uint8_t *data, size_t maxSize) {
  size_t size = std::min(input.size(), maxSize);
  std::memcpy(data, input.data(), size);
  return size;
}

/// A file in memory, for readers that open files.
class MemoryFile {
public:
  MemoryFile() : file(memfd_create("input", MFD_CLOEXEC)) {
    require(file >= 0);
    path = "/proc/self/fd/" + std::to_string(file);
  }
  ~MemoryFile() { close(file); }
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;

  /// Replaces the contents; returns the path.
  const std::string &write(std::string_view bytes) {
    require(pwrite(file, bytes.data(), bytes.size(), 0) ==
            static_cast<ssize_t>(bytes.size()));
    if (bytes.size() != size)
      require(ftruncate(file, static_cast<off_t>(bytes.size())) == 0);
    size = bytes.size();
    return path;
  }

private:
  int file;
  size_t size = 0;
  std::string path;
};

} // namespace fuzz
} // namespace winnow

#endif // WINNOW_UNITTESTS_FUZZ_FUZZING_H
