//===- BertNormalizer.h - BERT's cleaning of text ---------------*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_BERTNORMALIZER_H
#define WINNOW_LIB_TOKENIZER_BERTNORMALIZER_H

#include "winnow/Tokenizer/TokenizerData.h"

#include <string>
#include <string_view>
#include <vector>

namespace winnow {

/// Cleans \p text by BERT's rules (BasicTokenizer of Devlin et al., 2018) and
/// cuts it into words: at spaces, which are left out, and around punctuation.
/// Invalid UTF-8 counts as U+FFFD. Marks are dropped without being put in
/// canonical order first, which differs for two spacing marks in the wrong
/// order alone.
std::vector<std::string> bertWords(std::string_view text,
                                   const BertRules &rules);

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_BERTNORMALIZER_H
