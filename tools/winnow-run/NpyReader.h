//===- NpyReader.h - Reading arrays of NumPy --------------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_NPY_READER_H
#define WINNOW_TOOLS_WINNOW_RUN_NPY_READER_H

#include <cstdint>
#include <string>
#include <vector>

namespace winnow {
namespace run {

/// Rows of float32.
struct NpyArray {
  int64_t rows = 0, columns = 0;
  std::vector<float> values;
};

/// Reads a float32 array [rows, columns] in C order from a .npy file of format
/// 1 or 2. False and one line in `error` for anything else, or where the bytes
/// are not exactly those of the shape.
bool readNpy(const std::string &path, NpyArray &array, std::string &error);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_NPY_READER_H
