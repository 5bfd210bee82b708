//===- CodeFitters.h - What the table of code methods names -----*- C++ -*-===//

#ifndef WINNOW_LIB_FORMATS_CODEFITTERS_H
#define WINNOW_LIB_FORMATS_CODEFITTERS_H

#include "winnow/Formats/CodeMethod.h"

namespace winnow {

using CreatedFitter = llvm::Expected<std::unique_ptr<CodeFitter>>;

CreatedFitter createClipFitter(llvm::ArrayRef<float> gram, int64_t width);
CreatedFitter createGptqFitter(llvm::ArrayRef<float> gram, int64_t width);
CreatedFitter createWandaFitter(llvm::ArrayRef<float> rms, int64_t width);

} // namespace winnow

#endif // WINNOW_LIB_FORMATS_CODEFITTERS_H
