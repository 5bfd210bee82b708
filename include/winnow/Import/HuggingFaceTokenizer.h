//===- HuggingFaceTokenizer.h - tokenizer.json and its like -----*- C++ -*-===//

#ifndef WINNOW_IMPORT_HUGGINGFACETOKENIZER_H
#define WINNOW_IMPORT_HUGGINGFACETOKENIZER_H

#include "winnow/Tokenizer/TokenizerData.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>

namespace winnow {

/// The vocabulary of a directory of Hugging Face, complete and consistent, with
/// the ids that the package `tokenizers` gives; nothing if there is no
/// tokenizer.json. tokenizer_config.json brings roles and the chat template,
/// generation_config.json and config.json the ids that end generation. Added
/// tokens whose ids reach `vocabulary`, the rows of the embedding, are left
/// out. Errors name the file and what in it is not supported.
llvm::Expected<std::optional<TokenizerData>>
readHuggingFaceTokenizer(llvm::StringRef directory, size_t vocabulary);

} // namespace winnow

#endif // WINNOW_IMPORT_HUGGINGFACETOKENIZER_H
