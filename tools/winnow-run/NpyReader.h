//===- NpyReader.h - Reading arrays of NumPy --------------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_NPY_READER_H
#define WINNOW_TOOLS_WINNOW_RUN_NPY_READER_H

#include <cstdint>
#include <string>
#include <vector>

namespace winnow {
namespace run {

/// An array of float32.
struct NpyArray {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/// Reads a float32 array of `rank` 2 or 3 in C order from a .npy file of format
/// 1 or 2. False and one line in `error` for anything else, or where the bytes
/// are not exactly those of the shape.
bool readNpy(const std::string &path, NpyArray &array, std::string &error,
             size_t rank = 2);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_NPY_READER_H
