//===- FuzzSafetensors.cpp - Any files as a safetensors checkpoint --------===//
//
// Opens one file, or an index and two files, and decodes the first row of each
// tensor of what is accepted.
//
//===----------------------------------------------------------------------===//

#include "Folder.h"
#include "FuzzCheckpoint.h"

#include "winnow/Import/Safetensors.h"

using namespace winnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::Folder folder({"model.safetensors",
                              "model.safetensors.index.json", "a.safetensors",
                              "b.safetensors"});
  folder.write(fuzz::view(data, size));
  auto checkpoint = SafetensorsCheckpoint::open(folder.getPath());
  if (!checkpoint)
    fuzz::require(!llvm::toString(checkpoint.takeError()).empty());
  else
    fuzz::useCheckpoint(**checkpoint);
  return 0;
}
