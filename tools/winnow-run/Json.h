//===- Json.h - Reading a manifest ------------------------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_JSON_H
#define WINNOW_TOOLS_WINNOW_RUN_JSON_H

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace winnow {
namespace run {

/// A JSON value. Members of objects keep their order.
struct Json {
  enum class Kind { Null, Boolean, Number, String, Array, Object };

  Kind kind = Kind::Null;
  bool boolean = false;
  std::string text;              ///< of a string; of a number as it is written
  std::vector<Json> items;       ///< of an array; of an object the values
  std::vector<std::string> keys; ///< of an object, as many as items

  bool isScalar() const { return kind != Kind::Array && kind != Kind::Object; }
  /// A member of an object, or null.
  const Json *find(std::string_view key) const;
  /// The value of a number.
  std::optional<double> number() const;
};

/// Parses one value that fills `text`. Nothing, and a message with the byte
/// offset, where it is malformed or nested more than 100 deep.
std::optional<Json> parseJson(std::string_view text, std::string &error);

/// `text` as a JSON string with its quotes.
std::string quoteJson(std::string_view text);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_JSON_H
