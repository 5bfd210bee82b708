//===- Json.h - JSON files of untrusted origin ------------------*- C++ -*-===//

#ifndef WINNOW_LIB_IMPORT_JSON_H
#define WINNOW_LIB_IMPORT_JSON_H

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace winnow {

/// Parses a text that is one JSON object, nested no deeper than any model's
/// files are (so that parsing needs little stack) and without keys that appear
/// twice. Errors read "NAME: message".
llvm::Expected<llvm::json::Object> parseJsonObject(llvm::StringRef text,
                                                   llvm::StringRef name);

/// The same of the regular file at `path`.
llvm::Expected<llvm::json::Object> readJsonObject(llvm::StringRef path);

/// The integer below 2^63 that a value is, or nothing; null is no value. LLVM's
/// own functions are undefined for 2^63 with a fraction.
std::optional<int64_t> getInteger(const llvm::json::Value *value);

/// Whether a name from a file may become a symbol, a message and a line of
/// JSON: UTF-8 without control characters, and not empty.
bool isPlainText(llvm::StringRef name);

/// A name from a file as it may stand in a one-line message, cut where it is
/// long.
std::string quote(llvm::StringRef name);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_JSON_H
