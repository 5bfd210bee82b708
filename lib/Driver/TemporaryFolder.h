//===- TemporaryFolder.h - Files for as long as they are needed -*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_TEMPORARYFOLDER_H
#define WINNOW_LIB_DRIVER_TEMPORARYFOLDER_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

namespace winnow {

/// A folder of its own that goes away with this object.
class TemporaryFolder {
public:
  static llvm::Expected<std::unique_ptr<TemporaryFolder>>
  create(llvm::StringRef prefix) {
    std::unique_ptr<TemporaryFolder> folder(new TemporaryFolder);
    if (std::error_code code =
            llvm::sys::fs::createUniqueDirectory(prefix, folder->path))
      return llvm::createStringError(
          code, "cannot create a temporary folder: " + code.message());
    return folder;
  }
  ~TemporaryFolder() { (void)llvm::sys::fs::remove_directories(path); }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;

  /// The path of a file in it.
  std::string operator/(const llvm::Twine &name) const {
    return (path + "/" + name).str();
  }

private:
  TemporaryFolder() = default;

  llvm::SmallString<128> path;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_TEMPORARYFOLDER_H
