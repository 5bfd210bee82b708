//===- GgufCheckpoint.cpp - Checkpoints in GGUF files ---------------------===//

#include "winnow/Import/Gguf.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Process.h"

#include <sys/mman.h>

using namespace winnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static Error makeError(const Twine &path, const Twine &message) {
  return llvm::createStringError(path + ": " + message);
}

Error GgufCheckpoint::addFile(StringRef path) {
  // Opening a pipe or a device would wait or read without an end.
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status))
    return makeError(path, code.message());
  if (status.type() != llvm::sys::fs::file_type::regular_file)
    return makeError(path, "not a regular file");
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                  /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError(path, buffer.getError().message());
  Expected<GgufFile> file = GgufFile::parse((*buffer)->getMemBufferRef());
  if (!file)
    return file.takeError();
  for (const CheckpointTensor &tensor : file->getTensors()) {
    CheckpointTensor copy = tensor;
    copy.file = files.size();
    if (!add(std::move(copy)))
      return makeError(path, "tensor '" + tensor.name +
                                 "' is also in another file of the split");
  }
  files.push_back(path.str());
  buffers.push_back(std::move(*buffer));
  parsed.push_back(std::move(*file));
  return Error::success();
}

/// The integer value of `key`, or `fallback` if the file lacks it.
static Expected<int64_t> getInteger(const GgufFile &file, StringRef key,
                                    int64_t fallback) {
  const GgufValue *value = file.find(key);
  if (!value)
    return fallback;
  if (std::optional<int64_t> integer = value->getInteger())
    return *integer;
  return makeError(file.getName() + ": offset " + Twine(value->getOffset()),
                   key + " expects an integer");
}

/// "-00001-of-00003.gguf" with a zero-based index.
static std::string getSplitSuffix(int64_t index, int64_t count) {
  return llvm::formatv("-{0,0+5}-of-{1,0+5}.gguf", index + 1, count);
}

Error GgufCheckpoint::addOtherFiles(StringRef firstPath) {
  Expected<int64_t> count = getInteger(getMainFile(), "split.count", 1);
  if (!count)
    return count.takeError();
  if (*count <= 1)
    return Error::success();
  // The name has room for five digits.
  if (*count > 99999)
    return makeError(firstPath, "split.count is " + Twine(*count) +
                                    ", expects at most 99999");
  Expected<int64_t> number = getInteger(getMainFile(), "split.no", 0);
  if (!number)
    return number.takeError();
  if (*number != 0)
    return makeError(firstPath,
                     "this is file " + Twine(*number + 1) + " of a split of " +
                         Twine(*count) +
                         "; expects the first, which holds the metadata");
  StringRef prefix = firstPath;
  if (!prefix.consume_back(getSplitSuffix(0, *count)))
    return makeError(firstPath, "the first file of a split of " +
                                    Twine(*count) +
                                    " expects a name that ends in '" +
                                    getSplitSuffix(0, *count) + "'");
  for (int64_t i = 1; i < *count; ++i) {
    std::string path = (prefix + getSplitSuffix(i, *count)).str();
    if (Error error = addFile(path))
      return error;
    Expected<int64_t> itsNumber = getInteger(parsed.back(), "split.no", -1);
    if (!itsNumber)
      return itsNumber.takeError();
    Expected<int64_t> itsCount = getInteger(parsed.back(), "split.count", -1);
    if (!itsCount)
      return itsCount.takeError();
    if (*itsNumber != i || *itsCount != *count)
      return makeError(path, "expects split.no " + Twine(i) +
                                 " and split.count " + Twine(*count) +
                                 ", found " + Twine(*itsNumber) + " and " +
                                 Twine(*itsCount));
  }
  Expected<int64_t> total =
      getInteger(getMainFile(), "split.tensors.count", tensors.size());
  if (!total)
    return total.takeError();
  if (*total < 0 || static_cast<uint64_t>(*total) != tensors.size())
    return makeError(firstPath, "split.tensors.count is " + Twine(*total) +
                                    ", but the files hold " +
                                    Twine(tensors.size()) + " tensors");
  return Error::success();
}

Expected<std::unique_ptr<GgufCheckpoint>> GgufCheckpoint::open(StringRef path) {
  auto checkpoint = std::make_unique<GgufCheckpoint>();
  if (Error error = checkpoint->addFile(path))
    return error;
  if (Error error = checkpoint->addOtherFiles(path))
    return error;
  return checkpoint;
}

std::string GgufCheckpoint::computeContentHash() const {
  llvm::BLAKE3 hasher;
  for (const auto &buffer : buffers)
    hasher.update(buffer->getBuffer());
  return llvm::toHex(hasher.final(), /*LowerCase=*/true);
}

void GgufCheckpoint::release(const CheckpointTensor &tensor) const {
  // Small files are read into memory that is not backed by a file; dropping
  // its pages would lose the bytes.
  if (buffers[tensor.file]->getBufferKind() !=
      llvm::MemoryBuffer::MemoryBuffer_MMap)
    return;
  uint64_t page = llvm::sys::Process::getPageSizeEstimate();
  uint64_t begin =
      llvm::alignTo(reinterpret_cast<uintptr_t>(tensor.bytes.begin()), page);
  uint64_t end =
      llvm::alignDown(reinterpret_cast<uintptr_t>(tensor.bytes.end()), page);
  if (begin < end)
    ::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}
