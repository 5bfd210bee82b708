//===- FuzzTokenizer.cpp - Any bytes as a vocabulary and a text -----------===//
//
// The first byte of the input is the length of a text, which follows; the rest
// is a NAME.tokenizer file. What is accepted has to encode the text into ids of
// its own and to decode them.
//
//===----------------------------------------------------------------------===//

#include "winnow/Tokenizer/Tokenizer.h"

#include <algorithm>
#include <cstdlib>

using namespace winnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size)
    return 0;
  size_t length = std::min<size_t>(data[0], size - 1);
  std::string text(reinterpret_cast<const char *>(data + 1), length);
  std::string bytes(reinterpret_cast<const char *>(data + 1 + length),
                    size - 1 - length);
  std::string error;
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::fromBytes(bytes, error);
  if (!tokenizer) {
    if (error.empty())
      abort();
    return 0;
  }
  std::vector<int32_t> ids = tokenizer->encode(text);
  StreamDecoder stream(*tokenizer);
  for (int32_t id : ids) {
    if (id < 0 || id >= tokenizer->vocabularySize())
      abort();
    stream.add(id);
  }
  stream.finish();
  tokenizer->decode(ids, {true, true});
  return 0;
}
