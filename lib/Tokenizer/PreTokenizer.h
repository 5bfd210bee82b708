//===- PreTokenizer.h - Cuts text into words --------------------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_PRETOKENIZER_H
#define WINNOW_LIB_TOKENIZER_PRETOKENIZER_H

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

/// A list of regular expressions. Each one cuts every stretch that the one
/// before it left: its matches become stretches, and so does what lies between
/// two of them.
class PreTokenizer {
public:
  PreTokenizer() = default;
  ~PreTokenizer();
  PreTokenizer(const PreTokenizer &) = delete;
  PreTokenizer &operator=(const PreTokenizer &) = delete;

  /// Compiles \p expression (PCRE2 syntax; `\s` is Unicode White_Space) and
  /// adds it to the list. False and a message if it does not compile.
  bool add(std::string_view expression, std::string &error);

  /// The ends of the words of \p text, which must be valid UTF-8; the last end
  /// is the text's. A stretch on which an expression runs into its limit of
  /// steps stays whole from there.
  std::vector<size_t> split(std::string_view text) const;

private:
  /// Compiled expressions (pcre2_code *).
  std::vector<void *> codes;
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
