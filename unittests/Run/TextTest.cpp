//===- TextTest.cpp - JSON, tables, symbols, files ------------------------===//

#include "Artifact.h"
#include "Inspect.h"
#include "Json.h"
#include "NpyFile.h"

#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <unistd.h>

using namespace winnow::run;

//===----------------------------------------------------------------------===//
// JSON and tables
//===----------------------------------------------------------------------===//

TEST(Json, ReadsAllKinds) {
  std::string error;
  std::optional<Json> value = parseJson(
      R"( {"a": [1, -2.5e3, true, null], "b": {"c": "x\n\u00e9\ud83d\ude00\""}} )",
      error);
  ASSERT_TRUE(value) << error;
  const Json *a = value->find("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->items[0].number(), 1);
  EXPECT_EQ(a->items[1].number(), -2500);
  EXPECT_TRUE(a->items[2].boolean);
  EXPECT_EQ(a->items[3].kind, Json::Kind::Null);
  EXPECT_EQ(value->find("b")->find("c")->text, "x\n\xc3\xa9\xf0\x9f\x98\x80\"");
  EXPECT_EQ(value->find("d"), nullptr);
  EXPECT_FALSE(value->find("b")->number());
}

TEST(Json, RefusesEverythingElse) {
  std::string error;
  for (const char *text :
       {"", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", "1e", "-", "tru",
        "\"a", "\"\\x\"", "\"\\u12\"", "\"\\ud800\\u0041\"", "1 2", "{a:1}",
        "\"\n\"", "+1", ".5"}) {
    EXPECT_FALSE(parseJson(text, error)) << text;
    EXPECT_NE(error.find("byte"), std::string::npos);
  }
  EXPECT_FALSE(parseJson(std::string(1000, '['), error));
}

TEST(Json, QuotingIsReversible) {
  std::string text = "a\"b\\c\n\x01 \xc3\xa9", error;
  std::optional<Json> value = parseJson(quoteJson(text), error);
  ASSERT_TRUE(value) << error;
  EXPECT_EQ(value->text, text);
}

TEST(Inspect, GroupsTablesAndNumbers) {
  std::string error;
  std::optional<Json> manifest = parseJson(
      R"({"name": "m", "bytes": 1234567, "shape": [2, 3], "tied": true,
          "target": {"cpu": "v3"},
          "tensors": [{"name": "embed", "bytes": 12345, "format": "q8_0"},
                      {"name": "x", "bytes": 7}],
          "empty": []})",
      error);
  ASSERT_TRUE(manifest) << error;
  EXPECT_EQ(renderManifest(*manifest), "name   m\n"
                                       "bytes  1,234,567\n"
                                       "shape  2 3\n"
                                       "tied   yes\n"
                                       "empty\n"
                                       "\n"
                                       "target\n"
                                       "  cpu  v3\n"
                                       "\n"
                                       "tensors (2)\n"
                                       "  name    bytes  format\n"
                                       "  embed  12,345  q8_0\n"
                                       "  x           7\n");
}

TEST(Inspect, LongValues) {
  std::string error;
  std::string flags(250, 'x');
  flags[90] = ',';
  std::optional<Json> manifest = parseJson(
      R"({"flags": ")" + flags + R"(", "entries": [{"name": "f", "caches": [)" +
          "\"" + std::string(70, 'c') + "\", \"" + std::string(70, 'c') +
          "\", \"d\"], \"bytes\": 1000}]}",
      error);
  ASSERT_TRUE(manifest) << error;
  EXPECT_EQ(renderManifest(*manifest), "flags\n"
                                       "  " +
                                           flags.substr(0, 91) +
                                           "\n"
                                           "  " +
                                           std::string(100, 'x') +
                                           "\n"
                                           "  " +
                                           std::string(59, 'x') +
                                           "\n"
                                           "\n"
                                           "entries (1)\n"
                                           "  name   f\n"
                                           "  bytes  1,000\n"
                                           "\n"
                                           "  caches (3)\n"
                                           "    2 x " +
                                           std::string(70, 'c') +
                                           "\n"
                                           "    d\n");
}

//===----------------------------------------------------------------------===//
// Symbols and files
//===----------------------------------------------------------------------===//

TEST(Artifact, SymbolOfAName) {
  EXPECT_EQ(apiSymbol("gemma"), "gemma_winnow_api");
  EXPECT_EQ(apiSymbol("/a.b/gemma-3.270m"), "gemma_3_270m_winnow_api");
  EXPECT_EQ(apiSymbol("3b"), "_3b_winnow_api");
  EXPECT_EQ(apiSymbol("\xc3\xa9"), "___winnow_api");
}

TEST(Artifact, MissingFilesAreNamed) {
  std::string error;
  EXPECT_FALSE(Artifact::open("/nonexistent/model", error));
  EXPECT_NE(error.find("/nonexistent/model.so"), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

namespace {
class Npy : public testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/winnow-npy-XXXXXX";
    ASSERT_TRUE(mkdtemp(name));
    folder = name;
  }
  void TearDown() override {
    unlink((folder + "/a.npy").c_str());
    // Fails, and the test with it, where a temporary file was left.
    EXPECT_EQ(rmdir(folder.c_str()), 0);
  }
  std::string folder, error;
};
} // namespace

TEST_F(Npy, HasTheFormatOfNumPy) {
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  {
    NpyFile file;
    ASSERT_TRUE(file.create(folder + "/a.npy", 2, 3, error)) << error;
    ASSERT_TRUE(file.write(values.data(), 4, error));
    ASSERT_TRUE(file.write(values.data() + 4, 2, error));
    EXPECT_NE(access((folder + "/a.npy").c_str(), F_OK), 0);
    ASSERT_TRUE(file.finish(error)) << error;
  }
  std::ifstream stream(folder + "/a.npy", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  ASSERT_EQ(bytes.size(), 128 + 24u);
  std::string head = "\x93NUMPY\x01";
  EXPECT_EQ(bytes.substr(0, 10), head + std::string("\0\x76\0", 3));
  EXPECT_EQ(bytes.substr(10, 61), "{'descr': '<f4', 'fortran_order': False, "
                                  "'shape': (2, 3), }  ");
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_EQ(std::memcmp(bytes.data() + 128, values.data(), 24), 0);
}

TEST_F(Npy, NothingIsLeftWithoutFinish) {
  NpyFile file;
  ASSERT_TRUE(file.create(folder + "/a.npy", 2, 3, error));
}

TEST_F(Npy, UnwritableFolder) {
  NpyFile file;
  EXPECT_FALSE(file.create(folder + "/missing/a.npy", 1, 1, error));
  EXPECT_EQ(error, "cannot write '" + folder +
                       "/missing/a.npy': No such file or directory");
}
