//===- GgufTest.cpp - The GGUF parser -------------------------------------===//

#include "../Errors.h"
#include "GgufWriter.h"

#include "llvm/ADT/StringExtras.h"

#include "gtest/gtest.h"

#include <random>

using namespace winnow;

static llvm::Expected<GgufFile> parse(const std::string &bytes) {
  return GgufFile::parse(llvm::MemoryBufferRef(bytes, "m.gguf"));
}

/// The message of a failed parse, without the "m.gguf: " that it begins with.
static std::string failure(const std::string &bytes) {
  llvm::Expected<GgufFile> file = parse(bytes);
  if (file)
    return "(parsed)";
  std::string message = messageOf(file.takeError());
  EXPECT_EQ(message.substr(0, 8), "m.gguf: ");
  EXPECT_EQ(message.find('\n'), std::string::npos);
  return message.substr(8);
}

/// A file with one of everything.
static GgufWriter makeSample() {
  GgufWriter writer;
  writer.set("general.architecture", "sample");
  writer.set("count", uint32_t(7));
  writer.raw("small", GgufValueType::Int8, std::string(1, char(-3)));
  writer.raw("word", GgufValueType::Int16, GgufWriter::bytesOf(int16_t(-300)));
  writer.raw("long", GgufValueType::Int64,
             GgufWriter::bytesOf(int64_t(-5000000000)));
  writer.raw("huge", GgufValueType::UInt64, GgufWriter::bytesOf(~uint64_t(0)));
  writer.set("epsilon", 0.5f);
  writer.raw("double", GgufValueType::Float64, GgufWriter::bytesOf(0.25));
  writer.set("flag", true);
  writer.set("tokens", std::vector<std::string>{"a", "", "\xE2\x96\x81z"});
  writer.set("scores", GgufValueType::Float32, std::vector<float>{1, -2});
  writer.set("types", GgufValueType::Int32, std::vector<int32_t>{1, -6});
  writer.set("none", std::vector<std::string>{});
  writer.addF32("v", {3});
  writer.add("w", {64, 5}, 6, 5 * 2 * 22);
  return writer;
}

TEST(Gguf, ReadsBothVersions) {
  for (uint32_t version : {2u, 3u}) {
    GgufWriter writer = makeSample();
    writer.version = version;
    std::string bytes = writer.write();
    llvm::Expected<GgufFile> file = parse(bytes);
    ASSERT_TRUE(bool(file)) << messageOf(file.takeError());
    EXPECT_EQ(file->getVersion(), version);
    EXPECT_EQ(file->getMetadata().size(), 13u);
    EXPECT_EQ(file->getMetadata().begin()->first, "general.architecture");
    EXPECT_EQ(file->find("general.architecture")->getString(), "sample");
    EXPECT_EQ(file->find("absent"), nullptr);
  }
}

TEST(Gguf, ReadsValues) {
  std::string bytes = makeSample().write();
  llvm::Expected<GgufFile> file = parse(bytes);
  ASSERT_TRUE(bool(file)) << messageOf(file.takeError());
  auto at = [&](llvm::StringRef key) { return *file->find(key); };
  EXPECT_EQ(at("count").getInteger(), 7);
  EXPECT_EQ(at("small").getInteger(), -3);
  EXPECT_EQ(at("word").getInteger(), -300);
  EXPECT_EQ(at("long").getInteger(), -5000000000);
  EXPECT_EQ(at("huge").getInteger(), std::nullopt);
  EXPECT_EQ(at("epsilon").getFloat(), 0.5);
  EXPECT_EQ(at("double").getFloat(), 0.25);
  EXPECT_EQ(at("flag").getBool(), true);
  EXPECT_EQ(at("flag").getInteger(), 1);
  using Strings = std::vector<llvm::StringRef>;
  EXPECT_EQ(at("tokens").getStrings(), Strings({"a", "", "\xE2\x96\x81z"}));
  EXPECT_EQ(at("none").getStrings(), Strings());
  EXPECT_EQ(at("scores").getFloats(), std::vector<float>({1, -2}));
  EXPECT_EQ(at("types").getIntegers(), std::vector<int64_t>({1, -6}));
  EXPECT_EQ(at("tokens").size(), 3u);
  EXPECT_EQ(at("tokens").getElementType(), GgufValueType::String);
  // Questions of the wrong kind have no answer.
  EXPECT_EQ(at("tokens").getString(), std::nullopt);
  EXPECT_EQ(at("tokens").getInteger(), std::nullopt);
  EXPECT_EQ(at("tokens").getIntegers(), std::nullopt);
  EXPECT_EQ(at("count").getIntegers(), std::nullopt);
  EXPECT_EQ(at("count").getFloat(), std::nullopt);
  EXPECT_EQ(at("scores").getIntegers(), std::nullopt);
  EXPECT_EQ(at("count").getStrings(), std::nullopt);
}

TEST(Gguf, ReadsTensors) {
  std::string bytes = makeSample().write();
  llvm::Expected<GgufFile> file = parse(bytes);
  ASSERT_TRUE(bool(file)) << messageOf(file.takeError());
  ASSERT_EQ(file->getTensors().size(), 2u);
  const CheckpointTensor &v = file->getTensors()[0];
  const CheckpointTensor &w = file->getTensors()[1];
  EXPECT_EQ(v.name, "v");
  EXPECT_EQ(v.format->name, "f32");
  EXPECT_EQ(v.shape, (llvm::SmallVector<int64_t, 4>{3}));
  EXPECT_EQ(v.bytes.size(), 12u);
  EXPECT_EQ(w.format->name, "q5_0");
  // The file lists the contiguous dimension first, we list it last.
  EXPECT_EQ(w.shape, (llvm::SmallVector<int64_t, 4>{5, 64}));
  EXPECT_EQ(w.bytes.size(), 220u);
  EXPECT_EQ(w.offset, v.offset + 32);
  EXPECT_EQ(w.offset % 32, 0u);
  EXPECT_EQ(llvm::toStringRef(w.bytes).data(), bytes.data() + w.offset);
}

TEST(Gguf, HonoursAlignment) {
  GgufWriter wide;
  wide.alignment = 256;
  wide.set("general.alignment", uint32_t(256));
  wide.addF32("v", {3});
  wide.addF32("w", {3});
  std::string bytes = wide.write();
  llvm::Expected<GgufFile> file = parse(bytes);
  ASSERT_TRUE(bool(file)) << messageOf(file.takeError());
  EXPECT_EQ(file->getTensors()[1].offset, 512u);
}

TEST(Gguf, AcceptsFilesWithoutTensors) {
  GgufWriter writer;
  writer.set("a", "b");
  std::string bytes = writer.write();
  // No data section has to follow, nor padding in front of it.
  while (bytes.back() == '\0')
    bytes.pop_back();
  llvm::Expected<GgufFile> file = parse(bytes);
  EXPECT_TRUE(bool(file)) << messageOf(file.takeError());
}

TEST(GgufErrors, Header) {
  EXPECT_EQ(failure(""),
            "offset 0: not a GGUF file: it does not begin with 'GGUF'");
  EXPECT_EQ(failure("GGML\3\0\0\0"),
            "offset 0: not a GGUF file: it does not begin with 'GGUF'");
  EXPECT_EQ(failure("GGUF"), "offset 4: the file ends inside the version: "
                             "expects 4 bytes, found 0");
  GgufWriter writer;
  writer.version = 1;
  EXPECT_EQ(failure(writer.write()),
            "offset 4: GGUF version 1 is not supported; versions 2 and 3 are");
  writer.version = 4;
  EXPECT_EQ(failure(writer.write()),
            "offset 4: GGUF version 4 is not supported; versions 2 and 3 are");
  writer.version = 0x03000000;
  EXPECT_EQ(failure(writer.write()),
            "offset 4: big-endian GGUF files are not supported");
}

TEST(GgufErrors, HugeCounts) {
  GgufWriter writer = makeSample();
  for (uint64_t count : {~uint64_t(0), uint64_t(1) << 60, uint64_t(100000)}) {
    GgufWriter tensors = writer;
    tensors.tensorCount = count;
    EXPECT_NE(failure(tensors.write())
                  .find(": the tensor count " + std::to_string(count) +
                        " is too large"),
              std::string::npos);
    GgufWriter metadata = writer;
    metadata.metadataCount = count;
    EXPECT_NE(failure(metadata.write())
                  .find("offset 24: the metadata count " +
                        std::to_string(count) + " is too large"),
              std::string::npos);
  }
}

TEST(GgufErrors, Metadata) {
  auto fail = [](auto change) {
    GgufWriter writer;
    change(writer);
    writer.addF32("v", {64});
    return failure(writer.write());
  };
  using W = GgufWriter;
  EXPECT_EQ(fail([](W &w) {
              w.set("a", true);
              w.set("a", true);
            }),
            "offset 38: the metadata key 'a' appears twice");
  EXPECT_EQ(fail([](W &w) { w.raw("a", 13, "x"); }),
            "offset 33: unknown value type 13");
  EXPECT_EQ(fail([](W &w) { w.raw("a", GgufValueType::Bool, "\2"); }),
            "offset 37: a bool is 0 or 1, found 2");
  EXPECT_EQ(fail([](W &w) { w.set("", true); }),
            "offset 24: the metadata key '' is not plain text");
  EXPECT_EQ(fail([](W &w) { w.set("a\nb", true); }),
            "offset 24: the metadata key 'a\\0Ab' is not plain text");
  EXPECT_EQ(fail([](W &w) { w.set("\xff", true); }),
            "offset 24: the metadata key '\\FF' is not plain text");
  std::string array = W::bytesOf(GgufValueType::Array) + W::bytesOf(~0ull);
  EXPECT_EQ(fail([&](W &w) { w.raw("a", GgufValueType::Array, array); }),
            "offset 37: arrays of arrays are not supported");
  auto failArray = [&](GgufValueType type, uint64_t count) {
    return fail([&](W &w) {
      w.raw("a", GgufValueType::Array, W::bytesOf(type) + W::bytesOf(count));
    });
  };
  // 2^61 eight-byte elements wrap to zero bytes.
  for (uint64_t count : {uint64_t(1) << 61, ~uint64_t(0), uint64_t(1) << 40})
    for (auto type : {GgufValueType::UInt8, GgufValueType::UInt64,
                      GgufValueType::String, GgufValueType::Bool})
      EXPECT_NE(failArray(type, count)
                    .find(" count " + std::to_string(count) + " is too large"),
                std::string::npos);
  for (uint64_t length : {~uint64_t(0), uint64_t(1) << 63, uint64_t(1) << 33})
    EXPECT_NE(fail([&](W &w) {
                w.raw("a", GgufValueType::String, W::bytesOf(length));
              })
                  .find("the file ends inside a string: expects " +
                        std::to_string(length) + " bytes"),
              std::string::npos);
}

TEST(GgufErrors, Alignment) {
  auto fail = [](auto value) {
    GgufWriter writer;
    writer.set("general.alignment", value);
    return failure(writer.write());
  };
  EXPECT_EQ(fail(uint32_t(0)),
            "offset 53: general.alignment is 0, expects a power of two");
  EXPECT_EQ(fail(uint32_t(48)),
            "offset 53: general.alignment is 48, expects a power of two");
  EXPECT_EQ(fail("32"),
            "offset 53: general.alignment has type string, expects uint32");
  GgufWriter writer;
  writer.set("general.alignment", uint32_t(1) << 31);
  writer.addF32("v", {1});
  EXPECT_NE(failure(writer.write())
                .find("the file ends before its tensor data at 2147483648"),
            std::string::npos);
}

TEST(GgufErrors, Tensors) {
  auto fail = [](const std::vector<uint64_t> &dims, uint32_t type = 0,
                 std::optional<uint64_t> offset = std::nullopt) {
    GgufWriter writer;
    writer.add("t", dims, type, 64, offset);
    return failure(writer.write());
  };
  EXPECT_EQ(fail({16}), "(parsed)");
  EXPECT_EQ(fail({}), "offset 24: tensor 't' has 0 dimensions, expects 1 to 4");
  EXPECT_EQ(fail({1, 1, 1, 1, 1}),
            "offset 24: tensor 't' has 5 dimensions, expects 1 to 4");
  EXPECT_EQ(fail({4, 0}), "offset 24: dimension 1 of tensor 't' is zero");
  for (uint64_t half : {uint64_t(1) << 31, uint64_t(1) << 32})
    EXPECT_EQ(fail({half, half, 2}),
              "offset 24: the dimensions of tensor 't' are too large");
  EXPECT_EQ(fail({~uint64_t(0)}),
            "offset 24: the dimensions of tensor 't' are too large");
  // 2^62 elements fit, their bytes do not.
  EXPECT_NE(fail({uint64_t(1) << 62}).find("need more than 2^63 bytes"),
            std::string::npos);
  EXPECT_NE(fail({16}, 18).find("tensor 't' has the unsupported type iq3_xxs; "
                                "supported are f32, f16"),
            std::string::npos);
  EXPECT_NE(fail({16}, 31).find("tensor 't' has the unsupported type 31;"),
            std::string::npos);
  EXPECT_NE(fail({48}, 8).find("no multiple of its block of 32"),
            std::string::npos);
  EXPECT_EQ(fail({16}, 0, 16), "offset 24: tensor 't' lies at 16, expects a "
                               "multiple of the alignment 32");
  EXPECT_EQ(fail({17}), "offset 24: tensor 't' takes 68 bytes at 0 of the "
                        "tensor data, but the file holds only 64");
  EXPECT_EQ(fail({16}, 0, 32), "offset 24: tensor 't' takes 64 bytes at 32 of "
                               "the tensor data, but the file holds only 64");
  EXPECT_EQ(fail({16}, 0, ~uint64_t(31)),
            "offset 24: tensor 't' takes 64 bytes at 18446744073709551584 of "
            "the tensor data, but the file holds only 64");
}

TEST(GgufErrors, TensorNames) {
  GgufWriter writer;
  writer.addF32("t", {1});
  writer.addF32("t", {1});
  EXPECT_EQ(failure(writer.write()), "offset 57: tensor 't' appears twice");
  GgufWriter binary;
  binary.addF32(std::string("t\0", 2), {1});
  EXPECT_EQ(failure(binary.write()),
            "offset 24: the tensor name 't\\00' is not plain text");
  GgufWriter endless;
  endless.addF32(std::string(5000, 'n'), {0});
  EXPECT_EQ(failure(endless.write()), "offset 24: dimension 0 of tensor '" +
                                          std::string(80, 'n') +
                                          "...' is zero");
}

TEST(GgufErrors, Overlap) {
  GgufWriter writer;
  writer.add("first", {16}, 0, 64);
  writer.add("second", {16}, 0, 64, 32);
  EXPECT_EQ(failure(writer.write()),
            "offset 61: tensors 'first' and 'second' overlap");
  GgufWriter same;
  same.add("first", {16}, 0, 64);
  same.add("second", {8}, 0, 64, 0);
  EXPECT_EQ(failure(same.write()),
            "offset 61: tensors 'first' and 'second' overlap");
}

// Every prefix of a good file is refused, and none is read past its end: the
// copy has exactly that many bytes, so that the address sanitizer sees it.
TEST(GgufErrors, EveryTruncation) {
  std::string bytes = makeSample().write();
  llvm::Expected<GgufFile> whole = parse(bytes);
  ASSERT_TRUE(bool(whole));
  size_t end =
      whole->getTensors()[1].offset + whole->getTensors()[1].bytes.size();
  for (size_t size = 0; size < end; ++size) {
    std::vector<char> part(bytes.begin(), bytes.begin() + size);
    llvm::Expected<GgufFile> file = GgufFile::parse(
        llvm::MemoryBufferRef(llvm::StringRef(part.data(), size), "m.gguf"));
    ASSERT_FALSE(bool(file)) << size;
    llvm::consumeError(file.takeError());
  }
}

// Random damage gives an error or a file whose values can all be read.
TEST(GgufErrors, RandomDamage) {
  const std::string good = makeSample().write();
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    for (int i = 1 + random() % 3; i > 0; --i)
      bytes[random() % bytes.size()] =
          random() % 2 ? char(random()) : char(random() % 2 ? 0xff : 0);
    llvm::Expected<GgufFile> file = parse(bytes);
    if (!file) {
      llvm::consumeError(file.takeError());
      continue;
    }
    size_t sum = 0;
    for (const auto &[key, value] : file->getMetadata()) {
      sum += key.size() + value.getInteger().value_or(0);
      sum += value.getString().value_or("").size();
      for (llvm::StringRef text :
           value.getStrings().value_or(std::vector<llvm::StringRef>()))
        for (char c : text)
          sum += c;
      sum += value.getFloats().value_or(std::vector<float>()).size();
      sum += value.getIntegers().value_or(std::vector<int64_t>()).size();
    }
    for (const CheckpointTensor &tensor : file->getTensors())
      for (uint8_t byte : tensor.bytes)
        sum += byte;
    EXPECT_NE(sum, ~size_t(0));
  }
}
