//===- Folder.h - Inputs that are several files -----------------*- C++ -*-===//
//
// An input is a list of files one after another: the number of its name in the
// fuzzer's list (u8), its size (u16, little endian) and its bytes. What a size
// says beyond the end of the input does not exist.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_UNITTESTS_FUZZ_FOLDER_H
#define WINNOW_UNITTESTS_FUZZ_FOLDER_H

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace winnow {
namespace fuzz {

using Files = std::vector<std::pair<unsigned char, std::string_view>>;

Files splitFiles(std::string_view input);
/// Appends a file to an input.
void addFile(std::string &input, unsigned char name, std::string_view bytes);

/// A folder in memory that goes with the process.
class Folder {
public:
  /// Of the files of inputs. Folders in names are made.
  explicit Folder(std::vector<std::string> names);
  ~Folder();
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;

  /// The folder then holds the files of the input and nothing else. Of several
  /// with one name the last one counts.
  void write(std::string_view input);
  const std::string &getPath() const { return path; }

private:
  struct Entry {
    std::string path;
    bool exists = false;
    size_t size = 0;
  };
  std::string path;
  std::vector<Entry> entries;
};

} // namespace fuzz
} // namespace winnow

#endif // WINNOW_UNITTESTS_FUZZ_FOLDER_H
