//===- CodeFitters.h - What the table of code methods names -----*- C++ -*-===//

#ifndef WINNOW_LIB_FORMATS_CODEFITTERS_H
#define WINNOW_LIB_FORMATS_CODEFITTERS_H

#include "winnow/Formats/CodeMethod.h"

namespace winnow {

using CreatedFitter = llvm::Expected<std::unique_ptr<CodeFitter>>;

CreatedFitter createClipFitter(llvm::ArrayRef<float> gram, int64_t width);
CreatedFitter createGptqFitter(llvm::ArrayRef<float> gram, int64_t width);
CreatedFitter createWandaFitter(llvm::ArrayRef<float> rms, int64_t width);

/// Encodes a row block by block: `encodeBlock(k, bytes)` the block that begins
/// with the number k.
llvm::Error encodeBlocks(
    const NumberFormat &format, int64_t width,
    llvm::MutableArrayRef<uint8_t> bytes,
    llvm::function_ref<llvm::Error(int64_t k, uint8_t *block)> encodeBlock);

} // namespace winnow

#endif // WINNOW_LIB_FORMATS_CODEFITTERS_H
