//===- AddedTokens.h - Tokens with rules that cut a text --------*- C++ -*-===//
//
// Tokens are looked for twice: all but those in normalized text first, then
// those in the normalized form of what is left.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_TOKENIZER_ADDEDTOKENS_H
#define WINNOW_LIB_TOKENIZER_ADDEDTOKENS_H

#include "SpecialTokens.h"
#include "Vocabulary.h"

#include <deque>
#include <functional>
#include <string>

namespace winnow {

/// The special tokens of a vocabulary with their rules (TokenRule).
class AddedTokens {
public:
  /// A token, or text that holds none: its bytes, and the id or -1.
  struct Part {
    size_t begin, end;
    int32_t id;
  };

  /// \p normalize gives the text by which a token is found in normalized text.
  /// \p vocabulary must outlive this object.
  void build(const Vocabulary &vocabulary,
             const std::function<std::string(std::string_view)> &normalize);

  /// Cuts \p text at the tokens that are found before normalizing. Control
  /// tokens are text unless \p withControl.
  std::vector<Part> cut(std::string_view text, bool withControl) const;
  /// Cuts normalized text at the tokens that are found there.
  std::vector<Part> cutNormalized(std::string_view text,
                                  bool withControl) const;

private:
  std::vector<Part>
  apply(std::string_view text,
        const std::vector<SpecialTokens::Match> &matches) const;

  const Vocabulary *vocabulary = nullptr;
  /// Indexed by whether control tokens are among them.
  SpecialTokens plain[2], normalized[2];
  std::deque<std::string> normalizedTexts;
};

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_ADDEDTOKENS_H
