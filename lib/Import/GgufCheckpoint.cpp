//===- GgufCheckpoint.cpp - Checkpoints in GGUF files ---------------------===//

#include "winnow/Import/Gguf.h"

#include "llvm/Support/FormatVariadic.h"

using namespace winnow;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static Error makeError(const Twine &path, const Twine &message) {
  return llvm::createStringError(path + ": " + message);
}

Error GgufCheckpoint::addFile(StringRef path) {
  Expected<llvm::MemoryBufferRef> buffer = map(path);
  if (!buffer)
    return buffer.takeError();
  Expected<GgufFile> file = GgufFile::parse(*buffer);
  if (!file)
    return file.takeError();
  for (const CheckpointTensor &tensor : file->getTensors())
    if (!add(tensor))
      return makeError(path, "tensor '" + tensor.name +
                                 "' is also in another file of the split");
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
                     "split.no is " + Twine(*number) + " in a split of " +
                         Twine(*count) +
                         " files; expects the first, which has number 0 and "
                         "holds the metadata");
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
      getInteger(getMainFile(), "split.tensors.count", getTensors().size());
  if (!total)
    return total.takeError();
  if (*total < 0 || static_cast<uint64_t>(*total) != getTensors().size())
    return makeError(firstPath, "split.tensors.count is " + Twine(*total) +
                                    ", but the files hold " +
                                    Twine(getTensors().size()) + " tensors");
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
