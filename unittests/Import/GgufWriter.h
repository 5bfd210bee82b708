//===- GgufWriter.h - GGUF files for tests ---------------------*- C++ -*-===//
//
// Writes what the format's documentation says, and nothing checks it: tests
// pass broken counts and offsets on purpose.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_UNITTESTS_IMPORT_GGUFWRITER_H
#define WINNOW_UNITTESTS_IMPORT_GGUFWRITER_H

#include "winnow/Import/Gguf.h"

#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace winnow {

class GgufWriter {
public:
  uint32_t version = 3;
  uint64_t alignment = 32;
  /// Instead of the true counts.
  std::optional<uint64_t> tensorCount, metadataCount;

  template <typename T> static std::string bytesOf(T value) {
    return std::string(reinterpret_cast<const char *>(&value), sizeof(T));
  }
  static std::string bytesOf(GgufValueType type) {
    return bytesOf(static_cast<uint32_t>(type));
  }
  static std::string string(const std::string &text) {
    return bytesOf(uint64_t(text.size())) + text;
  }

  /// A key with any bytes behind its type.
  void raw(const std::string &key, uint32_t type, const std::string &bytes) {
    metadata.push_back(string(key) + bytesOf(type) + bytes);
  }
  void raw(const std::string &key, GgufValueType type,
           const std::string &bytes) {
    raw(key, static_cast<uint32_t>(type), bytes);
  }
  void set(const std::string &key, uint32_t value) {
    raw(key, GgufValueType::UInt32, bytesOf(value));
  }
  void set(const std::string &key, float value) {
    raw(key, GgufValueType::Float32, bytesOf(value));
  }
  void set(const std::string &key, const char *value) {
    raw(key, GgufValueType::String, string(value));
  }
  void set(const std::string &key, bool value) {
    raw(key, GgufValueType::Bool, bytesOf(uint8_t(value)));
  }
  void set(const std::string &key, const std::vector<std::string> &values) {
    std::string bytes =
        bytesOf(GgufValueType::String) + bytesOf(uint64_t(values.size()));
    for (const std::string &value : values)
      bytes += string(value);
    raw(key, GgufValueType::Array, bytes);
  }
  template <typename T>
  void set(const std::string &key, GgufValueType elementType,
           const std::vector<T> &values) {
    std::string bytes = bytesOf(elementType) + bytesOf(uint64_t(values.size()));
    for (T value : values)
      bytes += bytesOf(value);
    raw(key, GgufValueType::Array, bytes);
  }

  /// A tensor of `size` zero bytes; `dims` are in the order of the file, the
  /// contiguous one first.
  void add(const std::string &name, const std::vector<uint64_t> &dims,
           uint32_t type, uint64_t size,
           std::optional<uint64_t> offset = std::nullopt) {
    std::string info = string(name) + bytesOf(uint32_t(dims.size()));
    for (uint64_t dim : dims)
      info += bytesOf(dim);
    info += bytesOf(type) + bytesOf(offset.value_or(data.size()));
    tensors.push_back(info);
    data.resize(llvm::alignTo(data.size() + size, alignment));
  }
  /// A tensor of zeros in f32.
  void addF32(const std::string &name, const std::vector<uint64_t> &dims) {
    uint64_t size = 4;
    for (uint64_t dim : dims)
      size *= dim;
    add(name, dims, 0, size);
  }

  std::string write() const {
    std::string file = "GGUF" + bytesOf(version) +
                       bytesOf(tensorCount.value_or(tensors.size())) +
                       bytesOf(metadataCount.value_or(metadata.size()));
    for (const std::string &entry : metadata)
      file += entry;
    for (const std::string &info : tensors)
      file += info;
    file.resize(llvm::alignTo(file.size(), alignment));
    return file + data;
  }

private:
  std::vector<std::string> metadata, tensors;
  std::string data;
};

} // namespace winnow

#endif // WINNOW_UNITTESTS_IMPORT_GGUFWRITER_H
