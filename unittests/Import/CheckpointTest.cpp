//===- CheckpointTest.cpp - Checkpoints in one and several files ----------===//

#include "../Errors.h"
#include "TinyModel.h"

#include "gtest/gtest.h"

using namespace winnow;

namespace {

class GgufCheckpoints : public ::testing::Test {
protected:
  /// One file of a split set, with one tensor.
  GgufWriter makePart(uint16_t number, uint16_t count) {
    GgufWriter writer;
    writer.raw("split.no", GgufValueType::UInt16, GgufWriter::bytesOf(number));
    writer.raw("split.count", GgufValueType::UInt16,
               GgufWriter::bytesOf(count));
    writer.raw("split.tensors.count", GgufValueType::Int32,
               GgufWriter::bytesOf(int32_t(count)));
    writer.addF32("t" + std::to_string(number), {uint64_t(number) + 1});
    return writer;
  }

  std::string getPartName(int number, int count) {
    char name[64];
    snprintf(name, sizeof(name), "m-%05d-of-%05d.gguf", number + 1, count);
    return name;
  }

  std::string write(const GgufWriter &writer, int number, int count) {
    return directory.write(getPartName(number, count), writer.write());
  }

  /// Writes a set of three whose middle file is `middle`.
  std::string failWithMiddle(const GgufWriter &middle) {
    std::string first = write(makePart(0, 3), 0, 3);
    write(middle, 1, 3);
    write(makePart(2, 3), 2, 3);
    return getFailure(first);
  }

  /// The message of a failed opening, without the directory's name.
  std::string getFailure(const std::string &path) {
    llvm::Expected<std::unique_ptr<GgufCheckpoint>> opened =
        GgufCheckpoint::open(path);
    if (opened)
      return "(opened)";
    std::string message = messageOf(opened.takeError());
    std::string prefix = directory.getPath("");
    EXPECT_EQ(message.substr(0, prefix.size()), prefix);
    return message.substr(prefix.size());
  }

  TemporaryDirectory directory;
};

} // namespace

TEST_F(GgufCheckpoints, OneFile) {
  GgufWriter writer;
  writer.addF32("a", {3});
  writer.addF32("b", {5, 2});
  std::string path = directory.write("m.gguf", writer.write());
  auto opened = GgufCheckpoint::open(path);
  ASSERT_TRUE(bool(opened)) << messageOf(opened.takeError());
  const Checkpoint &checkpoint = **opened;
  ASSERT_EQ(checkpoint.getTensors().size(), 2u);
  EXPECT_EQ(checkpoint.find("b"), &checkpoint.getTensors()[1]);
  EXPECT_EQ(checkpoint.find("c"), nullptr);
  EXPECT_EQ(checkpoint.getTensorBytes(), 12u + 40u);
  ASSERT_EQ(checkpoint.getFiles().size(), 1u);
  EXPECT_EQ(checkpoint.getFiles()[0], path);
}

TEST_F(GgufCheckpoints, Split) {
  std::string first = write(makePart(0, 3), 0, 3);
  write(makePart(1, 3), 1, 3);
  write(makePart(2, 3), 2, 3);
  auto opened = GgufCheckpoint::open(first);
  ASSERT_TRUE(bool(opened)) << messageOf(opened.takeError());
  const Checkpoint &checkpoint = **opened;
  ASSERT_EQ(checkpoint.getTensors().size(), 3u);
  ASSERT_EQ(checkpoint.getFiles().size(), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    const CheckpointTensor *tensor = checkpoint.find("t" + std::to_string(i));
    ASSERT_TRUE(tensor);
    EXPECT_EQ(tensor->file, i);
    EXPECT_EQ(tensor->bytes.size(), 4 * (i + 1));
  }
}

TEST_F(GgufCheckpoints, SplitErrors) {
  std::string first = write(makePart(0, 3), 0, 3);
  std::string second = write(makePart(1, 3), 1, 3);
  EXPECT_EQ(getFailure(first),
            "m-00003-of-00003.gguf: No such file or directory");
  EXPECT_EQ(
      getFailure(second),
      "m-00002-of-00003.gguf: split.no is 1 in a split of 3 files; expects "
      "the first, which has number 0 and holds the metadata");
  // The largest number has no successor.
  GgufWriter far;
  far.raw("split.no", GgufValueType::Int64, GgufWriter::bytesOf(INT64_MAX));
  far.raw("split.count", GgufValueType::UInt16,
          GgufWriter::bytesOf(uint16_t(3)));
  far.addF32("t", {1});
  EXPECT_EQ(getFailure(directory.write("far.gguf", far.write())),
            "far.gguf: split.no is 9223372036854775807 in a split of 3 files; "
            "expects the first, which has number 0 and holds the metadata");
  std::string other = directory.write("other.gguf", makePart(0, 3).write());
  EXPECT_EQ(getFailure(other),
            "other.gguf: the first file of a split of 3 expects a name that "
            "ends in '-00001-of-00003.gguf'");

  EXPECT_EQ(failWithMiddle(makePart(1, 3)), "(opened)");
  EXPECT_EQ(failWithMiddle(makePart(2, 3)),
            "m-00002-of-00003.gguf: expects split.no 1 and split.count 3, "
            "found 2 and 3");
  GgufWriter empty;
  EXPECT_EQ(failWithMiddle(empty),
            "m-00002-of-00003.gguf: expects split.no 1 and split.count 3, "
            "found -1 and -1");
  GgufWriter twice = makePart(1, 3);
  twice.addF32("t0", {1});
  EXPECT_EQ(failWithMiddle(twice), "m-00002-of-00003.gguf: tensor 't0' is also "
                                   "in another file of the split");
  GgufWriter more = makePart(1, 3);
  more.addF32("another", {1});
  EXPECT_EQ(failWithMiddle(more),
            "m-00001-of-00003.gguf: split.tensors.count is 3, but the files "
            "hold 4 tensors");
  GgufWriter wrongType;
  wrongType.set("split.no", "1");
  EXPECT_EQ(failWithMiddle(wrongType), "m-00002-of-00003.gguf: offset 44: "
                                       "split.no expects an integer");
}

TEST_F(GgufCheckpoints, ContentHash) {
  auto hash = [&](const std::string &path) {
    return llvm::cantFail(GgufCheckpoint::open(path))->computeContentHash();
  };
  GgufWriter writer;
  writer.addF32("a", {3});
  std::string bytes = writer.write();
  std::string whole = hash(directory.write("a.gguf", bytes));
  EXPECT_EQ(whole.size(), 64u);
  EXPECT_EQ(hash(directory.write("b.gguf", bytes)), whole);
  bytes.back() = 1;
  EXPECT_NE(hash(directory.write("b.gguf", bytes)), whole);
}

TEST_F(GgufCheckpoints, ReleasedBytesStayReadable) {
  GgufWriter writer;
  writer.addF32("small", {1});
  writer.addF32("large", {1 << 16});
  std::string bytes = writer.write();
  for (size_t i = bytes.size() - (4 << 16); i < bytes.size(); ++i)
    bytes[i] = char(i * 7);
  std::string path = directory.write("m.gguf", bytes);
  auto checkpoint = llvm::cantFail(GgufCheckpoint::open(path));
  for (const CheckpointTensor &tensor : checkpoint->getTensors()) {
    std::vector<uint8_t> before = tensor.bytes.vec();
    checkpoint->release(tensor);
    EXPECT_EQ(tensor.bytes.vec(), before);
  }
}
