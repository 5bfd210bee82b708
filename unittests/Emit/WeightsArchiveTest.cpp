//===- WeightsArchiveTest.cpp - NAME.weights, read back -------------------===//

#include "winnow/Emit/WeightsArchive.h"

#include "winnow/Runtime/Hash.h"

#include "../Errors.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

#include <csignal>
#include <sys/resource.h>

using namespace llvm;
using namespace winnow;

namespace {

/// Byte `k` of test tensor `seed`.
uint8_t byteAt(uint64_t seed, uint64_t k) {
  return uint8_t((k + seed) * 2654435761u >> 13);
}

WeightTensor makeTensor(std::string name, SmallVector<int64_t, 4> shape,
                        uint64_t granule = 1,
                        WeightTensor::Type type = WeightTensor::Type::U8) {
  WeightTensor tensor;
  uint64_t seed = name.size() + shape.size();
  tensor.name = std::move(name);
  tensor.shape = std::move(shape);
  tensor.type = type;
  tensor.granule = granule;
  tensor.produce = [=](uint64_t offset, MutableArrayRef<uint8_t> out) {
    EXPECT_EQ(offset % granule, 0u);
    for (size_t k = 0; k < out.size(); ++k)
      out[k] = byteAt(seed, offset + k);
    return Error::success();
  };
  return tensor;
}

/// Some tensors: odd sizes, an empty one, one of floats.
std::vector<WeightTensor> makeTensors() {
  return {makeTensor("blk.0.attn_q.weight", {7, 13}, 13),
          makeTensor("empty", {0, 4}),
          makeTensor("norm \"quoted\" \xC3\xA9", {3, 5}, 4,
                     WeightTensor::Type::F32),
          makeTensor("exact", {64}),
          makeTensor("large", {3, 10007}, 10007),
          makeTensor("scalar", {}, 4, WeightTensor::Type::F32)};
}

/// A new folder for each test, removed with everything in it.
class WeightsArchiveTest : public testing::Test {
protected:
  void SetUp() override {
    SmallString<128> name;
    ASSERT_FALSE(sys::fs::createUniqueDirectory("winnow-weights", name));
    folder = std::string(name);
    path = folder + "/model.weights";
  }
  void TearDown() override { (void)sys::fs::remove_directories(folder); }

  std::vector<std::string> filesInFolder() const {
    std::vector<std::string> names;
    std::error_code error;
    for (sys::fs::directory_iterator it(folder, error), end;
         it != end && !error; it.increment(error))
      names.push_back(sys::path::filename(it->path()).str());
    return names;
  }

  /// Writes an archive and returns the bytes of the file.
  std::string write(std::vector<WeightTensor> tensors,
                    WeightsArchive::Options options,
                    std::array<uint64_t, 2> buildId = {1, 2}) {
    Expected<WeightsArchive> archive =
        WeightsArchive::create(path, std::move(tensors), std::move(options));
    if (!archive) {
      ADD_FAILURE() << messageOf(archive.takeError());
      return "";
    }
    EXPECT_EQ(messageOf(archive->write()), "");
    EXPECT_FALSE(sys::fs::exists(path));
    hash = archive->getHash();
    offsets = archive->getOffsets().vec();
    dataStart = archive->getDataStart();
    dataSize = archive->getDataSize();
    EXPECT_EQ(messageOf(archive->finish(buildId)), "");
    auto file = MemoryBuffer::getFile(path);
    return file ? (*file)->getBuffer().str() : "";
  }

  std::string folder, path;
  uint64_t hash = 0, dataStart = 0, dataSize = 0;
  std::vector<uint64_t> offsets;
};

std::string failureOfCreate(StringRef path, std::vector<WeightTensor> tensors,
                            WeightsArchive::Options options = {}) {
  return messageOf(
      WeightsArchive::create(path, std::move(tensors), std::move(options)));
}

} // namespace

TEST_F(WeightsArchiveTest, ReadsBack) {
  WeightsArchive::Options options;
  options.threads = 3;
  options.pieceBytes = 100;
  options.metadata = {{"model", "tiny \"model\""}};
  std::string file = write(makeTensors(), options,
                           {0x0123456789abcdefull, 0xfedcba9876543210ull});
  EXPECT_EQ(filesInFolder(), std::vector<std::string>{"model.weights"});

  // The part that the runtime reads without a JSON parser.
  uint64_t headerSize = support::endian::read64le(file.data());
  ASSERT_LE(8 + headerSize, file.size());
  EXPECT_EQ(dataStart, 8 + headerSize);
  EXPECT_EQ(dataStart % WINNOW_WEIGHTS_ALIGNMENT, 0u);
  EXPECT_EQ(file.size(), dataStart + dataSize);
  StringRef header(file.data() + 8, headerSize);
  EXPECT_TRUE(header.starts_with(WINNOW_WEIGHTS_PREFIX
                                 "0123456789abcdeffedcba9876543210\""))
      << header.take_front(100).str();
  size_t at = header.find(WINNOW_WEIGHTS_HASH_KEY);
  ASSERT_NE(at, StringRef::npos);
  uint64_t recorded = 0;
  EXPECT_FALSE(header.substr(at + StringRef(WINNOW_WEIGHTS_HASH_KEY).size(), 16)
                   .getAsInteger(16, recorded));
  winnow_hash state;
  winnow_hash_begin(&state);
  winnow_hash_update(&state, file.data() + dataStart, dataSize);
  EXPECT_EQ(recorded, winnow_hash_finish(&state));
  EXPECT_EQ(recorded, hash);

  // The rest: a safetensors file without holes.
  Expected<json::Value> parsed = json::parse(header);
  ASSERT_TRUE(bool(parsed)) << messageOf(parsed.takeError());
  json::Object &root = *parsed->getAsObject();
  json::Object &metadata = *root.getObject("__metadata__");
  EXPECT_EQ(metadata.getString("winnow_abi"), "1");
  EXPECT_EQ(metadata.getString("model"), "tiny \"model\"");
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (auto &[name, value] : root)
    if (name != "__metadata__") {
      json::Object &entry = *value.getAsObject();
      json::Array &range = *entry.getArray("data_offsets");
      ranges.push_back({*range[0].getAsInteger(), *range[1].getAsInteger()});
      int64_t bytes = entry.getString("dtype") == "F32" ? 4 : 1;
      for (json::Value &extent : *entry.getArray("shape"))
        bytes *= *extent.getAsInteger();
      EXPECT_EQ(bytes, ranges.back().second - ranges.back().first);
    }
  llvm::sort(ranges);
  int64_t covered = 0;
  for (auto [begin, end] : ranges) {
    EXPECT_EQ(begin, covered);
    covered = end;
  }
  EXPECT_EQ(uint64_t(covered), dataSize);

  std::vector<WeightTensor> tensors = makeTensors();
  ASSERT_EQ(offsets.size(), tensors.size());
  uint64_t previousEnd = 0;
  for (auto [i, tensor] : enumerate(tensors)) {
    json::Object *entry = root.getObject(tensor.name);
    ASSERT_TRUE(entry) << tensor.name;
    json::Array &range = *entry->getArray("data_offsets");
    uint64_t begin = *range[0].getAsInteger(), end = *range[1].getAsInteger();
    EXPECT_EQ(begin, offsets[i]);
    EXPECT_EQ(begin % 64, 0u);
    EXPECT_GE(begin, previousEnd);
    uint64_t seed = tensor.name.size() + tensor.shape.size();
    for (uint64_t k = previousEnd; k < begin; ++k)
      ASSERT_EQ(file[dataStart + k], 0);
    for (uint64_t k = begin; k < end; ++k)
      ASSERT_EQ(uint8_t(file[dataStart + k]), byteAt(seed, k - begin))
          << tensor.name;
    previousEnd = end;
  }
}

TEST_F(WeightsArchiveTest, BytesDependNeitherOnThreadsNorOnPieces) {
  std::string first;
  for (unsigned threads : {1u, 2u, 5u})
    for (uint64_t pieceBytes : {1u, 33u, 1u << 20}) {
      WeightsArchive::Options options;
      options.threads = threads;
      options.pieceBytes = pieceBytes;
      std::string file = write(makeTensors(), options);
      if (first.empty())
        first = file;
      EXPECT_TRUE(file == first) << threads << " threads, " << pieceBytes;
      (void)sys::fs::remove(path);
    }
}

TEST_F(WeightsArchiveTest, ProgressAndReleaseFollowTheOrder) {
  std::vector<WeightTensor> tensors = makeTensors();
  std::vector<std::string> events;
  for (WeightTensor &tensor : tensors)
    tensor.release = [&events, name = tensor.name] { events.push_back(name); };
  WeightsArchive::Options options;
  options.threads = 4;
  options.pieceBytes = 10007;
  uint64_t last = 0, total = 0;
  options.progress = [&](uint64_t done, uint64_t all, StringRef) {
    EXPECT_GE(done, last);
    last = done;
    total = all;
    return true;
  };
  write(tensors, options);
  EXPECT_EQ(last, dataSize);
  EXPECT_EQ(total, dataSize);
  ASSERT_EQ(events.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i)
    EXPECT_EQ(events[i], tensors[i].name);
}

TEST_F(WeightsArchiveTest, EmptyArchive) {
  std::string file = write({}, {});
  EXPECT_EQ(file.size(), dataStart);
  EXPECT_EQ(dataSize, 0u);
}

TEST_F(WeightsArchiveTest, AFailureLeavesNothing) {
  std::vector<WeightTensor> tensors = makeTensors();
  tensors[4].produce = [](uint64_t offset, MutableArrayRef<uint8_t>) -> Error {
    if (offset == 10007)
      return createStringError("no such tensor");
    return Error::success();
  };
  WeightsArchive::Options options;
  options.pieceBytes = 1;
  {
    Expected<WeightsArchive> archive =
        WeightsArchive::create(path, tensors, options);
    ASSERT_TRUE(bool(archive)) << messageOf(archive.takeError());
    EXPECT_EQ(filesInFolder().size(), 1u);
    EXPECT_EQ(messageOf(archive->write()), "weight 'large': no such tensor");
  }
  EXPECT_TRUE(filesInFolder().empty());

  // The name is taken by a folder.
  ASSERT_FALSE(sys::fs::create_directory(path));
  {
    Expected<WeightsArchive> archive =
        WeightsArchive::create(path, makeTensors(), {});
    ASSERT_TRUE(bool(archive)) << messageOf(archive.takeError());
    EXPECT_EQ(messageOf(archive->write()), "");
    std::string message = messageOf(archive->finish({1, 2}));
    EXPECT_TRUE(StringRef(message).starts_with("cannot write '" + path + "': "))
        << message;
  }
  EXPECT_EQ(filesInFolder(), std::vector<std::string>{"model.weights"});
}

TEST_F(WeightsArchiveTest, ACallerCanStopIt) {
  WeightsArchive::Options options;
  int pieces = 0;
  options.progress = [&](uint64_t, uint64_t, StringRef) {
    return ++pieces < 2;
  };
  {
    Expected<WeightsArchive> archive =
        WeightsArchive::create(path, makeTensors(), options);
    ASSERT_TRUE(bool(archive)) << messageOf(archive.takeError());
    EXPECT_EQ(errorToErrorCode(archive->write()),
              std::make_error_code(std::errc::operation_canceled));
  }
  EXPECT_EQ(pieces, 2);
  EXPECT_TRUE(filesInFolder().empty());
}

TEST_F(WeightsArchiveTest, AFailedWriteIsOneError) {
  // Stands for a full device: files may not grow beyond a few bytes.
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto *handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit tiny = {100, before.rlim_max};
  {
    Expected<WeightsArchive> archive =
        WeightsArchive::create(path, makeTensors(), {});
    ASSERT_TRUE(bool(archive)) << messageOf(archive.takeError());
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tiny), 0);
    std::string message = messageOf(archive->write());
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(message, "cannot write '" + path + "': File too large");
  }
  ::signal(SIGXFSZ, handler);
  EXPECT_TRUE(filesInFolder().empty());
}

TEST_F(WeightsArchiveTest, RefusesWhatCannotBeWritten) {
  auto create = [&](std::vector<WeightTensor> tensors) {
    return failureOfCreate(path, std::move(tensors));
  };
  EXPECT_EQ(create({makeTensor("a", {1}), makeTensor("a", {1})}),
            "weight 'a': there are two of this name");
  for (const char *name : {"", "__metadata__", "winnow.padding.0", "\xFF"})
    EXPECT_EQ(create({makeTensor(name, {1})}),
              "weight '" + std::string(name) +
                  "': the name is empty, reserved or not UTF-8");
  EXPECT_EQ(create({makeTensor("a", {-1})}),
            "weight 'a': the shape is negative or too large");
  EXPECT_EQ(create({makeTensor("a", {int64_t(1) << 40, int64_t(1) << 40})}),
            "weight 'a': the shape is negative or too large");
  EXPECT_EQ(create({makeTensor("a", {int64_t(1) << 61}),
                    makeTensor("b", {(int64_t(1) << 61) + 1})}),
            "weight 'b': the archive is too large");
  EXPECT_EQ(create({makeTensor("a", {4}, 0)}), "weight 'a': pieces of 0 bytes");
  WeightsArchive::Options options;
  options.metadata = {{"winnow_abi", "2"}};
  EXPECT_EQ(failureOfCreate(path, {}, options),
            "metadata 'winnow_abi': reserved or not UTF-8");
  EXPECT_TRUE(filesInFolder().empty());

  std::string nowhere = folder + "/missing/model.weights";
  EXPECT_EQ(failureOfCreate(nowhere, {}),
            "cannot write '" + nowhere + "': No such file or directory");
}
