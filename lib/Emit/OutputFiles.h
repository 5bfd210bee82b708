//===- OutputFiles.h - Files that appear together ---------------*- C++ -*-===//

#ifndef WINNOW_EMIT_OUTPUTFILES_H
#define WINNOW_EMIT_OUTPUTFILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include <string>
#include <utility>
#include <vector>

namespace winnow {

/// Files that appear together: each is written under a temporary name, and
/// commit() renames them all. Whatever is not committed is removed, on signals
/// too.
class OutputFiles {
public:
  OutputFiles() = default;
  OutputFiles(const OutputFiles &) = delete;
  OutputFiles &operator=(const OutputFiles &) = delete;
  ~OutputFiles();

  /// Creates an empty file beside `final` and returns its name.
  llvm::Expected<std::string> add(const llvm::Twine &final);

  /// The same with contents.
  llvm::Error addText(const llvm::Twine &final, llvm::StringRef text);

  /// A file of the system's temporary folder, which commit() removes too.
  llvm::Expected<std::string> addTemporary(llvm::ArrayRef<char> bytes);

  /// Gives all files their names.
  llvm::Error commit();

private:
  void removeAll();

  /// Temporary and final name; files without a final one never get one.
  std::vector<std::pair<std::string, std::string>> files;
};

} // namespace winnow

#endif // WINNOW_EMIT_OUTPUTFILES_H
