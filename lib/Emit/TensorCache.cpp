//===- TensorCache.cpp - Encoded weights, kept between artifacts ----------===//

#include "winnow/Emit/TensorCache.h"

#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace llvm;

namespace winnow {

/// What the bytes of a weight depend on.
static std::string keyOf(const LoweredWeight &weight) {
  std::string key;
  raw_string_ostream os(key);
  os << weight.name << '\n' << weight.codes << '\n';
  weight.type.print(os);
  weight.stored.print(os);
  weight.source.print(os);
  os << weight.recoded;
  return key;
}

std::shared_ptr<TensorCache::Entry> TensorCache::create(uint64_t size) {
  // Others need the disk, too.
  ErrorOr<sys::fs::space_info> space = sys::fs::disk_space(folder);
  if (!space || space->available / 4 < size)
    return nullptr;
  int file = -1;
  SmallString<128> path;
  if (sys::fs::createUniqueFile(folder + "/tensor-%%%%%%%%", file, path))
    return nullptr;
  std::shared_ptr<Entry> entry;
  // Where the disk is full this fails, not a write later on.
  if (!sys::fs::resize_file(file, size)) {
    std::error_code code;
    sys::fs::mapped_file_region bytes(sys::fs::convertFDToNativeFile(file),
                                      sys::fs::mapped_file_region::readwrite,
                                      size, 0, code);
    if (!code) {
      entry = std::make_shared<Entry>();
      entry->bytes = std::move(bytes);
    }
  }
  (void)sys::Process::SafelyCloseFileDescriptor(file);
  // It stays as long as it is mapped.
  (void)sys::fs::remove(path);
  return entry;
}

void TensorCache::attach(const LoweredWeight &weight, WeightTensor &tensor,
                         std::shared_ptr<const RowRecoder> &recoder) {
  // What is not encoded is copied anyway, and weights that something was done
  // to may have large attributes.
  if (!getEncoding(weight.type) || !weight.steps.empty() || weight.rows ||
      weight.columns || weight.size == 0)
    return;
  uint64_t size = static_cast<uint64_t>(weight.size);
  std::shared_ptr<Entry> &entry = entries[keyOf(weight)];
  if (!entry)
    entry = create(size);
  if (!entry)
    return;
  if (entry->done != size)
    entry->done = 0; // what was begun and given up
  auto *bytes = reinterpret_cast<uint8_t *>(entry->bytes.data());
  if (entry->done == size) {
    recoder = entry->recoder;
    tensor.produce = [entry = entry, bytes](uint64_t offset,
                                            MutableArrayRef<uint8_t> out) {
      std::memcpy(out.data(), bytes + offset, out.size());
      return Error::success();
    };
    return;
  }
  entry->recoder = recoder;
  tensor.produce = [entry = entry, bytes, produce = std::move(tensor.produce)](
                       uint64_t offset, MutableArrayRef<uint8_t> out) -> Error {
    if (Error error = produce(offset, out))
      return error;
    std::memcpy(bytes + offset, out.data(), out.size());
    entry->done += out.size();
    return Error::success();
  };
}

} // namespace winnow
