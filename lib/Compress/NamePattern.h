//===- NamePattern.h - Names that an option of a pass selects ---*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_NAMEPATTERN_H
#define WINNOW_LIB_COMPRESS_NAMEPATTERN_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Regex.h"

namespace winnow {

/// An option that holds a regular expression; empty means that there is none.
class NamePattern {
public:
  explicit NamePattern(llvm::StringRef text)
      : given(!text.empty()), regex(text) {}

  /// Fails with an error where `option` holds no regular expression.
  mlir::LogicalResult verify(mlir::Location location, llvm::StringRef option) {
    std::string why;
    if (!given || regex.isValid(why))
      return mlir::success();
    return emitError(location)
           << "expects a regular expression in '" << option << "': " << why;
  }
  /// Whether one of the names matches; `otherwise` without a pattern.
  bool matches(llvm::ArrayRef<llvm::StringRef> names, bool otherwise) const {
    return given ? llvm::any_of(
                       names,
                       [&](llvm::StringRef name) { return regex.match(name); })
                 : otherwise;
  }

private:
  bool given;
  llvm::Regex regex;
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_NAMEPATTERN_H
