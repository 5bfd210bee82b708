//===- FuzzTokenizer.cpp - Any bytes as a vocabulary and a text -----------===//
//
// The first byte of the input is the length of a text, which follows; the rest
// is a NAME.tokenizer file. What is accepted has to encode the text into ids of
// its own, to decode them, and to be written as it was read.
//
//===----------------------------------------------------------------------===//

#include "FuzzVocabulary.h"

#include <algorithm>

using namespace winnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size)
    return 0;
  size_t length = std::min<size_t>(data[0], size - 1);
  std::string text(fuzz::view(data + 1, length));
  std::string bytes(fuzz::view(data + 1 + length, size - 1 - length));
  std::string error;
  std::optional<TokenizerData> read = parseTokenizerData(bytes, error);
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::fromBytes(bytes, error);
  if (!read) {
    fuzz::require(!tokenizer && !error.empty());
    return 0;
  }
  fuzz::require(!checkTokenizerData(*read));
  // Merges that cannot apply lose their symbols when they are written, once.
  std::string written = serialize(*read);
  std::optional<TokenizerData> again = parseTokenizerData(written, error);
  fuzz::require(again && serialize(*again) == written);
  if (!tokenizer) // by an expression
    fuzz::require(!error.empty());
  else
    fuzz::useVocabulary(*tokenizer, text);
  return 0;
}
