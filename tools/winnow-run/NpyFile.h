//===- NpyFile.h - Writing arrays for NumPy ---------------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_NPY_FILE_H
#define WINNOW_TOOLS_WINNOW_RUN_NPY_FILE_H

#include <cstdint>
#include <cstdio>
#include <string>

namespace winnow {
namespace run {

/// A float32 array [rows, columns] in NumPy's format 1.0, written row by row
/// under a temporary name beside `path`; `finish` gives it its name. Without
/// finish nothing is left.
class NpyFile {
public:
  ~NpyFile();
  NpyFile() = default;
  NpyFile(const NpyFile &) = delete;
  NpyFile &operator=(const NpyFile &) = delete;

  bool create(const std::string &path, int64_t rows, int64_t columns,
              std::string &error);
  bool write(const float *values, int64_t count, std::string &error);
  bool finish(std::string &error);

private:
  bool failed(std::string &error);

  std::string path, temporary;
  std::FILE *file = nullptr;
};

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_NPY_FILE_H
