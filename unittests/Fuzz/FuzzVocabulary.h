//===- FuzzVocabulary.h - A vocabulary that a reader accepted ---*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_FUZZ_FUZZ_VOCABULARY_H
#define WINNOW_UNITTESTS_FUZZ_FUZZ_VOCABULARY_H

#include "Fuzzing.h"

#include "winnow/Tokenizer/Tokenizer.h"

namespace winnow {
namespace fuzz {

/// Encodes a text with it, and decodes the ids, which have to be its own.
inline void useVocabulary(const Tokenizer &tokenizer, const std::string &text) {
  std::vector<int32_t> ids = tokenizer.encode(text);
  StreamDecoder stream(tokenizer);
  for (int32_t id : ids) {
    require(id >= 0 && id < tokenizer.vocabularySize());
    stream.add(id);
  }
  stream.finish();
  tokenizer.decode(ids, {true, true});
}

/// What importers accept has to become a file that says the same.
inline void useVocabulary(const TokenizerData &data) {
  std::string error, bytes = serialize(data);
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::create(data, error);
  if (!tokenizer) {
    require(!error.empty());
    return;
  }
  std::optional<TokenizerData> read = parseTokenizerData(bytes, error);
  require(read && serialize(*read) == bytes);
  useVocabulary(*tokenizer,
                "ab1 <s> Hello,  \xe2\x96\x81 a\xcc\x81\xe5\xad\x97 \xff\n");
}

} // namespace fuzz
} // namespace winnow

#endif // WINNOW_UNITTESTS_FUZZ_FUZZ_VOCABULARY_H
