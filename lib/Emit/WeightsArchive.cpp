//===- WeightsArchive.cpp - Writes NAME.weights ---------------------------===//

#include "winnow/Emit/WeightsArchive.h"

#include "HugePages.h"
#include "OrderedPieces.h"
#include "winnow/Artifact.h"
#include "winnow/Runtime/Hash.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

#include <cerrno>
#include <limits>
#include <thread>
#include <unistd.h>

using namespace llvm;
using namespace winnow;

static constexpr StringRef kPaddingName = "winnow.padding.";
/// Sizes and offsets stay far below what 63 bits hold.
static constexpr uint64_t kMaxBytes = uint64_t(1) << 62;

static Error cannotWrite(StringRef path, std::error_code code) {
  return createStringError(code,
                           "cannot write '" + path + "': " + code.message());
}

static Error cannotWrite(StringRef path, int code) {
  return cannotWrite(path, std::error_code(code, std::generic_category()));
}

Error winnow::cancelled() {
  return createStringError(std::make_error_code(std::errc::operation_canceled),
                           "cancelled");
}

WeightsArchive::WeightsArchive(StringRef path,
                               std::vector<WeightTensor> tensors,
                               Options options)
    : path(path), tensors(std::move(tensors)), options(std::move(options)) {}

WeightsArchive::WeightsArchive(WeightsArchive &&other)
    : path(std::move(other.path)), tensors(std::move(other.tensors)),
      options(std::move(other.options)), sizes(std::move(other.sizes)),
      offsets(std::move(other.offsets)), dataSize(other.dataSize),
      dataStart(other.dataStart), file(std::move(other.file)),
      hash(other.hash) {
  other.file.reset();
}

WeightsArchive::~WeightsArchive() {
  // A file that cannot be removed has nobody left to tell.
  if (file)
    consumeError(file->discard());
}

//===----------------------------------------------------------------------===//
// What lies where
//===----------------------------------------------------------------------===//

/// The bytes of a tensor; nothing where they are too many.
static std::optional<uint64_t> getBytes(const WeightTensor &tensor) {
  uint64_t bytes = tensor.type == WeightTensor::Type::F32 ? 4 : 1;
  for (int64_t extent : tensor.shape) {
    if (extent < 0 || (extent > 0 && bytes > kMaxBytes / uint64_t(extent)))
      return std::nullopt;
    bytes *= uint64_t(extent);
  }
  return bytes;
}

Error WeightsArchive::plan() {
  StringSet<> names;
  for (const WeightTensor &tensor : tensors) {
    auto fail = [&](const Twine &why) {
      return createStringError("weight '" + tensor.name + "': " + why);
    };
    if (tensor.name.empty() || tensor.name == "__metadata__" ||
        StringRef(tensor.name).starts_with(kPaddingName) ||
        !json::isUTF8(tensor.name))
      return fail("the name is empty, reserved or not UTF-8");
    if (!names.insert(tensor.name).second)
      return fail("there are two of this name");
    std::optional<uint64_t> bytes = getBytes(tensor);
    if (!bytes)
      return fail("the shape is negative or too large");
    if (tensor.granule == 0 || tensor.granule > kMaxBytes)
      return fail("pieces of " + Twine(tensor.granule) + " bytes");
    sizes.push_back(*bytes);
    offsets.push_back(dataSize);
    dataSize += alignTo(*bytes, kWeightAlignment);
    if (dataSize > kMaxBytes)
      return fail("the archive is too large");
  }
  for (const auto &[key, value] : options.metadata)
    if (StringRef(key).starts_with("winnow_") || !json::isUTF8(key) ||
        !json::isUTF8(value))
      return createStringError("metadata '" + key + "': reserved or not UTF-8");
  dataStart = 8 + makeHeader({0, 0}, 0).size();
  return Error::success();
}

static std::string toHex(uint64_t value) {
  return utohexstr(value, /*LowerCase=*/true, /*Width=*/16);
}

std::string WeightsArchive::makeHeader(std::array<uint64_t, 2> buildId,
                                       uint64_t hash) const {
  std::string header;
  raw_string_ostream stream(header);
  json::OStream json(stream);
  auto writeTensor = [&](const Twine &name, StringRef type,
                         ArrayRef<int64_t> shape, uint64_t begin,
                         uint64_t end) {
    json.attributeObject(name.str(), [&] {
      json.attribute("dtype", type);
      json.attributeArray("shape", [&] {
        for (int64_t extent : shape)
          json.value(extent);
      });
      json.attributeArray("data_offsets", [&] {
        json.value(begin);
        json.value(end);
      });
    });
  };
  json.object([&] {
    json.attributeObject("__metadata__", [&] {
      json.attribute("winnow_build_id", toHex(buildId[0]) + toHex(buildId[1]));
      json.attribute("winnow_hash", toHex(hash));
      json.attribute("winnow_abi", std::to_string(WINNOW_ABI_VERSION));
      for (const auto &[key, value] : options.metadata)
        json.attribute(key, value);
    });
    for (auto [i, tensor] : enumerate(tensors)) {
      uint64_t end = offsets[i] + sizes[i];
      uint64_t next = i + 1 < offsets.size() ? offsets[i + 1] : dataSize;
      writeTensor(tensor.name,
                  tensor.type == WeightTensor::Type::F32 ? "F32" : "U8",
                  tensor.shape, offsets[i], end);
      if (next != end)
        writeTensor(kPaddingName + Twine(i), "U8", {int64_t(next - end)}, end,
                    next);
    }
  });
  header.resize(alignTo(8 + header.size(), WINNOW_WEIGHTS_ALIGNMENT) - 8, ' ');
  return header;
}

Expected<WeightsArchive>
WeightsArchive::create(StringRef path, std::vector<WeightTensor> tensors,
                       Options options) {
  WeightsArchive archive(path, std::move(tensors), std::move(options));
  if (Error error = archive.plan())
    return std::move(error);
  Expected<sys::fs::TempFile> file =
      sys::fs::TempFile::create(path + ".%%%%%%.tmp");
  if (!file)
    return cannotWrite(path, errorToErrorCode(file.takeError()));
  archive.file.emplace(std::move(*file));
  if (std::error_code code = sys::fs::resize_file_sparse(
          archive.file->FD, archive.dataStart + archive.dataSize))
    return cannotWrite(path, code);
  return std::move(archive);
}

Expected<uint64_t>
WeightsArchive::getFileSize(std::vector<WeightTensor> tensors) {
  WeightsArchive archive("", std::move(tensors), {});
  if (Error error = archive.plan())
    return std::move(error);
  return archive.dataStart + archive.dataSize;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Writes all bytes at an offset; the errno of a failure, or 0.
static int writeAt(int descriptor, ArrayRef<uint8_t> bytes, uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t written =
        ::pwrite(descriptor, bytes.data(), bytes.size(), off_t(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return written == 0 ? ENOSPC : errno;
    bytes = bytes.drop_front(size_t(written));
    offset += uint64_t(written);
  }
  return 0;
}

namespace {
/// A range of bytes of one tensor, and the zeros that follow it.
struct Piece {
  size_t tensor;
  uint64_t offset;
  uint64_t size;
  uint64_t padding;
};
} // namespace

Error WeightsArchive::write() {
  std::vector<Piece> pieces;
  std::vector<uint64_t> pieceSizes;
  for (size_t i = 0; i < tensors.size(); ++i) {
    uint64_t granule = tensors[i].granule;
    uint64_t step =
        std::max<uint64_t>(1, options.pieceBytes / granule) * granule;
    uint64_t padding = alignTo(sizes[i], kWeightAlignment) - sizes[i];
    uint64_t offset = 0;
    // An empty tensor is one empty piece, so that it is released too.
    do {
      uint64_t size = std::min(step, sizes[i] - offset);
      bool last = offset + size == sizes[i];
      pieces.push_back({i, offset, size, last ? padding : 0});
      pieceSizes.push_back(size + pieces.back().padding);
      offset += size;
    } while (offset < sizes[i]);
  }

  winnow_hash state;
  winnow_hash_begin(&state);
  auto produce = [&](uint64_t index, MutableArrayRef<uint8_t> buffer) -> Error {
    const Piece &piece = pieces[index];
    const WeightTensor &tensor = tensors[piece.tensor];
    if (piece.size != 0)
      if (Error error =
              tensor.produce(piece.offset, buffer.take_front(piece.size)))
        return createStringError("weight '" + tensor.name +
                                 "': " + toString(std::move(error)));
    fill(buffer.drop_front(piece.size), 0);
    uint64_t start = dataStart + offsets[piece.tensor] + piece.offset;
    prepareHugePages(file->FD, start, buffer.size());
    if (int code = writeAt(file->FD, buffer, start))
      return cannotWrite(path, code);
    return Error::success();
  };
  auto consume = [&](uint64_t index, ArrayRef<uint8_t> buffer) -> Error {
    const Piece &piece = pieces[index];
    const WeightTensor &tensor = tensors[piece.tensor];
    winnow_hash_update(&state, buffer.data(), buffer.size());
    if (piece.offset + piece.size == sizes[piece.tensor] && tensor.release)
      tensor.release();
    if (options.progress &&
        !options.progress(state.length, dataSize, tensor.name))
      return cancelled();
    return Error::success();
  };

  unsigned threads = options.threads;
  if (threads == 0)
    threads = std::max(1u, std::thread::hardware_concurrency());
  if (Error error = runOrderedPieces(pieceSizes, threads, produce, consume))
    return error;
  hash = winnow_hash_finish(&state);
  return Error::success();
}

Error WeightsArchive::finish(std::array<uint64_t, 2> buildId) {
  std::string header = makeHeader(buildId, *hash);
  std::vector<uint8_t> bytes(8);
  support::endian::write64le(bytes.data(), header.size());
  bytes.insert(bytes.end(), header.begin(), header.end());
  if (int code = writeAt(file->FD, bytes, 0))
    return cannotWrite(path, code);
  if (Error error = file->keep(path))
    return cannotWrite(path, errorToErrorCode(std::move(error)));
  file.reset();
  return Error::success();
}
