//===- WeightsArchive.h - Writes NAME.weights ------------------*- C++ -*-===//
//
// NAME.weights is a safetensors file: u64 length of a JSON header, the header,
// the bytes of the tensors. On top of that format (and within it):
//   - the header begins with the build id, see winnow/Runtime/Hash.h, which
//     pairs the file with its library, and holds a hash of all tensor bytes;
//   - the tensor data starts at a multiple of WINNOW_WEIGHTS_ALIGNMENT in the
//     file, so that a mapping of the file aligns it;
//   - each tensor starts at a multiple of 64 bytes of the data. As safetensors
//     allows no holes, the bytes between are U8 tensors of zeros,
//     `winnow.padding.<number>`.
//
// The same tensors give the same bytes, whatever the number of threads. Memory
// is bounded by the threads times a few MB: tensors are produced, written and
// hashed in pieces.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_EMIT_WEIGHTSARCHIVE_H
#define WINNOW_EMIT_WEIGHTSARCHIVE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace winnow {

/// Alignment of every tensor in the archive, in bytes.
constexpr uint64_t kWeightAlignment = 64;

/// A tensor to be written.
struct WeightTensor {
  enum class Type { U8, F32 };

  /// UTF-8, unique in the archive, not "" and not of the form
  /// `__metadata__` or `winnow.padding.*`.
  std::string name;
  Type type = Type::U8;
  llvm::SmallVector<int64_t, 4> shape;
  /// Pieces begin at multiples of this many bytes, and only the last one of a
  /// tensor may be shorter: the bytes of a row, or of a group of rows. At
  /// least 1; a piece is at least this large, whatever the memory.
  uint64_t granule = 1;
  /// Fills `out` with the bytes [offset, offset + out.size()) of the tensor.
  /// `out` holds arbitrary bytes before. Called for every piece once, from
  /// several threads at the same time, in no particular order.
  std::function<llvm::Error(uint64_t offset,
                            llvm::MutableArrayRef<uint8_t> out)>
      produce;
  /// Optional: called once when the last piece has been produced.
  std::function<void()> release;
};

/// What a caller gets who asked to stop: the code operation_canceled.
llvm::Error cancelled();

/// Writes one archive. The file appears under its name with `finish`; until
/// then a temporary file beside it holds the data, which is removed when this
/// object goes away, and on signals.
class WeightsArchive {
public:
  struct Options {
    /// 0: one per processor.
    unsigned threads = 0;
    /// Largest piece in bytes (granules permitting).
    uint64_t pieceBytes = 2 << 20;
    /// Further entries of `__metadata__`. Keys beginning with `winnow_` are
    /// reserved.
    std::vector<std::pair<std::string, std::string>> metadata;
    /// Called after each piece, in the order of the tensors, from any thread
    /// but never from two at a time: bytes done, bytes in all, the tensor.
    /// False stops writing, with the error `cancelled()`.
    std::function<bool(uint64_t done, uint64_t total, llvm::StringRef name)>
        progress;
  };

  /// Checks the tensors, decides where they lie, and creates the temporary
  /// file. Fails for invalid names, shapes and sizes and where `path` cannot
  /// be written.
  static llvm::Expected<WeightsArchive>
  create(llvm::StringRef path, std::vector<WeightTensor> tensors,
         Options options);
  /// The size of the file that would come of `tensors`, without metadata.
  static llvm::Expected<uint64_t>
  getFileSize(std::vector<WeightTensor> tensors);
  WeightsArchive(WeightsArchive &&other);
  WeightsArchive &operator=(WeightsArchive &&) = delete;
  ~WeightsArchive();

  /// Offsets of the tensors from the start of the data, in the given order.
  llvm::ArrayRef<uint64_t> getOffsets() const { return offsets; }
  /// Bytes of tensor data, a multiple of 64.
  uint64_t getDataSize() const { return dataSize; }
  /// Where the data starts in the file.
  uint64_t getDataStart() const { return dataStart; }

  /// Produces and writes all tensors. To be called once. Fails with the error
  /// of a producer, after "weight 'name': ", or where a write fails.
  llvm::Error write();

  /// The winnow_hash of the tensor data. Precondition: `write` succeeded.
  uint64_t getHash() const { return *hash; }

  /// Writes the header and gives the file its name, replacing what was there.
  /// Precondition: `write` succeeded.
  llvm::Error finish(std::array<uint64_t, 2> buildId);

private:
  WeightsArchive(llvm::StringRef path, std::vector<WeightTensor> tensors,
                 Options options);
  llvm::Error plan();
  std::string makeHeader(std::array<uint64_t, 2> buildId, uint64_t hash) const;

  std::string path;
  std::vector<WeightTensor> tensors;
  Options options;
  /// Bytes of each tensor, and where it starts.
  std::vector<uint64_t> sizes, offsets;
  uint64_t dataSize = 0;
  uint64_t dataStart = 0;
  std::optional<llvm::sys::fs::TempFile> file;
  std::optional<uint64_t> hash;
};

} // namespace winnow

#endif // WINNOW_EMIT_WEIGHTSARCHIVE_H
