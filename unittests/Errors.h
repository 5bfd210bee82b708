//===- Errors.h - Errors in tests ------------------------------*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_ERRORS_H
#define WINNOW_UNITTESTS_ERRORS_H

#include "llvm/Support/Error.h"

#include <string>

namespace winnow {

/// The message of an error, "" for success.
inline std::string messageOf(llvm::Error error) {
  return llvm::toString(std::move(error));
}

/// The message of a failure, "" for a value.
template <typename T> std::string messageOf(llvm::Expected<T> value) {
  return messageOf(value.takeError());
}

} // namespace winnow

#endif // WINNOW_UNITTESTS_ERRORS_H
