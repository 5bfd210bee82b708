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

/// The part of a header behind `key`, or nothing.
static const char *valueOf(const std::string &header, const char *key) {
  size_t at = header.find(key);
  if (at == std::string::npos)
    return nullptr;
  return header.c_str() + header.find_first_not_of(" :", at + strlen(key));
}

/// Reads "(3, 224, 224)"; the product of the sizes goes to `count`.
static bool parseShape(const char *text, std::vector<int64_t> &shape,
                       int64_t &count) {
  count = 1;
  if (*text++ != '(')
    return false;
  while (true) {
    text += strspn(text, " ,");
    if (*text == ')')
      return true;
    int64_t size = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || shape.size() == 4)
      return false;
    for (; digits; --digits)
      size = size * 10 + (*text++ - '0');
    shape.push_back(size);
    if (__builtin_mul_overflow(count, size, &count))
      return false;
  }
}

bool readNpy(const std::string &path, std::vector<float> &data,
             std::vector<int64_t> &shape, std::string &error) {
  std::FILE *file = std::fopen(path.c_str(), "rb");
  if (!file) {
    error = "cannot open '" + path + "': " + std::strerror(errno);
    return false;
  }
  auto close = [&](const char *message) {
    std::fclose(file);
    if (message)
      error = "'" + path + "': " + message;
    return !message;
  };
  unsigned char start[10];
  if (std::fread(start, 1, sizeof start, file) != sizeof start ||
      std::memcmp(start, "\x93NUMPY\x01", 7) != 0)
    return close("expects an array in NumPy's format 1.0");
  std::string header(start[8] + 256u * start[9], ' ');
  if (std::fread(header.data(), 1, header.size(), file) != header.size())
    return close("the header is cut short");
  const char *type = valueOf(header, "'descr'");
  const char *order = valueOf(header, "'fortran_order'");
  const char *sizes = valueOf(header, "'shape'");
  int64_t count = 0;
  if (!type || std::strncmp(type, "'<f4'", 5) != 0 || !order ||
      std::strncmp(order, "False", 5) != 0)
    return close("expects float32 in C order");
  if (!sizes || !parseShape(sizes, shape, count))
    return close("the shape is malformed");
  long begin = std::ftell(file);
  if (begin < 0 || std::fseek(file, 0, SEEK_END) != 0)
    return close("cannot be read");
  long end = std::ftell(file);
  if (end < begin || count > (end - begin) / 4 || count * 4 != end - begin)
    return close("the size of the file does not go with the shape");
  data.resize(static_cast<size_t>(count));
  if (std::fseek(file, begin, SEEK_SET) != 0 ||
      std::fread(data.data(), 4, data.size(), file) != data.size())
    return close("cannot be read");
  return close(nullptr);
}

} // namespace run
} // namespace winnow
