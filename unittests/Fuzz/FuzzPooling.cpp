//===- FuzzPooling.cpp - Any files of sentence-transformers ---------------===//

#include "Folder.h"
#include "Fuzzing.h"

#include "Import/EncoderFamilies.h"

using namespace winnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::Folder folder({"modules.json", "1_Pooling/config.json"});
  folder.write(fuzz::view(data, size));
  auto pooling = readPooling(folder.getPath());
  if (!pooling)
    fuzz::require(!llvm::toString(pooling.takeError()).empty());
  return 0;
}
