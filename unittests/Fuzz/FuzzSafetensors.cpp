//===- FuzzSafetensors.cpp - Any bytes as a safetensors file --------------===//
//
// Parses the input and decodes the first row of each tensor of what is
// accepted.
//
//===----------------------------------------------------------------------===//

#include "winnow/Formats/Decode.h"
#include "winnow/Import/Safetensors.h"

using namespace winnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver names(allocator);
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  llvm::Expected<SafetensorsFile> file =
      SafetensorsFile::parse(llvm::MemoryBufferRef(bytes, "input"), names);
  if (!file) {
    llvm::consumeError(file.takeError());
    return 0;
  }
  for (const CheckpointTensor &tensor : file->tensors) {
    int64_t columns = tensor.shape.back();
    uint64_t rowBytes = llvm::cantFail(tensor.format->bytesOf(1, columns));
    std::vector<float> row(columns);
    llvm::cantFail(
        decode(*tensor.format, tensor.bytes.take_front(rowBytes), row));
  }
  return 0;
}
