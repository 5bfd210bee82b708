//===- FuzzConfig.cpp - Any text as config.json ---------------------------===//
//
// Reads the input as the description of a decoder or an encoder.
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "Import/EncoderFamilies.h"
#include "Import/Families.h"

using namespace winnow;

template <typename T> static void check(llvm::Expected<T> read) {
  if (!read)
    fuzz::require(!llvm::toString(read.takeError()).empty());
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<HuggingFaceConfig> config =
      HuggingFaceConfig::parse(text, "config.json");
  if (!config) {
    check(std::move(config));
    return 0;
  }
  llvm::StringRef type = config->getModelType();
  constexpr size_t tensors = 100;
  if (auto families = findEncoderFamilies(type); !families.empty())
    check(readEncoderConfig(*config, *families.front(), tensors));
  // The context chooses between long and short factors of rope.
  else if (const Family *family = findHuggingFaceFamily(type))
    check(readHuggingFaceConfig(*config, *family, tensors,
                                size % 2 ? 16 : 1 << 20));
  return 0;
}
