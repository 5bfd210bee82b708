//===- Checkpoint.h - Named tensors in memory-mapped files ------*- C++ -*-===//
//
// What the rest of the compiler sees of a checkpoint, whatever its file format:
// tensors by name, their number format, shape and bytes. Bytes stay in the
// mapped files; nothing is copied.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_IMPORT_CHECKPOINT_H
#define WINNOW_IMPORT_CHECKPOINT_H

#include "winnow/Formats/NumberFormat.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace winnow {

/// One stored tensor. All references stay valid as long as the checkpoint.
struct CheckpointTensor {
  llvm::StringRef name;
  /// What the bytes mean; never null in a checkpoint.
  const NumberFormat *format = nullptr;
  /// Logical shape, outermost dimension first: [N, K] with K, the reduction of
  /// a linear layer, contiguous. Between one and four dimensions, none zero.
  llvm::SmallVector<int64_t, 4> shape;
  /// The stored bytes, exactly as many as the format needs for the shape.
  llvm::ArrayRef<uint8_t> bytes;
  /// Index into Checkpoint::getFiles().
  unsigned file = 0;
  /// Offset of the bytes from the beginning of that file.
  uint64_t offset = 0;
};

/// A read-only set of named tensors.
class Checkpoint {
public:
  virtual ~Checkpoint();

  /// All tensors in the order of the files.
  llvm::ArrayRef<CheckpointTensor> getTensors() const { return tensors; }

  /// The tensor of that name, or null.
  const CheckpointTensor *find(llvm::StringRef name) const;

  /// Paths of the files, as opened.
  llvm::ArrayRef<std::string> getFiles() const { return files; }

  /// Sum of the stored bytes of all tensors.
  uint64_t getTensorBytes() const;

  /// Hexadecimal BLAKE3 hash over the whole contents of all files in order.
  /// Reads every byte, so it costs one pass over the files.
  std::string computeContentHash() const;

  /// Tells the system that the pages of a tensor are not needed for now, so
  /// that working through a large checkpoint takes bounded memory. The bytes
  /// stay readable.
  void release(const CheckpointTensor &tensor) const;

  /// Tensors that the files hold but that cannot be weights, and why: "has the
  /// type I64; supported are F32, F16 and BF16".
  const llvm::StringMap<std::string> &getUnusable() const { return unusable; }

protected:
  /// Maps the regular file at `path`, which becomes the last of `getFiles()`.
  llvm::Expected<llvm::MemoryBufferRef> map(llvm::StringRef path);

  /// Adds a tensor of the file that was mapped last; fails if the name is
  /// taken.
  bool add(CheckpointTensor tensor);

  llvm::StringMap<std::string> unusable;

private:
  std::vector<CheckpointTensor> tensors;
  std::vector<std::string> files;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> buffers;
  llvm::StringMap<size_t> indexOfName;
};

/// The contents of a regular file; its name is `path`. Errors name the file.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
mapRegularFile(llvm::StringRef path);

} // namespace winnow

#endif // WINNOW_IMPORT_CHECKPOINT_H
