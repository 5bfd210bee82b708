//===- NpyReader.cpp - Reading arrays of NumPy ----------------------------===//

#include "NpyReader.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace winnow {
namespace run {

namespace {
struct Closer {
  void operator()(std::FILE *file) const { std::fclose(file); }
};
} // namespace

/// What follows `key` in the header, a literal of Python.
static std::string valueOf(const std::string &header, const std::string &key) {
  size_t at = header.find("'" + key + "':");
  if (at == std::string::npos)
    return "";
  at = header.find_first_not_of(' ', at + key.size() + 3);
  return at == std::string::npos ? "" : header.substr(at);
}

/// Reads "(rows, columns)", or as many sizes as `rank` says; their product
/// goes to `count`.
static bool parseShape(const std::string &text, size_t rank, NpyArray &array,
                       int64_t &count) {
  const char *next = text.c_str();
  count = 1;
  for (size_t i = 0; i < rank; ++i) {
    long long size;
    int end = 0;
    const char *format = i == 0 ? "(%18lld%n" : ", %18lld%n";
    if (std::sscanf(next, format, &size, &end) != 1 || end == 0 || size < 0)
      return false;
    // No file has more numbers.
    if (__builtin_mul_overflow(count, size, &count))
      count = INT64_MAX;
    array.shape.push_back(size);
    next += end;
  }
  return *next == ')';
}

/// The header's text; empty where there is none.
static std::string readHeader(std::FILE *file) {
  unsigned char start[12];
  if (std::fread(start, 1, 10, file) != 10 ||
      std::memcmp(start, "\x93NUMPY", 6) != 0 || start[6] < 1 || start[6] > 2)
    return "";
  size_t size = start[8] | start[9] << 8;
  if (start[6] == 2) {
    if (std::fread(start + 10, 1, 2, file) != 2)
      return "";
    size |= static_cast<size_t>(start[10]) << 16 |
            static_cast<size_t>(start[11]) << 24;
  }
  // Headers of such arrays take about a hundred bytes.
  if (size > 65536)
    return "";
  std::string header(size, ' ');
  if (std::fread(&header[0], 1, size, file) != size)
    return "";
  return header;
}

bool readNpy(const std::string &path, NpyArray &array, std::string &error,
             size_t rank) {
  auto failed = [&](const std::string &why) {
    error = "'" + path + "' " + why;
    return false;
  };
  std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "rb"));
  if (!file) {
    error = "cannot open '" + path + "': " + std::strerror(errno);
    return false;
  }
  std::string header = readHeader(file.get());
  if (header.empty())
    return failed("is not an array of NumPy");
  std::string type = valueOf(header, "descr"), shape = valueOf(header, "shape");
  if (type.compare(0, 5, "'<f4'") != 0)
    return failed("does not hold float32: its type is " +
                  type.substr(0, type.find(',')));
  if (valueOf(header, "fortran_order").compare(0, 5, "False") != 0)
    return failed("is not in C order");
  int64_t count;
  if (!parseShape(shape, rank, array, count))
    return failed("does not have " + std::string(rank == 2 ? "two" : "three") +
                  " dimensions");
  long begin = std::ftell(file.get());
  if (begin < 0 || std::fseek(file.get(), 0, SEEK_END) != 0)
    return failed(std::string("cannot be read: ") + std::strerror(errno));
  int64_t bytes = std::ftell(file.get()) - begin;
  std::fseek(file.get(), begin, SEEK_SET);
  if (count > INT64_MAX / 4 || count * 4 != bytes) {
    std::string sizes;
    for (int64_t size : array.shape)
      sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
    return failed("is truncated or too long: " + std::to_string(bytes) +
                  " bytes for [" + sizes + "]");
  }
  array.values.resize(static_cast<size_t>(count));
  return std::fread(array.values.data(), 4, array.values.size(), file.get()) ==
             array.values.size() ||
         failed("cannot be read to its end");
}

} // namespace run
} // namespace winnow
