//===- Checkpoint.cpp - Named tensors in memory-mapped files --------------===//

#include "winnow/Import/Checkpoint.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Process.h"

#include <sys/mman.h>

using namespace winnow;

Checkpoint::~Checkpoint() = default;

const CheckpointTensor *Checkpoint::find(llvm::StringRef name) const {
  auto it = indexOfName.find(name);
  return it == indexOfName.end() ? nullptr : &tensors[it->second];
}

uint64_t Checkpoint::getTensorBytes() const {
  uint64_t sum = 0;
  for (const CheckpointTensor &tensor : tensors)
    sum += tensor.bytes.size();
  return sum;
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
winnow::mapRegularFile(llvm::StringRef path) {
  auto fail = [&](const llvm::Twine &message) {
    return llvm::createStringError(path + ": " + message);
  };
  // Opening a pipe or a device would wait or read without an end.
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status))
    return fail(code.message());
  if (status.type() != llvm::sys::fs::file_type::regular_file)
    return fail("not a regular file");
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                  /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fail(buffer.getError().message());
  return std::move(*buffer);
}

llvm::Expected<llvm::MemoryBufferRef> Checkpoint::map(llvm::StringRef path) {
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      mapRegularFile(path);
  if (!buffer)
    return buffer.takeError();
  files.push_back(path.str());
  buffers.push_back(std::move(*buffer));
  return buffers.back()->getMemBufferRef();
}

bool Checkpoint::add(CheckpointTensor tensor) {
  if (!indexOfName.try_emplace(tensor.name, tensors.size()).second)
    return false;
  tensor.file = files.size() - 1;
  tensors.push_back(std::move(tensor));
  return true;
}

std::string Checkpoint::computeContentHash() const {
  llvm::BLAKE3 hasher;
  for (const auto &buffer : buffers)
    hasher.update(buffer->getBuffer());
  return llvm::toHex(hasher.final(), /*LowerCase=*/true);
}

void Checkpoint::release(const CheckpointTensor &tensor) const {
  // Small files are read into memory that is not backed by a file; dropping
  // its pages would lose the bytes.
  if (buffers[tensor.file]->getBufferKind() !=
      llvm::MemoryBuffer::MemoryBuffer_MMap)
    return;
  uint64_t page = llvm::sys::Process::getPageSizeEstimate();
  // The pages that hold nothing else.
  auto *bytes = const_cast<uint8_t *>(tensor.bytes.begin());
  auto start = reinterpret_cast<uintptr_t>(bytes);
  uint64_t begin = llvm::alignTo(start, page);
  uint64_t end = llvm::alignDown(start + tensor.bytes.size(), page);
  if (begin < end)
    ::madvise(bytes + (begin - start), end - begin, MADV_DONTNEED);
}
