//===- Safetensors.h - Reader of safetensors files --------------*- C++ -*-===//
//
// Checkpoints as Hugging Face stores them: one file, or several with an index.
// A file is the length of a header (u64, little endian), the header, a JSON
// object from tensor names to types, shapes and offsets, and the tensors' bytes
// (https://github.com/huggingface/safetensors, "Format"). Every size and offset
// is checked before it is used.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_IMPORT_SAFETENSORS_H
#define WINNOW_IMPORT_SAFETENSORS_H

#include "winnow/Import/Checkpoint.h"

#include "llvm/Support/Allocator.h"
#include "llvm/Support/StringSaver.h"

namespace winnow {

/// One parsed file.
struct SafetensorsFile {
  /// In the order of their bytes, which cover the file without gap or overlap.
  std::vector<CheckpointTensor> tensors;
  /// See Checkpoint::getUnusable. Their bytes are checked like all others.
  llvm::StringMap<std::string> unusable;
  /// The texts of `__metadata__`; what else it holds is left out.
  llvm::StringMap<std::string> metadata;

  /// Parses a buffer that outlives the result, whose names `names` keeps. The
  /// buffer's identifier names the file in errors, which read "FILE: message".
  static llvm::Expected<SafetensorsFile> parse(llvm::MemoryBufferRef buffer,
                                               llvm::StringSaver &names);
};

/// A checkpoint in safetensors form. Tensors of F32, F16 and BF16 with one to
/// four dimensions can be weights; the others are listed as unusable.
class SafetensorsCheckpoint : public Checkpoint {
public:
  /// Maps and checks `directory`/model.safetensors, or all files that
  /// `directory`/model.safetensors.index.json names.
  static llvm::Expected<std::unique_ptr<SafetensorsCheckpoint>>
  open(llvm::StringRef directory);

private:
  llvm::Error addFile(llvm::StringRef path);
  llvm::Error addIndexed(llvm::StringRef directory, llvm::StringRef indexPath);

  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver names{allocator};
};

} // namespace winnow

#endif // WINNOW_IMPORT_SAFETENSORS_H
