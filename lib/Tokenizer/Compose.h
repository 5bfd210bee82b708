//===- Compose.h - Unicode's normalization form C ---------------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_COMPOSE_H
#define WINNOW_LIB_TOKENIZER_COMPOSE_H

#include <string>
#include <string_view>

namespace winnow {

/// \p text, which must be valid UTF-8, in normalization form C (Unicode
/// Standard Annex 15): decomposed, marks in canonical order, and composed.
std::string compose(std::string_view text);

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_COMPOSE_H
