//===- GgufTokenizerTest.cpp - Vocabularies in GGUF files -----------------===//

#include "../Errors.h"
#include "GgufWriter.h"

#include "gtest/gtest.h"

using namespace winnow;
using Strings = std::vector<std::string>;

static llvm::Expected<std::optional<TokenizerData>>
read(const GgufWriter &writer) {
  std::string bytes = writer.write();
  llvm::Expected<GgufFile> file =
      GgufFile::parse(llvm::MemoryBufferRef(bytes, "m.gguf"));
  if (!file)
    return file.takeError();
  return readTokenizer(*file);
}

/// The message of a failure, without the "m.gguf: " that it begins with.
static std::string failure(const GgufWriter &writer) {
  std::string message = messageOf(read(writer));
  EXPECT_EQ(message.substr(0, 8), "m.gguf: ");
  return message.empty() ? "(read)" : message.substr(8);
}

static GgufWriter makeSentencePiece() {
  GgufWriter writer;
  writer.set("tokenizer.ggml.model", "llama");
  writer.set("tokenizer.ggml.tokens",
             Strings{"<unk>", "<s>", "<stop>", "a", "b\xff"});
  writer.set("tokenizer.ggml.scores", GgufValueType::Float32,
             std::vector<float>{0, 0, 0, -1, -2});
  writer.set("tokenizer.ggml.token_type", GgufValueType::Int32,
             std::vector<int32_t>{2, 3, 3, 1, 4});
  return writer;
}

static GgufWriter makeByteBpe() {
  GgufWriter writer;
  writer.set("tokenizer.ggml.model", "gpt2");
  writer.set("tokenizer.ggml.pre", "qwen2");
  writer.set("tokenizer.ggml.tokens", Strings{"a", "b", "ab", "<|im_end|>"});
  writer.set("tokenizer.ggml.merges", Strings{"a b"});
  return writer;
}

TEST(GgufTokenizer, None) {
  GgufWriter writer;
  auto data = read(writer);
  ASSERT_TRUE(bool(data)) << messageOf(data.takeError());
  EXPECT_FALSE(data->has_value());
  writer.set("tokenizer.ggml.model", "no_vocab");
  auto noVocabulary = read(writer);
  ASSERT_TRUE(bool(noVocabulary)) << messageOf(noVocabulary.takeError());
  EXPECT_FALSE(noVocabulary->has_value());
}

TEST(GgufTokenizer, SentencePiece) {
  auto read1 = read(makeSentencePiece());
  ASSERT_TRUE(bool(read1)) << messageOf(read1.takeError());
  ASSERT_TRUE(read1->has_value());
  const TokenizerData &data = **read1;
  EXPECT_EQ(data.model, TokenizerModel::SentencePiece);
  EXPECT_EQ(data.pieces, (Strings{"<unk>", "<s>", "<stop>", "a", "b\xff"}));
  EXPECT_EQ(data.scores, (std::vector<float>{0, 0, 0, -1, -2}));
  EXPECT_EQ(data.types[4], PieceType::UserDefined);
  // What SentencePiece does where the file says nothing.
  EXPECT_EQ(data.unknown, 0);
  EXPECT_EQ(data.bos, 1);
  EXPECT_EQ(data.eos, 2);
  EXPECT_EQ(data.padding, -1);
  EXPECT_TRUE(data.addBos);
  EXPECT_FALSE(data.addEos);
  EXPECT_TRUE(data.addSpacePrefix);
  EXPECT_EQ(data.endOfGeneration, std::vector<int32_t>{2});
}

TEST(GgufTokenizer, KeysOverrideDefaults) {
  GgufWriter writer = makeSentencePiece();
  writer.set("tokenizer.ggml.bos_token_id", uint32_t(3));
  writer.set("tokenizer.ggml.eos_token_id", uint32_t(1));
  writer.set("tokenizer.ggml.unknown_token_id", ~uint32_t(0));
  writer.set("tokenizer.ggml.padding_token_id", uint32_t(0));
  writer.set("tokenizer.ggml.eot_token_id", uint32_t(4));
  writer.set("tokenizer.ggml.add_bos_token", false);
  writer.set("tokenizer.ggml.add_eos_token", true);
  writer.set("tokenizer.ggml.add_space_prefix", false);
  writer.set("tokenizer.chat_template", "{{ bos_token }}");
  auto read1 = read(writer);
  ASSERT_TRUE(bool(read1)) << messageOf(read1.takeError());
  const TokenizerData &data = **read1;
  EXPECT_EQ(data.bos, 3);
  EXPECT_EQ(data.eos, 1);
  EXPECT_EQ(data.unknown, -1);
  EXPECT_EQ(data.padding, 0);
  EXPECT_FALSE(data.addBos);
  EXPECT_TRUE(data.addEos);
  EXPECT_FALSE(data.addSpacePrefix);
  EXPECT_EQ(data.endOfGeneration, (std::vector<int32_t>{1, 4}));
  EXPECT_EQ(data.chatTemplate, "{{ bos_token }}");
}

TEST(GgufTokenizer, ByteBpe) {
  auto read1 = read(makeByteBpe());
  ASSERT_TRUE(bool(read1)) << messageOf(read1.takeError());
  const TokenizerData &data = **read1;
  EXPECT_EQ(data.model, TokenizerModel::ByteBpe);
  EXPECT_EQ(data.merges, Strings{"a b"});
  EXPECT_EQ(data.preTokenizer, "qwen2");
  EXPECT_FALSE(data.preTokenizerExpressions.empty());
  EXPECT_EQ(data.bos, -1);
  EXPECT_FALSE(data.addBos);
  EXPECT_EQ(data.endOfGeneration, std::vector<int32_t>{3});
}

TEST(GgufTokenizer, Errors) {
  GgufWriter model;
  model.set("tokenizer.ggml.model", "bert");
  EXPECT_EQ(failure(model), "offset 56: tokenizer.ggml.model expects 'llama' "
                            "(SentencePiece) or 'gpt2' (byte-level BPE), found "
                            "'bert'");
  GgufWriter tokens;
  tokens.set("tokenizer.ggml.model", "llama");
  EXPECT_EQ(failure(tokens),
            "the metadata key 'tokenizer.ggml.tokens' is missing");
  GgufWriter merges;
  merges.set("tokenizer.ggml.model", "gpt2");
  merges.set("tokenizer.ggml.tokens", Strings{"a"});
  EXPECT_EQ(failure(merges),
            "the metadata key 'tokenizer.ggml.merges' is missing");

  auto failWith = [](const char *key, auto value) {
    GgufWriter writer;
    writer.set("tokenizer.ggml.model", "llama");
    writer.set(key, value);
    if (llvm::StringRef(key) != "tokenizer.ggml.tokens")
      writer.set("tokenizer.ggml.tokens", Strings{"a", "b", "c"});
    std::string message = failure(writer);
    // The offset in front is checked elsewhere.
    return message.substr(message.find(": ") + 2);
  };
  EXPECT_EQ(failWith("tokenizer.ggml.tokens", uint32_t(3)),
            "tokenizer.ggml.tokens expects an array of strings");
  EXPECT_EQ(failWith("tokenizer.ggml.tokens", Strings{}),
            "tokenizer.ggml.tokens expects an array of strings");
  EXPECT_EQ(failWith("tokenizer.ggml.scores", Strings{"1"}),
            "tokenizer.ggml.scores expects an array of float32");
  EXPECT_EQ(failWith("tokenizer.ggml.token_type", Strings{"1"}),
            "tokenizer.ggml.token_type expects an array of integers");
  EXPECT_EQ(failWith("tokenizer.ggml.bos_token_id", uint32_t(3)),
            "tokenizer.ggml.bos_token_id expects an id below 3, found 3");
  EXPECT_EQ(failWith("tokenizer.ggml.eos_token_id", "2"),
            "tokenizer.ggml.eos_token_id expects an integer");
  EXPECT_EQ(failWith("tokenizer.ggml.add_bos_token", uint32_t(1)),
            "tokenizer.ggml.add_bos_token expects a bool");
  EXPECT_EQ(failWith("tokenizer.ggml.pre", uint32_t(1)),
            "tokenizer.ggml.pre expects a string");

  GgufWriter types = makeByteBpe();
  types.set("tokenizer.ggml.token_type", GgufValueType::Int32,
            std::vector<int32_t>{1, 1, 7, 1});
  EXPECT_NE(failure(types).find("expects types from 1 to 6, found 7"),
            std::string::npos);
  GgufWriter scores = makeByteBpe();
  scores.set("tokenizer.ggml.scores", GgufValueType::Float32,
             std::vector<float>{1, 2});
  EXPECT_EQ(failure(scores), "vocabulary: 2 scores for 4 pieces");
  GgufWriter pre;
  pre.set("tokenizer.ggml.model", "gpt2");
  pre.set("tokenizer.ggml.pre", "nobody's");
  pre.set("tokenizer.ggml.tokens", Strings{"a"});
  pre.set("tokenizer.ggml.merges", Strings{});
  EXPECT_EQ(failure(pre).substr(0, 43),
            "unknown pre-tokenizer 'nobody's'; known are");
}
