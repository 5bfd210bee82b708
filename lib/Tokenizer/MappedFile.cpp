//===- MappedFile.cpp - A file mapped for reading -------------------------===//

#include "MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace winnow;

MappedFile::~MappedFile() {
  if (data)
    munmap(const_cast<char *>(data), size);
}

bool MappedFile::open(const std::string &path, std::string &error) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    error = "cannot open '" + path + "': " + std::strerror(errno);
    return false;
  }
  struct stat status;
  const char *problem = nullptr;
  void *address = MAP_FAILED;
  if (fstat(file, &status) != 0)
    problem = std::strerror(errno);
  else if (!S_ISREG(status.st_mode))
    problem = "not a regular file";
  else if (status.st_size == 0)
    problem = "the file is empty";
  else if (address = mmap(nullptr, static_cast<size_t>(status.st_size),
                          PROT_READ, MAP_PRIVATE, file, 0);
           address == MAP_FAILED)
    problem = std::strerror(errno);
  close(file);
  if (problem) {
    error = "cannot read '" + path + "': " + problem;
    return false;
  }
  data = static_cast<const char *>(address);
  size = static_cast<size_t>(status.st_size);
  return true;
}
