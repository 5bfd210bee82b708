//===- MappedFile.h - A file mapped for reading -----------------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_MAPPEDFILE_H
#define WINNOW_LIB_TOKENIZER_MAPPEDFILE_H

#include <cstddef>
#include <string>
#include <string_view>

namespace winnow {

/// A regular file mapped read-only, unmapped when this object goes.
class MappedFile {
public:
  MappedFile() = default;
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  /// Maps \p path; false and a message that names it on failure.
  bool open(const std::string &path, std::string &error);

  std::string_view bytes() const { return {data, size}; }

private:
  const char *data = nullptr;
  size_t size = 0;
};

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_MAPPEDFILE_H
