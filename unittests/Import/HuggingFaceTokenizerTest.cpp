//===- HuggingFaceTokenizerTest.cpp - Damaged tokenizer.json --------------===//
//
// What good files mean is tested against the package `tokenizers`
// (test/EndToEnd/test_hugging_face_tokenizer.py).
//
//===----------------------------------------------------------------------===//

#include "winnow/Import/HuggingFaceTokenizer.h"

#include "winnow/Tokenizer/Tokenizer.h"

#include "../Errors.h"
#include "TemporaryDirectory.h"

#include "gtest/gtest.h"

#include <random>

using namespace winnow;

static const char *const kByteLevel = R"({
  "added_tokens": [{"id": 4, "content": "<s>", "special": true,
                    "rstrip": true}, {"id": 9, "content": "<beyond>"}],
  "normalizer": {"type": "NFC"},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": "\\p{N}"}, "behavior": "Isolated"},
    {"type": "ByteLevel", "add_prefix_space": false}]},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
    "special_tokens": {"<s>": {"ids": [4]}}},
  "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "1": 3},
            "merges": [["a", "b"]]}})";

TEST(HuggingFaceTokenizer, ReadsEverything) {
  TemporaryDirectory directory;
  llvm::Expected<std::optional<TokenizerData>> none =
      readHuggingFaceTokenizer(directory.getPath(""), 9);
  ASSERT_TRUE(bool(none));
  EXPECT_FALSE(none->has_value());
  directory.write("tokenizer.json", kByteLevel);
  llvm::Expected<std::optional<TokenizerData>> read =
      readHuggingFaceTokenizer(directory.getPath(""), 9);
  ASSERT_TRUE(bool(read)) << messageOf(read.takeError());
  const TokenizerData &data = **read;
  EXPECT_EQ(data.pieces,
            (std::vector<std::string>{"a", "b", "ab", "1", "<s>"}));
  EXPECT_EQ(data.types.back(), PieceType::Control);
  EXPECT_EQ(data.merges, std::vector<std::string>{"a b"});
  EXPECT_EQ(data.bos, 4);
  EXPECT_TRUE(data.addBos && data.compose && data.leftmostTokens);
  std::string error;
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::create(data, error);
  ASSERT_TRUE(tokenizer) << error;
  EXPECT_EQ(tokenizer->encode("ab1<s> \n a", {}),
            (std::vector<int32_t>{4, 2, 3, 4, 0}));
}

// Whatever is in the file, it is refused or gives a tokenizer.
TEST(HuggingFaceTokenizer, SurvivesDamage) {
  TemporaryDirectory directory;
  std::string good = kByteLevel;
  const std::string replacements[] = {"{}", "[]",  "\"\"", "null", "-1",
                                      "1",  "3e9", "true", "\"",   ","};
  std::mt19937 random(7);
  unsigned accepted = 0;
  for (unsigned i = 0; i < 500; ++i) {
    std::string text = good;
    size_t at = random() % text.size();
    size_t count = random() % 8;
    text.replace(at, count, replacements[random() % 10]);
    directory.write("tokenizer.json", text);
    auto read = readHuggingFaceTokenizer(directory.getPath(""), 9);
    if (!read) {
      EXPECT_EQ(messageOf(read.takeError()).find('\n'), std::string::npos);
      continue;
    }
    std::string error;
    if (std::unique_ptr<Tokenizer> tokenizer =
            Tokenizer::create(**read, error)) {
      tokenizer->encode("ab1<s> a", {});
      ++accepted;
    }
  }
  EXPECT_GT(accepted, 20u);
}
