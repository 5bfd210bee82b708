//===- Folder.cpp - Inputs that are several files -------------------------===//

#include "Folder.h"

#include "Fuzzing.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>

namespace winnow {
namespace fuzz {

Files splitFiles(std::string_view input) {
  Files files;
  while (input.size() >= 3) {
    unsigned char low = input[1], high = input[2];
    size_t size = std::min<size_t>(low | high << 8, input.size() - 3);
    files.push_back({input[0], input.substr(3, size)});
    input.remove_prefix(3 + size);
  }
  return files;
}

void addFile(std::string &input, unsigned char name, std::string_view bytes) {
  size_t size = std::min<size_t>(bytes.size(), 0xffff);
  input += static_cast<char>(name);
  input += static_cast<char>(size & 0xff);
  input += static_cast<char>(size >> 8);
  input += bytes.substr(0, size);
}

Folder::Folder(std::vector<std::string> names) {
  char made[] = "/dev/shm/winnow-fuzz-XXXXXX";
  require(mkdtemp(made));
  path = made;
  for (const std::string &name : names) {
    std::filesystem::path file = std::filesystem::path(path) / name;
    std::filesystem::create_directories(file.parent_path());
    entries.push_back({file.string()});
  }
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

void Folder::write(std::string_view input) {
  std::vector<const std::string_view *> contents(entries.size());
  Files files = splitFiles(input);
  for (const auto &[name, bytes] : files)
    contents[name % entries.size()] = &bytes;
  for (size_t i = 0; i < entries.size(); ++i) {
    Entry &entry = entries[i];
    if (!contents[i]) {
      if (entry.exists)
        unlink(entry.path.c_str());
      entry.exists = false;
      continue;
    }
    const std::string_view &bytes = *contents[i];
    int file = open(entry.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    require(file >= 0 && pwrite(file, bytes.data(), bytes.size(), 0) ==
                             static_cast<ssize_t>(bytes.size()));
    if (entry.exists && entry.size > bytes.size())
      require(ftruncate(file, static_cast<off_t>(bytes.size())) == 0);
    close(file);
    entry.exists = true;
    entry.size = bytes.size();
  }
}

} // namespace fuzz
} // namespace winnow
