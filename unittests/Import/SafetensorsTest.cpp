//===- SafetensorsTest.cpp - The safetensors parser and its indices -------===//

#include "winnow/Import/Safetensors.h"

#include "../Errors.h"
#include "TemporaryDirectory.h"

#include "gtest/gtest.h"

#include <random>

using namespace winnow;

/// A file of a header and as many bytes, all different from their neighbours.
static std::string makeFile(const std::string &header, size_t bytes) {
  std::string file;
  for (uint64_t length = header.size(), i = 0; i < 8; ++i)
    file += static_cast<char>(length >> 8 * i);
  file += header;
  for (size_t i = 0; i < bytes; ++i)
    file += static_cast<char>(i * 7 + 1);
  return file;
}

static std::string makeTensor(const std::string &name, const std::string &type,
                              const std::string &shape, uint64_t begin,
                              uint64_t end) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":[" + shape +
         "],\"data_offsets\":[" + std::to_string(begin) + "," +
         std::to_string(end) + "]}";
}

namespace {

class Safetensors : public ::testing::Test {
protected:
  llvm::Expected<SafetensorsFile> parse(const std::string &bytes) {
    return SafetensorsFile::parse(llvm::MemoryBufferRef(bytes, "m"), names);
  }

  /// The message of a failed parse, without the "m: " that it begins with.
  std::string failure(const std::string &header, size_t bytes) {
    std::string file = makeFile(header, bytes);
    std::string message = messageOf(parse(file));
    EXPECT_EQ(message.substr(0, 3), "m: ") << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message.substr(std::min<size_t>(3, message.size()));
  }

  /// The message of a failed opening of the directory, without its name.
  std::string openFailure() {
    std::string message =
        messageOf(SafetensorsCheckpoint::open(directory.getPath("")));
    std::string prefix = directory.getPath("");
    EXPECT_EQ(message.substr(0, prefix.size()), prefix);
    return message.substr(std::min(prefix.size(), message.size()));
  }

  void writeIndex(const std::string &map) {
    directory.write("model.safetensors.index.json",
                    "{\"metadata\":{},\"weight_map\":{" + map + "}}");
  }

  llvm::BumpPtrAllocator allocator;
  llvm::StringSaver names{allocator};
  TemporaryDirectory directory;
};

} // namespace

TEST_F(Safetensors, ReadsTensors) {
  // In another order than the bytes, at offsets that are not aligned.
  std::string bytes =
      makeFile("{\"__metadata__\":{\"format\":\"pt\"}," +
                   makeTensor("b", "F32", "2,1", 6, 14) + "," +
                   makeTensor("a", "BF16", "3", 0, 6) + "," +
                   makeTensor("c", "F16", "1,1,2,1", 14, 18) + "," +
                   makeTensor("scalar", "F32", "", 18, 22) + "," +
                   makeTensor("empty", "F32", "0,4", 22, 22) + "," +
                   makeTensor("ids", "I64", "1", 22, 30) + "} ",
               30);
  llvm::Expected<SafetensorsFile> file = parse(bytes);
  ASSERT_TRUE(bool(file)) << messageOf(file.takeError());
  ASSERT_EQ(file->tensors.size(), 3u);
  const CheckpointTensor &a = file->tensors[0], &b = file->tensors[1];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.format->name, "bf16");
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.format->name, "f32");
  EXPECT_EQ(b.shape, (llvm::SmallVector<int64_t, 4>{2, 1}));
  EXPECT_EQ(b.offset, bytes.size() - 30 + 6);
  EXPECT_EQ(b.bytes.size(), 8u);
  EXPECT_EQ(b.bytes[0], 6 * 7 + 1);
  EXPECT_EQ(file->tensors[2].shape.size(), 4u);
  EXPECT_EQ(file->unusable.size(), 3u);
  EXPECT_EQ(file->unusable["ids"],
            "has the type I64; supported are F32, F16 and BF16");
  EXPECT_EQ(file->unusable["scalar"],
            "expects one to four dimensions, none of them zero");
}

TEST_F(Safetensors, HeaderErrors) {
  EXPECT_EQ(messageOf(parse("1234567")),
            "m: not a safetensors file: 7 bytes, the length of the header "
            "alone has 8");
  EXPECT_EQ(messageOf(parse(std::string(8, '\xff') + "{}")),
            "m: offset 0: the header has 18446744073709551615 bytes, expects "
            "at most 2: no safetensors file, or one that was cut off");
  EXPECT_EQ(failure("[]", 0), "header: expects a JSON object");
  EXPECT_NE(failure("{\"a\":", 0).find("header: ["), std::string::npos);
  EXPECT_EQ(failure(std::string(100000, '['), 0),
            "header: offset 64: nested deeper than 64 levels");
  std::string a = makeTensor("a", "F32", "1", 0, 4);
  EXPECT_EQ(failure("{" + a + "," + a + "}", 4),
            "header: offset 57: the key 'a' appears twice");
}

TEST_F(Safetensors, TensorErrors) {
  auto failWith = [&](const char *type, const char *shape, uint64_t begin,
                      uint64_t end, size_t bytes = 8) {
    return failure("{" + makeTensor("t", type, shape, begin, end) + "}", bytes);
  };
  EXPECT_EQ(failure("{\"t\":1}", 0),
            "tensor 't' expects a string 'dtype' and arrays 'shape' and "
            "'data_offsets', the latter of two numbers");
  EXPECT_EQ(failure("{" + makeTensor("\\u0007", "F32", "1", 0, 4) + "}", 4),
            "the tensor name '\\07' is not plain text");
  EXPECT_EQ(failWith("F31", "2", 0, 8), "tensor 't' has the unknown type "
                                        "'F31'");
  for (const char *shape : {"-1", "1.5", "\"x\"", "9223372036854775808",
                            "4294967296,4294967296", "1000000000000000000,3"})
    EXPECT_EQ(failWith("F32", shape, 0, 8),
              "tensor 't' expects dimensions whose product fits 63 bits")
        << shape;
  for (auto [begin, end] :
       {std::pair<uint64_t, uint64_t>{8, 0}, {0, 12}, {~0ull, 8}, {4, 12}})
    EXPECT_EQ(failWith("F32", "2", begin, end),
              "tensor 't' expects data_offsets in rising order within the 8 "
              "bytes behind the header");
  EXPECT_EQ(failWith("F32", "3", 0, 8),
            "tensor 't' takes 12 bytes, but its data_offsets span 8");
  EXPECT_EQ(failWith("F32", "1", 4, 8),
            "there are bytes of no tensor in front of tensor 't'");
  EXPECT_EQ(failWith("F32", "1", 0, 4).substr(0, 43),
            "there are bytes of no tensor from offset 66");
  EXPECT_EQ(failure("{" + makeTensor("s", "F32", "1", 0, 4) + "," +
                        makeTensor("t", "F32", "1", 2, 6) + "}",
                    6),
            "tensor 't' overlaps the one in front of it");
}

// Damaged files are refused or read, never more.
TEST_F(Safetensors, SurvivesDamage) {
  std::string good = makeFile("{" + makeTensor("a", "F32", "2", 0, 8) + "," +
                                  makeTensor("b", "BF16", "2,2", 8, 16) + "}",
                              16);
  std::mt19937 random(5);
  for (unsigned i = 0; i < 2000; ++i) {
    std::string bytes = good;
    for (unsigned j = 0; j <= random() % 3; ++j)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 2)
      bytes.resize(random() % bytes.size());
    messageOf(parse(bytes));
  }
}

TEST_F(Safetensors, OneFile) {
  EXPECT_EQ(openFailure(), ": holds neither model.safetensors nor "
                           "model.safetensors.index.json");
  directory.write("model.safetensors",
                  makeFile("{" + makeTensor("a", "F32", "2", 0, 8) + "}", 8));
  auto opened = SafetensorsCheckpoint::open(directory.getPath(""));
  ASSERT_TRUE(bool(opened)) << messageOf(opened.takeError());
  EXPECT_TRUE((*opened)->find("a"));
  EXPECT_EQ((*opened)->getFiles().size(), 1u);
}

TEST_F(Safetensors, Index) {
  std::string first = makeFile("{" + makeTensor("a", "F32", "2", 0, 8) + "," +
                                   makeTensor("n", "I64", "1", 8, 16) + "}",
                               16);
  std::string second =
      makeFile("{" + makeTensor("b", "F16", "1", 0, 2) + "}", 2);
  writeIndex("\"a\":\"1.safetensors\",\"n\":\"1.safetensors\","
             "\"b\":\"2.safetensors\"");
  directory.write("1.safetensors", first);
  EXPECT_EQ(openFailure(), "2.safetensors: No such file or directory");
  directory.write("2.safetensors", second);
  auto opened = SafetensorsCheckpoint::open(directory.getPath(""));
  ASSERT_TRUE(bool(opened)) << messageOf(opened.takeError());
  EXPECT_EQ((*opened)->find("a")->file, 0u);
  EXPECT_EQ((*opened)->find("b")->file, 1u);
  EXPECT_TRUE((*opened)->getUnusable().contains("n"));

  std::string index = "model.safetensors.index.json: ";
  writeIndex("\"a\":\"2.safetensors\",\"b\":\"2.safetensors\"");
  EXPECT_EQ(openFailure(), index + "tensor 'a' is not in 2.safetensors");
  for (std::string name : {"../2.safetensors", "/2.safetensors", "..", "",
                           "a\\\\b.safetensors", "x.bin"}) {
    writeIndex("\"a\":\"" + name + "\"");
    EXPECT_EQ(openFailure().find(index +
                                 "'weight_map' expects the name of a "
                                 ".safetensors file beside it, found '"),
              0u);
  }
  writeIndex("\"a\":1");
  EXPECT_EQ(openFailure(),
            index + "'weight_map' expects a file name for tensor 'a'");
  writeIndex("");
  EXPECT_EQ(openFailure(),
            index + "'weight_map' expects an object from tensors to files");
  writeIndex("\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"");
  directory.write("2.safetensors", first);
  EXPECT_EQ(openFailure(), "2.safetensors: tensor 'a' is also in another file "
                           "of the index");
}
