//===- Text.h - Strings as Python sees them ---------------------*- C++ -*-===//

#ifndef WINNOW_LIB_CHAT_TEXT_H
#define WINNOW_LIB_CHAT_TEXT_H

#include <string>
#include <string_view>
#include <vector>

namespace winnow {
namespace chat {

/// The characters of a text. A byte that is no UTF-8 is one by itself.
std::vector<std::string_view> charactersOf(std::string_view text);

/// Whether Python's str.isspace is true of a character.
bool isSpace(std::string_view character);

/// Takes characters away at the ends: those in `which`, or spaces if null.
std::string_view strip(std::string_view text, const std::string *which,
                       bool left, bool right);

/// str.split and str.rsplit: at a separator, or at runs of spaces if null, at
/// most `most` times unless negative.
std::vector<std::string> split(std::string_view text,
                               const std::string *separator, int64_t most,
                               bool fromRight);

std::string replaceAll(std::string_view text, std::string_view from,
                       std::string_view to, int64_t most);

/// ASCII letters only.
std::string toUpper(std::string text);
std::string toLower(std::string text);
std::string capitalize(std::string text);
std::string titleCase(std::string text);

} // namespace chat
} // namespace winnow

#endif // WINNOW_LIB_CHAT_TEXT_H
