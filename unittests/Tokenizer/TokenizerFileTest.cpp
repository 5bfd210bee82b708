//===- TokenizerFileTest.cpp - NAME.tokenizer, well-formed and not --------===//

#include "winnow/Tokenizer/Tokenizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>

using namespace winnow;

namespace {

TokenizerData smallData() {
  TokenizerData data;
  data.model = TokenizerModel::ByteBpe;
  data.pieces = {"a", "b", "ab", "<end>", std::string("n\0l", 3)};
  data.scores = {0, -1, 0.5f, -INFINITY, 3};
  data.types = {PieceType::Normal, PieceType::Normal, PieceType::Normal,
                PieceType::Control, PieceType::UserDefined};
  data.merges = {"a b", "ab c", "nospace", "c c"};
  data.preTokenizer = "gpt-2";
  data.preTokenizerExpressions = {"\\p{L}+", "\\d"};
  data.cutRules = {{CutBehavior::MergedWithNext, true},
                   {CutBehavior::Removed, false}};
  data.tokenRules = {0, 0, 0, TakesSpaceBefore | SingleWord,
                     TakesSpaceBehind | InNormalizedText};
  data.ignoreMerges = true;
  data.bos = 3;
  data.eos = 3;
  data.padding = 0;
  data.endOfGeneration = {3, 1};
  data.addBos = true;
  data.addSpacePrefix = true;
  data.chatTemplate = "{{ messages }}";
  return data;
}

std::string patched(std::string bytes, size_t offset, uint32_t value) {
  for (int i = 0; i < 4; ++i)
    bytes[offset + i] = static_cast<char>(value >> 8 * i);
  return bytes;
}

std::string errorOf(const std::string &bytes) {
  std::string error;
  EXPECT_FALSE(parseTokenizerData(bytes, error).has_value());
  std::string sameError;
  EXPECT_EQ(Tokenizer::fromBytes(bytes, sameError), nullptr);
  EXPECT_EQ(error, sameError);
  return error;
}

TEST(TokenizerFile, KeepsEverything) {
  TokenizerData data = smallData();
  ASSERT_EQ(checkTokenizerData(data), std::nullopt);
  std::string error;
  std::optional<TokenizerData> read =
      parseTokenizerData(serialize(data), error);
  ASSERT_TRUE(read) << error;
  EXPECT_EQ(read->model, data.model);
  EXPECT_EQ(read->pieces, data.pieces);
  EXPECT_EQ(read->scores, data.scores);
  EXPECT_EQ(read->types, data.types);
  // A merge that is none keeps its place.
  EXPECT_EQ(read->merges, (std::vector<std::string>{"a b", "ab c", "", "c c"}));
  EXPECT_EQ(read->preTokenizer, data.preTokenizer);
  EXPECT_EQ(read->preTokenizerExpressions, data.preTokenizerExpressions);
  ASSERT_EQ(read->cutRules.size(), 2u);
  EXPECT_EQ(read->cutRules[0].behavior, CutBehavior::MergedWithNext);
  EXPECT_TRUE(read->cutRules[0].inverted);
  EXPECT_EQ(read->cutRules[1].behavior, CutBehavior::Removed);
  EXPECT_FALSE(read->cutRules[1].inverted);
  EXPECT_EQ(read->tokenRules, data.tokenRules);
  EXPECT_EQ(read->ignoreMerges, data.ignoreMerges);
  EXPECT_EQ(read->bos, 3);
  EXPECT_EQ(read->eos, 3);
  EXPECT_EQ(read->unknown, -1);
  EXPECT_EQ(read->padding, 0);
  EXPECT_EQ(read->endOfGeneration, data.endOfGeneration);
  EXPECT_TRUE(read->addBos);
  EXPECT_FALSE(read->addEos);
  EXPECT_TRUE(read->addSpacePrefix);
  EXPECT_EQ(read->chatTemplate, data.chatTemplate);
  EXPECT_EQ(serialize(*read), serialize(data));
}

TEST(TokenizerFile, KeepsRulesOfSentencePiece) {
  for (unsigned set = 0; set < 16; ++set) {
    TokenizerData data;
    data.marksSpacesFirst = set & 1;
    data.prefixesFirst = set & 2;
    data.cutsAtSpaces = set & 4;
    data.cutsBeforePrefix = set & 8;
    std::string error;
    std::optional<TokenizerData> read =
        parseTokenizerData(serialize(data), error);
    ASSERT_TRUE(read) << error;
    EXPECT_EQ(read->marksSpacesFirst, data.marksSpacesFirst);
    EXPECT_EQ(read->prefixesFirst, data.prefixesFirst);
    EXPECT_EQ(read->cutsAtSpaces, data.cutsAtSpaces);
    EXPECT_EQ(read->cutsBeforePrefix, data.cutsBeforePrefix);
  }
}

TEST(TokenizerFile, EmptyVocabulary) {
  std::string error;
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::create({}, error);
  ASSERT_TRUE(tokenizer) << error;
  EXPECT_EQ(tokenizer->vocabularySize(), 0);
  EXPECT_TRUE(tokenizer->encode("text\xff").empty());
  EXPECT_EQ(tokenizer->decode({0, 1, -1}), "");
}

// The layout that the header describes, byte for byte.
TEST(TokenizerFile, Layout) {
  TokenizerData data;
  data.pieces = {"x", "yz"};
  data.scores = {1, -2};
  data.bos = 1;
  std::string expected = "WNWTOKEN";
  for (uint32_t word : {2u, 1u, 0u, 1u, ~0u, ~0u, ~0u, 2u, 0u, 0u, 0u, 0u, 3u,
                        // Ends of "x", "yz" and two empty texts.
                        1u, 3u, 3u, 3u,
                        // 1.0f and -2.0f.
                        0x3f800000u, 0xc0000000u})
    for (int i = 0; i < 4; ++i)
      expected.push_back(static_cast<char>(word >> 8 * i));
  expected += "\x01\x01xyz";
  EXPECT_EQ(serialize(data), expected);
}

TEST(TokenizerFile, RefusesMalformedHeaders) {
  std::string bytes = serialize(smallData());
  EXPECT_EQ(errorOf(""), "not a tokenizer file: 0 bytes, the header alone has "
                         "60 at offset 0");
  EXPECT_EQ(errorOf(patched(bytes, 0, 0)),
            "not a tokenizer file: wrong magic at offset 0");
  EXPECT_EQ(errorOf(patched(bytes, 8, 1)),
            "tokenizer file has version 1, expected 2 at offset 8");
  EXPECT_EQ(errorOf(patched(bytes, 12, 4)), "unknown model 4 at offset 12");
  EXPECT_EQ(errorOf(patched(bytes, 16, 32)), "unknown flags 32 at offset 16");
  EXPECT_EQ(errorOf(patched(bytes, 16, 4096)),
            "unknown flags 4096 at offset 16");
  EXPECT_EQ(errorOf(patched(serialize({}), 16, 65536)),
            "unknown flags 65536 at offset 16");
  EXPECT_EQ(errorOf(patched(bytes, 20, uint32_t(-1))),
            "BOS is to be added but has no id at offset 16");
  EXPECT_EQ(errorOf(patched(bytes, 28, 5)),
            "id 5 is out of range: there are 5 pieces at offset 28");
  EXPECT_EQ(errorOf(patched(bytes, 32, uint32_t(-2))),
            "id -2 is out of range: there are 5 pieces at offset 32");
  EXPECT_EQ(errorOf(patched(bytes, 36, ~0u)),
            "too many pieces: 4294967295 at offset 36");
  for (size_t offset = 36; offset < 60; offset += 4)
    for (uint32_t count : {0x7fffffffu, 0xffffffffu, 77u})
      EXPECT_NE(errorOf(patched(bytes, offset, count)), "");
  EXPECT_NE(errorOf(bytes + "x").find("the counts in the header ask for"),
            std::string::npos);
}

TEST(TokenizerFile, RefusesMalformedSections) {
  TokenizerData data = smallData();
  std::string bytes = serialize(data);
  // 5 pieces, extra symbols "c", "abc", "cc", 2 expressions, 2 texts.
  size_t ends = 60, scores = ends + 4 * 12, merges = scores + 4 * 5,
         endIds = merges + 12 * 4, types = endIds + 4 * 2;
  EXPECT_NE(errorOf(patched(bytes, ends, 200)).find("end of string 0"),
            std::string::npos);
  EXPECT_NE(errorOf(patched(bytes, ends + 4, 0)).find("end of string 1"),
            std::string::npos);
  EXPECT_NE(errorOf(patched(bytes, ends + 44, ~0u)).find("end of string 11"),
            std::string::npos);
  EXPECT_NE(errorOf(patched(bytes, scores + 8, 0x7fc00000))
                .find("score of id 2 is not a number"),
            std::string::npos);
  EXPECT_NE(errorOf(patched(bytes, merges, 8)).find("merge 0 names symbol 8"),
            std::string::npos);
  EXPECT_NE(errorOf(patched(bytes, merges, ~0u)).find("merge 0 is incomplete"),
            std::string::npos);
  EXPECT_NE(errorOf(patched(bytes, merges + 8, 0))
                .find("merge 0 gives a symbol of another length"),
            std::string::npos);
  EXPECT_NE(errorOf(patched(bytes, endIds, 5))
                .find("end-of-generation id 5 is out of range"),
            std::string::npos);
  for (char cut : {5, 7, 13, 16}) {
    std::string wrong = bytes;
    wrong[types + 6] = cut;
    EXPECT_EQ(errorOf(wrong), "unknown cut rule " + std::to_string(int(cut)) +
                                  " of expression 1 at offset " +
                                  std::to_string(types + 6));
  }
  for (char type : {0, 7, 120, -128}) {
    std::string wrong = bytes;
    wrong[types + 1] = type;
    EXPECT_NE(errorOf(wrong).find("unknown type"), std::string::npos);
  }
}

TEST(TokenizerFile, TruncationIsAnError) {
  std::string bytes = serialize(smallData());
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(errorOf(bytes.substr(0, size)), "");
}

// Whatever a damaged file says, it is refused or it works.
TEST(TokenizerFile, DamagedBytes) {
  for (TokenizerModel model :
       {TokenizerModel::SentencePiece, TokenizerModel::ByteBpe}) {
    TokenizerData data = smallData();
    data.model = model;
    std::string bytes = serialize(data);
    for (size_t offset = 8; offset < bytes.size(); ++offset)
      for (int change : {1, 2, 0x80, 0xff}) {
        std::string damaged = bytes;
        damaged[offset] = static_cast<char>(damaged[offset] ^ change);
        std::string error;
        std::unique_ptr<Tokenizer> tokenizer =
            Tokenizer::fromBytes(damaged, error);
        if (!tokenizer) {
          EXPECT_NE(error, "");
          continue;
        }
        for (int32_t id : tokenizer->encode("abcab <end>\xff\xe2\x96 1")) {
          EXPECT_GE(id, 0);
          EXPECT_LT(id, tokenizer->vocabularySize());
          tokenizer->decodeToken(id, true);
        }
      }
  }
}

TEST(TokenizerFile, ChecksData) {
  auto problem = [](void (*change)(TokenizerData &)) {
    TokenizerData data = smallData();
    change(data);
    std::string error;
    EXPECT_EQ(Tokenizer::create(data, error), nullptr);
    EXPECT_EQ(checkTokenizerData(data).value_or(""), error);
    return error;
  };
  EXPECT_EQ(problem([](TokenizerData &d) { d.scores.pop_back(); }),
            "4 scores for 5 pieces");
  EXPECT_EQ(problem([](TokenizerData &d) { d.types.pop_back(); }),
            "4 types for 5 pieces");
  EXPECT_EQ(problem([](TokenizerData &d) { d.scores[1] = NAN; }),
            "score of id 1 is not a number");
  EXPECT_EQ(problem([](TokenizerData &d) { d.types[1] = PieceType(9); }),
            "unknown type 9 of id 1");
  EXPECT_EQ(problem([](TokenizerData &d) { d.tokenRules.pop_back(); }),
            "rules of 4 tokens for 5 pieces");
  EXPECT_EQ(problem([](TokenizerData &d) { d.tokenRules[1] = 4; }),
            "unknown rules 4 of id 1");
  EXPECT_EQ(problem([](TokenizerData &d) { d.cutRules.pop_back(); }),
            "1 cut rules for 2 expressions");
  EXPECT_EQ(problem([](TokenizerData &d) { d.cutRules[1] = {CutBehavior(5)}; }),
            "unknown cut rule 5 of expression 1");
  EXPECT_EQ(problem([](TokenizerData &d) { d.cutsAtSpaces = true; }),
            "rules of SentencePiece for another model");
  EXPECT_EQ(problem([](TokenizerData &d) { d.eos = 5; }),
            "EOS id 5 is out of range: there are 5 pieces");
  EXPECT_EQ(problem([](TokenizerData &d) { d.endOfGeneration = {-1}; }),
            "end-of-generation id -1 is out of range: there are 5 pieces");
  EXPECT_EQ(problem([](TokenizerData &d) { d.bos = -1; }),
            "BOS is to be added but has no id");
}

TEST(TokenizerFile, BadExpression) {
  TokenizerData data = smallData();
  data.preTokenizerExpressions = {"(unclosed"};
  data.cutRules.clear();
  std::string error;
  EXPECT_EQ(Tokenizer::create(data, error), nullptr);
  EXPECT_NE(error.find("pre-tokenizer expression '(unclosed'"),
            std::string::npos)
      << error;
}

TEST(TokenizerFile, Opening) {
  std::string path = testing::TempDir() + "winnow_tokenizer_test.tokenizer";
  {
    std::ofstream stream(path, std::ios::binary);
    stream << serialize(smallData());
  }
  std::string error;
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::open(path, error);
  ASSERT_TRUE(tokenizer) << error;
  EXPECT_EQ(tokenizer->chatTemplate(), "{{ messages }}");
  {
    std::ofstream stream(path, std::ios::binary);
  }
  EXPECT_EQ(Tokenizer::open(path, error), nullptr);
  EXPECT_EQ(error, "cannot read '" + path + "': the file is empty");
  {
    std::ofstream(path) << "something else, and longer than any header has to "
                           "be, of sixty bytes";
  }
  EXPECT_EQ(Tokenizer::open(path, error), nullptr);
  EXPECT_EQ(error,
            "'" + path + "': not a tokenizer file: wrong magic at offset 0");
  std::remove(path.c_str());
  EXPECT_EQ(Tokenizer::open(path, error), nullptr);
  EXPECT_EQ(error, "cannot open '" + path + "': No such file or directory");
  EXPECT_EQ(Tokenizer::open(testing::TempDir(), error), nullptr);
  EXPECT_NE(error.find("not a regular file"), std::string::npos);
}

} // namespace
