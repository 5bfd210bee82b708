//===- CodeMethod.cpp - Codes chosen by what inputs are like --------------===//

#include "CodeFitters.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;

namespace winnow {

CodeFitter::~CodeFitter() = default;

ArrayRef<CodeMethod> codeMethods() {
  static constexpr CodeMethod methods[] = {
      {"clip", "gram.mean", false, createClipFitter},
      {"gptq", "gram.mean", false, createGptqFitter},
      {"wanda", "channels.rms", true, createWandaFitter},
  };
  return methods;
}

const CodeMethod *lookupCodeMethod(StringRef name) {
  const CodeMethod *method = find_if(
      codeMethods(), [&](const CodeMethod &row) { return row.name == name; });
  return method == codeMethods().end() ? nullptr : method;
}

Error encodeBlocks(const NumberFormat &format, int64_t width,
                   MutableArrayRef<uint8_t> bytes,
                   function_ref<Error(int64_t k, uint8_t *block)> encodeBlock) {
  uint8_t *block = bytes.data();
  for (int64_t k = 0; k < width;
       k += format.blockElements, block += format.blockBytes)
    if (Error error = encodeBlock(k, block))
      return createStringError("element " + Twine(k) +
                               " and on: " + toString(std::move(error)));
  return Error::success();
}

} // namespace winnow
