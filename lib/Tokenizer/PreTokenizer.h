//===- PreTokenizer.h - Cuts text into words --------------------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_PRETOKENIZER_H
#define WINNOW_LIB_TOKENIZER_PRETOKENIZER_H

#include "TokenizerFile.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

/// The bytes [begin, end) of a text.
struct Stretch {
  size_t begin, end;
};

/// A list of regular expressions. Each one cuts every stretch that the one
/// before it left, by its rule.
class PreTokenizer {
public:
  PreTokenizer() = default;
  ~PreTokenizer();
  PreTokenizer(const PreTokenizer &) = delete;
  PreTokenizer &operator=(const PreTokenizer &) = delete;

  /// Compiles \p expression (PCRE2 syntax; `\s` is Unicode White_Space) and
  /// adds it to the list. False and a message if it does not compile.
  bool add(std::string_view expression, CutRule rule, std::string &error);
  /// The same with each expression of a vocabulary.
  bool addAll(const TokenizerFile &file, std::string &error);

  bool empty() const { return cuts.empty(); }

  /// The words of \p text, none of them empty. Expressions see U+001A for bytes
  /// that are no UTF-8, and characters that they cannot know as some other of
  /// their kind. A stretch on which an expression runs into its limit of steps
  /// stays whole from there.
  std::vector<Stretch> split(std::string_view text) const;

private:
  struct Cut {
    /// The compiled expression (pcre2_code *).
    void *code;
    CutRule rule;
  };
  std::vector<Cut> cuts;
};

/// The expressions of the pre-tokenizer \p name (GGUF `tokenizer.ggml.pre`) and
/// what else goes with it.
struct PreTokenizerRule {
  std::vector<std::string_view> names;
  std::vector<std::string_view> expressions;
  bool ignoreMerges;
  bool addBos;
};
const std::vector<PreTokenizerRule> &preTokenizerRules();

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_PRETOKENIZER_H
