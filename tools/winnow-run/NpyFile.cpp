//===- NpyFile.cpp - Writing arrays for NumPy -----------------------------===//

#include "NpyFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace winnow {
namespace run {

NpyFile::~NpyFile() {
  if (file)
    std::fclose(file);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

bool NpyFile::failed(std::string &error) {
  error = "cannot write '" + path + "': " + std::strerror(errno);
  return false;
}

bool NpyFile::create(const std::string &newPath, int64_t rows, int64_t columns,
                     std::string &error) {
  path = newPath;
  std::string name = path + ".tmp" + std::to_string(getpid());
  int descriptor =
      ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return failed(error);
  temporary = name;
  file = fdopen(descriptor, "wb");
  if (!file) {
    failed(error);
    ::close(descriptor);
    return false;
  }
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows) + ", " + std::to_string(columns) +
                       "), }";
  // Magic, version and length take 10 bytes; the data start at a multiple
  // of 64.
  size_t size = (10 + header.size() + 1 + 63) / 64 * 64 - 10;
  header.resize(size - 1, ' ');
  header += '\n';
  const char start[10] = {'\x93',
                          'N',
                          'U',
                          'M',
                          'P',
                          'Y',
                          1,
                          0,
                          static_cast<char>(size & 0xff),
                          static_cast<char>(size >> 8)};
  if (std::fwrite(start, 1, sizeof start, file) != sizeof start ||
      std::fwrite(header.data(), 1, header.size(), file) != header.size())
    return failed(error);
  return true;
}

bool NpyFile::write(const float *values, int64_t count, std::string &error) {
  size_t size = static_cast<size_t>(count);
  return std::fwrite(values, sizeof(float), size, file) == size ||
         failed(error);
}

bool NpyFile::finish(std::string &error) {
  int result = std::fclose(file);
  file = nullptr;
  if (result != 0 || std::rename(temporary.c_str(), path.c_str()) != 0)
    return failed(error);
  temporary.clear();
  return true;
}

} // namespace run
} // namespace winnow
