//===- TensorCache.h - Encoded weights, kept between artifacts --*- C++ -*-===//

#ifndef WINNOW_EMIT_TENSORCACHE_H
#define WINNOW_EMIT_TENSORCACHE_H

#include "winnow/Emit/Weights.h"
#include "winnow/Emit/WeightsArchive.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"

#include <atomic>
#include <memory>

namespace winnow {

/// Keeps what weights become in files, for programs that differ in few of them:
/// to encode a large matrix takes longer than all the rest of a compilation.
/// All artifacts have to be of one checkpoint and one file of statistics.
class TensorCache {
public:
  /// `folder` exists as long as this object.
  explicit TensorCache(llvm::StringRef folder) : folder(folder) {}

  /// Lets the tensor of a weight be taken from here, or kept, if it costs
  /// something to make; `recoder` becomes the one that made it, which knows how
  /// far its codes are off. Not to be called while it is being written.
  void attach(const LoweredWeight &weight, WeightTensor &tensor,
              std::shared_ptr<const RowRecoder> &recoder);

private:
  struct Entry {
    llvm::sys::fs::mapped_file_region bytes;
    /// How many bytes are there; all, or else they are made anew.
    std::atomic<uint64_t> done = 0;
    std::shared_ptr<const RowRecoder> recoder;
  };

  /// Null where there is no room for one.
  std::shared_ptr<Entry> create(uint64_t size);

  std::string folder;
  llvm::StringMap<std::shared_ptr<Entry>> entries;
};

} // namespace winnow

#endif // WINNOW_EMIT_TENSORCACHE_H
