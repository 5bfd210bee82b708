//===- CodeMethod.cpp - Codes chosen by what inputs are like --------------===//

#include "CodeFitters.h"

#include "llvm/ADT/STLExtras.h"

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

} // namespace winnow
