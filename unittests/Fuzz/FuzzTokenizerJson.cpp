//===- FuzzTokenizerJson.cpp - Any files as a tokenizer -------------------===//
//
// Reads tokenizer.json and the files beside it, of a model of 300 ids. So that
// inputs stay small, "<bytes>": 0 in tokenizer.json stands for the 256 pieces
// that SentencePiece has for bytes.
//
//===----------------------------------------------------------------------===//

#include "Folder.h"
#include "FuzzVocabulary.h"

#include "winnow/Import/HuggingFaceTokenizer.h"

#include "llvm/Support/FormatVariadic.h"

using namespace winnow;

static std::string expandBytes(std::string text) {
  static const std::string mark = "\"<bytes>\": 0", pieces = [] {
    std::string list;
    for (unsigned byte = 0; byte < 256; ++byte)
      list +=
          llvm::formatv("{0}\"<0x{1:X-2}>\":{2}", byte ? "," : "", byte, byte);
    return list;
  }();
  size_t at = text.find(mark);
  return at == std::string::npos ? text : text.replace(at, mark.size(), pieces);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::Folder folder({"tokenizer.json", "tokenizer_config.json",
                              "generation_config.json", "config.json",
                              "chat_template.jinja"});
  std::string input;
  for (const auto &[name, bytes] : fuzz::splitFiles(fuzz::view(data, size)))
    fuzz::addFile(input, name, expandBytes(std::string(bytes)));
  folder.write(input);
  auto read = readHuggingFaceTokenizer(folder.getPath(), 300);
  if (!read)
    fuzz::require(!llvm::toString(read.takeError()).empty());
  else if (*read)
    fuzz::useVocabulary(**read);
  return 0;
}
