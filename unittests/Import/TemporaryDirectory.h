//===- TemporaryDirectory.h - Files of one test -----------------*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_IMPORT_TEMPORARYDIRECTORY_H
#define WINNOW_UNITTESTS_IMPORT_TEMPORARYDIRECTORY_H

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

namespace winnow {

/// A directory that is removed with everything in it.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("winnow-import", path));
  }
  ~TemporaryDirectory() { (void)llvm::sys::fs::remove_directories(path); }

  std::string getPath(const std::string &name) const {
    llvm::SmallString<128> file = path;
    llvm::sys::path::append(file, name);
    return std::string(file);
  }

  /// Writes a file and returns its path.
  std::string write(const std::string &name, const std::string &bytes) const {
    std::string file = getPath(name);
    std::error_code code;
    llvm::raw_fd_ostream(file, code) << bytes;
    EXPECT_FALSE(code) << code.message();
    return file;
  }

private:
  llvm::SmallString<128> path;
};

} // namespace winnow

#endif // WINNOW_UNITTESTS_IMPORT_TEMPORARYDIRECTORY_H
