//===- WordPieceTest.cpp - WordPiece and BERT's cleaning ------------------===//
//
// The ids of real vocabularies are compared with those of `tokenizers` in
// test/EndToEnd/test_tokenizer.py; here are the rules one by one.
//
//===----------------------------------------------------------------------===//

#include "winnow/Tokenizer/Tokenizer.h"

#include <gtest/gtest.h>

using namespace winnow;
using Ids = std::vector<int32_t>;

namespace {

enum : int32_t { pad, unk, cls, sep, un, aff, able, a, chinese, hash, bang };

TokenizerData vocabulary() {
  TokenizerData data;
  data.model = TokenizerModel::WordPiece;
  data.pieces = {"[PAD]",  "[UNK]", "[CLS]",        "[SEP]", "un", "##aff",
                 "##able", "a",     "\xe4\xb8\xad", "#",     "!"};
  data.types.assign(data.pieces.size(), PieceType::Normal);
  for (int32_t id : {pad, unk, cls, sep})
    data.types[id] = PieceType::Control;
  data.padding = pad;
  data.unknown = unk;
  data.bos = cls;
  data.eos = sep;
  data.addBos = data.addEos = data.addSpacePrefix = true;
  return data;
}

Ids encode(const std::string &text, BertRules rules = {}) {
  TokenizerData data = vocabulary();
  data.bert = rules;
  std::string error;
  auto tokenizer = Tokenizer::create(data, error);
  EXPECT_TRUE(tokenizer) << error;
  return tokenizer->encode(text, {true, false, false});
}

TEST(WordPiece, LongestPieceFirst) {
  EXPECT_EQ(encode("unaffable"), (Ids{un, aff, able}));
  EXPECT_EQ(encode("un affable"), (Ids{un, unk}));
  // A word has no ids of its own if any part of it is unknown.
  EXPECT_EQ(encode("unaffablex a"), (Ids{unk, a}));
  EXPECT_EQ(encode("a##able"), (Ids{a, hash, hash, unk}));
  EXPECT_EQ(encode(""), Ids());
}

TEST(WordPiece, TemplateAndSpecialTokens) {
  std::string error;
  auto tokenizer = Tokenizer::create(vocabulary(), error);
  ASSERT_TRUE(tokenizer) << error;
  EncodeOptions options;
  options.addEos = true;
  EXPECT_EQ(tokenizer->encode("a[SEP]A", options), (Ids{cls, a, sep, a, sep}));
  // Lower case is looked for in the text, not after cleaning.
  options.parseSpecial = false;
  EXPECT_EQ(tokenizer->encode("a[sep]", options),
            (Ids{cls, a, unk, unk, unk, sep}));
}

TEST(WordPiece, LongWordsAreUnknown) {
  std::string word = "un";
  for (int i = 0; i < 24; ++i)
    word += "able";
  EXPECT_EQ(encode(word).size(), 25u); // 98 characters
  EXPECT_EQ(encode(word + "aff"), Ids{unk});
}

TEST(WordPiece, Cleaning) {
  EXPECT_EQ(encode("a\t\xc2\xa0"
                   "a\xe2\x80\x8b\x01"
                   "A"),
            (Ids{a, unk}));
  EXPECT_EQ(encode("\xc3\x84\xcc\x81"), Ids{a});  // two marks
  EXPECT_EQ(encode("a\xe4\xb8\xad\xe4\xb8\xad!"), // a, twice zhong, !
            (Ids{a, chinese, chinese, bang}));
  EXPECT_EQ(encode("a\xff\xc3 a"), (Ids{a, a})); // invalid bytes go
  EXPECT_EQ(encode("A", {true, true, true, false}), Ids{unk}); // case stays
  EXPECT_EQ(encode("\xc3\xa4", {true, true, false, true}), Ids{unk});
  EXPECT_EQ(encode("a\xe4\xb8\xad", {true, false, true, true}), Ids{unk});
  EXPECT_EQ(encode("a\x01", {false, true, true, true}), Ids{unk});
}

TEST(WordPiece, Decode) {
  std::string error;
  auto tokenizer = Tokenizer::create(vocabulary(), error);
  ASSERT_TRUE(tokenizer) << error;
  EXPECT_EQ(tokenizer->decode({cls, un, aff, able, a, bang, sep}),
            "unaffable a !");
  EXPECT_EQ(tokenizer->decodeToken(able), "able");
  EXPECT_EQ(tokenizer->decodeToken(a), " a");
}

TEST(WordPiece, FileKeepsTheRules) {
  for (int bits = 0; bits < 16; ++bits) {
    TokenizerData data = vocabulary();
    data.bert = {bool(bits & 1), bool(bits & 2), bool(bits & 4),
                 bool(bits & 8)};
    std::string error;
    auto read = parseTokenizerData(serialize(data), error);
    ASSERT_TRUE(read) << error;
    EXPECT_EQ(read->model, TokenizerModel::WordPiece);
    EXPECT_EQ(read->bert.cleanText, data.bert.cleanText);
    EXPECT_EQ(read->bert.separateChinese, data.bert.separateChinese);
    EXPECT_EQ(read->bert.stripAccents, data.bert.stripAccents);
    EXPECT_EQ(read->bert.lowercase, data.bert.lowercase);
  }
}

TEST(WordPiece, NeedsAnUnknownToken) {
  TokenizerData data = vocabulary();
  data.unknown = -1;
  EXPECT_EQ(checkTokenizerData(data),
            "the WordPiece vocabulary has no unknown token");
  std::string bytes = serialize(vocabulary()), error;
  bytes.replace(28, 4, "\xff\xff\xff\xff");
  EXPECT_FALSE(parseTokenizerData(bytes, error));
  EXPECT_EQ(error,
            "the WordPiece vocabulary has no unknown token at offset 28");
}

} // namespace
