//===- FuzzGguf.cpp - Any files as a GGUF checkpoint ----------------------===//
//
// Opens one file or a split of two; reads all that importing reads from what is
// accepted.
//
//===----------------------------------------------------------------------===//

#include "Folder.h"
#include "FuzzCheckpoint.h"
#include "FuzzVocabulary.h"

#include "Import/Families.h"
#include "winnow/Import/Gguf.h"

using namespace winnow;

static void readMetadata(const GgufFile &file, size_t tensors,
                         int64_t context) {
  const GgufValue *key = file.find("general.architecture");
  const Family *family =
      key ? findGgufFamily(key->getString().value_or("")) : nullptr;
  if (family) {
    auto config = readGgufConfig(file, *family, tensors, context);
    if (!config)
      fuzz::require(!llvm::toString(config.takeError()).empty());
  }
  auto tokenizer = readTokenizer(file);
  if (!tokenizer)
    fuzz::require(!llvm::toString(tokenizer.takeError()).empty());
  else if (*tokenizer)
    fuzz::useVocabulary(**tokenizer);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::Folder folder(
      {"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"});
  folder.write(fuzz::view(data, size));
  auto checkpoint =
      GgufCheckpoint::open(folder.getPath() + "/m-00001-of-00002.gguf");
  if (!checkpoint) {
    fuzz::require(!llvm::toString(checkpoint.takeError()).empty());
    return 0;
  }
  fuzz::useCheckpoint(**checkpoint);
  // The context chooses between long and short factors of rope.
  readMetadata((*checkpoint)->getMainFile(), (*checkpoint)->getTensors().size(),
               size % 2 ? 16 : 1 << 20);
  return 0;
}
