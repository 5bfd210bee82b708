//===- ExpressionView.h - What expressions see of a text --------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_EXPRESSIONVIEW_H
#define WINNOW_LIB_TOKENIZER_EXPRESSIONVIEW_H

#include <string>
#include <string_view>

namespace winnow {

/// Valid UTF-8 with every character where \p text has it: characters that
/// PCRE2 may not know are others of their kind, and bytes that are no UTF-8
/// are U+001A. Either \p text itself or in \p buffer.
std::string_view viewForExpressions(std::string_view text, std::string &buffer);

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_EXPRESSIONVIEW_H
