//===- ConfigReader.h - Checked numbers of a model's description *- C++ -*-===//
//
// GGUF metadata and config.json say the same things under different keys.
// Values are seen as JSON; where they come from is a subclass's business.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_IMPORT_CONFIGREADER_H
#define WINNOW_IMPORT_CONFIGREADER_H

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace winnow {

/// Reads values by key and checks each. The first error is kept; reads that
/// fail return their fallback, or a value that is in range, so that a caller
/// checks once at the end.
class ConfigReader {
public:
  virtual ~ConfigReader();

  bool has(llvm::StringRef key) const { return lookUp(key).has_value(); }

  /// An integer between `least` and 2^31 - 1. Without `fallback` the key must
  /// exist.
  int64_t getCount(llvm::StringRef key, int64_t least,
                   std::optional<int64_t> fallback = std::nullopt);

  /// `count` integers, each at least 1: the file has one for all or an array.
  std::vector<int64_t> getCounts(llvm::StringRef key, size_t count);

  /// A number of either sign, finite in single precision. Without `fallback`
  /// the key must exist.
  double getNumber(llvm::StringRef key,
                   std::optional<double> fallback = std::nullopt);

  /// A number greater than zero.
  double getPositive(llvm::StringRef key,
                     std::optional<double> fallback = std::nullopt);

  /// Finite numbers; empty if the key is absent.
  std::vector<double> getNumbers(llvm::StringRef key);

  bool getFlag(llvm::StringRef key, bool fallback);

  std::string getString(llvm::StringRef key, llvm::StringRef fallback);

  /// Strings; empty if the key is absent.
  std::vector<std::string> getStrings(llvm::StringRef key);

  /// The value as it stands in the file, or nothing. JSON's null is nothing.
  virtual std::optional<llvm::json::Value>
  lookUp(llvm::StringRef key) const = 0;

  /// Records an error about a value: "FILE: KEY expects ...".
  void failAt(llvm::StringRef key, const llvm::Twine &expected);
  /// Records an error about the model: "FILE: message".
  void fail(const llvm::Twine &message);

  bool failed() const { return !firstError.empty(); }
  llvm::Error takeError() const { return llvm::createStringError(firstError); }

protected:
  explicit ConfigReader(llvm::StringRef fileName) : fileName(fileName) {}

  /// A key as messages name it.
  virtual std::string describe(llvm::StringRef key) const { return key.str(); }
  /// Where a value stands in its file, with ": " behind, or nothing.
  virtual std::string locate(llvm::StringRef key) const { return ""; }

private:
  /// The value; records an error if there is none but has to be one.
  std::optional<llvm::json::Value> require(llvm::StringRef key,
                                           bool isOptional);

  std::string fileName;
  std::string firstError;
};

} // namespace winnow

#endif // WINNOW_IMPORT_CONFIGREADER_H
