//===- TextRules.h - Parts of tokenizer.json around the model ----*- C++
//-*-===//

#ifndef WINNOW_LIB_IMPORT_TEXTRULES_H
#define WINNOW_LIB_IMPORT_TEXTRULES_H

#include "winnow/Tokenizer/TokenizerData.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace winnow {

/// What happens to text before the model sees it: the normalizer and the
/// pre-tokenizer, taken apart.
struct TextRules {
  /// Spaces become U+2581.
  bool marksSpaces = false;
  bool hasMetaspace = false;
  bool isByteLevel = false;
  /// A space is put in front of the text by 'ByteLevel'.
  bool prefixesBytes = false;
};

/// Reads "normalizer" and "pre_tokenizer" of tokenizer.json into `data`. Errors
/// name the component that is not supported.
llvm::Expected<TextRules> readTextRules(const llvm::json::Object &tokenizer,
                                        TokenizerData &data);

/// The rules (TokenRule) of an element of "added_tokens".
uint8_t readTokenRules(const llvm::json::Object &token);

/// Reads "post_processor": which tokens stand around a text.
llvm::Error readPostProcessor(const llvm::json::Object &tokenizer,
                              TokenizerData &data);

} // namespace winnow

#endif // WINNOW_LIB_IMPORT_TEXTRULES_H
