//===- FuzzWordPiece.cpp - Any files as a vocabulary of BERT --------------===//

#include "Folder.h"
#include "FuzzVocabulary.h"

#include "Import/ImportEncoder.h"

using namespace winnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::Folder folder(
      {"tokenizer.json", "vocab.txt", "tokenizer_config.json"});
  folder.write(fuzz::view(data, size));
  auto read = readWordPiece(folder.getPath());
  if (!read)
    fuzz::require(!llvm::toString(read.takeError()).empty());
  else if (*read)
    fuzz::useVocabulary(**read);
  return 0;
}
