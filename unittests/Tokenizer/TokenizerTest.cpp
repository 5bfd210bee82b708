//===- TokenizerTest.cpp - Encoding and decoding --------------------------===//
//
// The ids of real vocabularies are compared with llama.cpp's in
// test/EndToEnd/test_tokenizer.py. Here are the edges, and the algorithms
// against slow ones that follow their definitions.
//
//===----------------------------------------------------------------------===//

#include "winnow/Tokenizer/Tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace winnow;
using Ids = std::vector<int32_t>;

namespace {

struct Piece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::Normal;
};

std::unique_ptr<Tokenizer> make(TokenizerData data,
                                const std::vector<Piece> &pieces) {
  for (const Piece &piece : pieces) {
    data.pieces.push_back(piece.text);
    data.scores.push_back(piece.score);
    data.types.push_back(piece.type);
  }
  std::string error;
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::create(data, error);
  EXPECT_TRUE(tokenizer) << error;
  return tokenizer;
}

/// Control tokens 0 to 2, then all bytes from id 3 on, then \p more.
std::unique_ptr<Tokenizer> sentencePiece(std::vector<Piece> more,
                                         bool prefix = false) {
  TokenizerData data;
  data.unknown = 0;
  data.bos = 1;
  data.eos = 2;
  data.addBos = data.addEos = true;
  data.addSpacePrefix = prefix;
  data.endOfGeneration = {2};
  std::vector<Piece> pieces = {{"<unk>", 0, PieceType::Unknown},
                               {"<s>", 0, PieceType::Control},
                               {"</s>", 0, PieceType::Control}};
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof(text), "<0x%02X>", byte);
    pieces.push_back({text, 0, PieceType::Byte});
  }
  pieces.insert(pieces.end(), more.begin(), more.end());
  return make(data, pieces);
}
constexpr int32_t firstByte = 3, firstMore = firstByte + 256;

const EncodeOptions bare = {true, false, false};

TEST(SentencePiece, HighestScoreThenLeftmost) {
  auto tokenizer = sentencePiece({{"a", -10},
                                  {"b", -10},
                                  {"ab", -1},
                                  {"ba", -1},
                                  {"aa", -2},
                                  {"aba", -3}});
  constexpr int32_t a = firstMore, b = a + 1, ab = a + 2, aa = a + 4,
                    aba = a + 5;
  EXPECT_EQ(tokenizer->encode("ab", bare), (Ids{ab}));
  // "ab" and "ba" tie: the left one goes first, then "aba" fits.
  EXPECT_EQ(tokenizer->encode("aba", bare), (Ids{aba}));
  EXPECT_EQ(tokenizer->encode("aaa", bare), (Ids{aa, a}));
  EXPECT_EQ(tokenizer->encode("bb", bare), (Ids{b, b}));
}

TEST(SentencePiece, BytesAndUnknown) {
  auto tokenizer = sentencePiece({{"a"}, {"\xc3\xa9"}});
  EXPECT_EQ(tokenizer->encode("\xc3\xa9", bare), (Ids{firstMore + 1}));
  // A euro sign, a lone continuation, a start at the end, and NUL.
  EXPECT_EQ(tokenizer->encode("\xe2\x82\xac", bare),
            (Ids{firstByte + 0xe2, firstByte + 0x82, firstByte + 0xac}));
  EXPECT_EQ(
      tokenizer->encode("\x80"
                        "a\xe2\x82",
                        bare),
      (Ids{firstByte + 0x80, firstMore, firstByte + 0xe2, firstByte + 0x82}));
  EXPECT_EQ(tokenizer->encode(std::string_view("a\0a", 3), bare),
            (Ids{firstMore, firstByte, firstMore}));
  EXPECT_EQ(tokenizer->decode({firstMore, firstByte, firstMore}),
            std::string("a\0a", 3));

  // Without byte pieces there is the unknown id for each byte, or nothing.
  TokenizerData data;
  data.unknown = 0;
  auto few = make(data, {{"<unk>", 0, PieceType::Unknown}, {"a"}});
  EXPECT_EQ(few->encode("a\xc3\xa9"), (Ids{1, 0, 0}));
  data.unknown = -1;
  auto none = make(data, {{"<unk>", 0, PieceType::Unknown}, {"a"}});
  EXPECT_EQ(none->encode("a\xc3\xa9"), (Ids{1}));
}

TEST(SentencePiece, BosEosAndPrefix) {
  const std::string marker = "\xe2\x96\x81";
  auto tokenizer = sentencePiece({{marker}, {"a"}, {marker + "a"}}, true);
  constexpr int32_t a = firstMore + 1, space = firstMore,
                    spaceA = firstMore + 2;
  EXPECT_EQ(tokenizer->encode(""), (Ids{1}));
  EXPECT_EQ(tokenizer->encode("", bare), Ids());
  EXPECT_EQ(tokenizer->encode("a", {true, true, true}), (Ids{1, spaceA, 2}));
  EXPECT_EQ(tokenizer->encode("a<s>a</s>", bare), (Ids{spaceA, 1, spaceA, 2}));
  EXPECT_EQ(tokenizer->encode(" a", bare), (Ids{space, spaceA}));
  EXPECT_EQ(tokenizer->encode("<s></s>", bare), (Ids{1, 2}));
  EXPECT_EQ(tokenizer->decode({1, spaceA, 1, spaceA, a, 2}), "aaa");
  EXPECT_EQ(tokenizer->decode({spaceA, spaceA}, {false, false}), " a a");
  EXPECT_EQ(tokenizer->decode({1, spaceA}, {true, true}), "<s>a");
  EXPECT_TRUE(tokenizer->isEndOfGeneration(2));
  EXPECT_FALSE(tokenizer->isEndOfGeneration(1));
  EXPECT_FALSE(tokenizer->isEndOfGeneration(-1));
}

TEST(SentencePiece, SpecialTextsAsText) {
  auto tokenizer =
      sentencePiece({{"<"}, {"s"}, {">"}, {"<h>", 0, PieceType::UserDefined}});
  EncodeOptions plain = {false, false, false};
  EXPECT_EQ(tokenizer->encode("<s>", plain),
            (Ids{firstMore, firstMore + 1, firstMore + 2}));
  EXPECT_EQ(tokenizer->encode("<s>", bare), (Ids{1}));
  EXPECT_EQ(tokenizer->encode("<h>", plain), (Ids{firstMore + 3}));
  EXPECT_EQ(tokenizer->decode({firstMore + 3, 1}), "<h>");
}

/// What the definition says: one token after the other, from long to short.
struct Fragment {
  std::string text;
  int32_t id = -1;
};
Ids partitionSlowly(const std::vector<std::string> &tokens, std::string text) {
  std::vector<size_t> order(tokens.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return tokens[a].size() > tokens[b].size();
  });
  std::vector<Fragment> fragments = {{std::move(text)}};
  for (size_t token : order) {
    std::vector<Fragment> next;
    for (const Fragment &fragment : fragments) {
      std::string rest = fragment.text;
      size_t at;
      while (fragment.id < 0 &&
             (at = rest.find(tokens[token])) != std::string::npos) {
        next.push_back({rest.substr(0, at)});
        next.push_back({"", firstMore + static_cast<int32_t>(token)});
        rest.erase(0, at + tokens[token].size());
      }
      next.push_back({rest, fragment.id});
    }
    fragments = std::move(next);
  }
  Ids ids;
  for (const Fragment &fragment : fragments) {
    if (fragment.id >= 0)
      ids.push_back(fragment.id);
    for (char byte : fragment.text)
      ids.push_back(firstByte + static_cast<uint8_t>(byte));
  }
  return ids;
}

TEST(SpecialTokens, LongestFirstAnywhere) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> tokens;
    std::vector<Piece> pieces;
    while (tokens.size() < 6) {
      std::string text;
      // Different lengths, so that the order has no ties.
      for (size_t i = 0; i <= tokens.size(); ++i)
        text.push_back("xyz"[random() % (round % 2 ? 2 : 3)]);
      tokens.push_back(text);
      pieces.push_back({text, 0, PieceType::UserDefined});
    }
    auto tokenizer = sentencePiece(pieces);
    for (int i = 0; i < 20; ++i) {
      std::string text;
      while (text.size() < 40)
        text.push_back("xyzw"[random() % 4]);
      // The merger finds nothing more: what is left of the text has no token.
      EXPECT_EQ(tokenizer->encode(text, bare), partitionSlowly(tokens, text))
          << text;
    }
  }
}

TEST(Merging, AgreesWithTheDefinition) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<Piece> pieces = {{"x", -100}, {"y", -100}};
    for (int i = 0; i < 12; ++i) {
      std::string text;
      size_t size = 2 + random() % 4;
      while (text.size() < size)
        text.push_back("xy"[random() % 2]);
      bool known = false;
      for (const Piece &piece : pieces)
        known |= piece.text == text;
      if (!known)
        pieces.push_back({text, -float(random() % 4)});
    }
    auto tokenizer = sentencePiece(pieces);
    std::vector<std::string> row;
    std::string text;
    while (row.size() < 30) {
      row.push_back(std::string(1, "xy"[random() % 2]));
      text += row.back();
    }
    while (true) {
      float best = -1000;
      size_t at = row.size();
      for (size_t i = 0; i + 1 < row.size(); ++i) {
        int32_t id = tokenizer->findPiece(row[i] + row[i + 1]);
        if (id >= 0 && pieces[id - firstMore].score > best) {
          best = pieces[id - firstMore].score;
          at = i;
        }
      }
      if (at == row.size())
        break;
      row[at] += row[at + 1];
      row.erase(row.begin() + at + 1);
    }
    Ids expected;
    for (const std::string &piece : row)
      expected.push_back(tokenizer->findPiece(piece));
    EXPECT_EQ(tokenizer->encode(text, bare), expected) << text;
  }
}

/// All 256 bytes as pieces of byte-level BPE in order of their characters, then
/// \p more.
std::unique_ptr<Tokenizer> byteBpe(std::string_view pre,
                                   const std::vector<Piece> &more,
                                   std::vector<std::string> merges) {
  TokenizerData data;
  data.model = TokenizerModel::ByteBpe;
  data.merges = std::move(merges);
  std::string error;
  EXPECT_TRUE(applyPreTokenizer(data, pre, error)) << error;
  data.addBos = false;
  std::vector<Piece> pieces;
  for (unsigned codePoint = 0; codePoint < 324; ++codePoint) {
    bool printable = (codePoint >= 0x21 && codePoint <= 0x7e) ||
                     (codePoint >= 0xa1 && codePoint != 0xad);
    if (!printable)
      continue;
    std::string text;
    if (codePoint < 0x80) {
      text.push_back(static_cast<char>(codePoint));
    } else {
      text.push_back(static_cast<char>(0xc0 | codePoint >> 6));
      text.push_back(static_cast<char>(0x80 | (codePoint & 0x3f)));
    }
    pieces.push_back({text});
  }
  EXPECT_EQ(pieces.size(), 256u);
  pieces.insert(pieces.end(), more.begin(), more.end());
  return make(data, pieces);
}

const std::string space = "\xc4\xa0"; // U+0120, the character of a space

TEST(ByteBpe, MergesByRankInsideWords) {
  auto tokenizer = byteBpe("gpt-2", {{"ab"}, {"bc"}, {space + "a"}},
                           {"b c", "a b", space + " a"});
  int32_t a = tokenizer->findPiece("a"), b = tokenizer->findPiece("b");
  EXPECT_EQ(tokenizer->encode("abc"), (Ids{a, 257}));
  EXPECT_EQ(tokenizer->encode("ab"), (Ids{256}));
  EXPECT_EQ(tokenizer->encode("b a"), (Ids{b, 258}));
  EXPECT_EQ(tokenizer->decode({a, 257, 258}), "abc a");
  EXPECT_EQ(tokenizer->encode(""), Ids());
}

TEST(ByteBpe, EveryByteComesBack) {
  auto tokenizer = byteBpe("qwen2", {}, {});
  for (int32_t id = 0; id < 256; ++id)
    EXPECT_EQ(tokenizer->decodeToken(id).size(), 1u);
  std::string text;
  for (unsigned codePoint = 0; codePoint < 0x80; ++codePoint)
    text.push_back(static_cast<char>(codePoint));
  text += "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80";
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
}

TEST(ByteBpe, InvalidUtf8) {
  auto tokenizer = byteBpe("llama-bpe", {}, {});
  auto through = [&](std::string_view text) {
    return tokenizer->decode(tokenizer->encode(text));
  };
  const std::string replaced = "\xef\xbf\xbd";
  EXPECT_EQ(through("a\xff"), "a" + replaced);
  EXPECT_EQ(through("\xe2\x82"), replaced + replaced);
  EXPECT_EQ(through("\xe2(\xa1"), replaced + "(" + replaced);
  // Overlong forms become short, surrogates stay, what is too large goes.
  EXPECT_EQ(through("\xc1\xa1"), "a");
  EXPECT_EQ(through("\xed\xa0\x80"), "\xed\xa0\x80");
  EXPECT_EQ(through("\xf4\x90\x80\x80"), replaced);
}

TEST(ByteBpe, IgnoreMerges) {
  std::vector<Piece> more = {{"ab"}, {"abc"}};
  std::vector<std::string> merges = {"a b"};
  int32_t c = 'c' - '!';
  EXPECT_EQ(byteBpe("qwen2", more, merges)->encode("abc"), (Ids{256, c}));
  EXPECT_EQ(byteBpe("llama-bpe", more, merges)->encode("abc"), (Ids{257}));
}

TEST(ByteBpe, MergesThroughWhatIsNoPiece) {
  // "ab" is no piece but leads to "abc"; left over it falls into raw bytes.
  auto tokenizer = byteBpe("gpt-2", {{"abc"}}, {"a b", "ab c"});
  int32_t a = 'a' - '!', b = 'b' - '!';
  EXPECT_EQ(tokenizer->encode("abc"), (Ids{256}));
  EXPECT_EQ(tokenizer->encode("ab"), (Ids{a, b}));
}

TEST(ByteBpe, LettersAndNumbersOfLaterUnicode) {
  // "a" and a Han character of Unicode 15 are one word for Unicode 15 alone.
  const std::string f0 = "\xc3\xb0"; // U+00F0, the character of byte F0
  auto tokenizer =
      byteBpe("gpt-2", {{"a" + f0}, {"1" + f0}}, {"a " + f0, "1 " + f0});
  EXPECT_EQ(tokenizer->encode("a\xf0\xb1\x8d\x90")[0], 256); // U+31350
  EXPECT_NE(tokenizer->encode("1\xf0\xb1\x8d\x90")[0], 257);
  EXPECT_EQ(tokenizer->encode("1\xf0\x91\xbd\x90")[0], 257); // U+11F50
  EXPECT_NE(tokenizer->encode("a\xf0\x91\xbd\x90")[0], 256);
}

TEST(PreTokenizer, Names) {
  TokenizerData data;
  data.model = TokenizerModel::ByteBpe;
  std::string error;
  EXPECT_TRUE(applyPreTokenizer(data, "llama-bpe", error));
  EXPECT_TRUE(data.ignoreMerges);
  EXPECT_TRUE(data.addBos);
  EXPECT_TRUE(applyPreTokenizer(data, "qwen2", error));
  EXPECT_FALSE(data.ignoreMerges);
  EXPECT_FALSE(data.addBos);
  EXPECT_EQ(data.preTokenizerExpressions.size(), 1u);
  EXPECT_TRUE(applyPreTokenizer(data, "", error));
  EXPECT_EQ(data.preTokenizerExpressions.size(), 4u);
  EXPECT_FALSE(applyPreTokenizer(data, "qwen9", error));
  EXPECT_EQ(error.find("unknown pre-tokenizer 'qwen9'; known are default"), 0u)
      << error;
  data.model = TokenizerModel::SentencePiece;
  EXPECT_TRUE(applyPreTokenizer(data, "anything", error));
  EXPECT_TRUE(data.addSpacePrefix);
}

TEST(CompleteTokenizerData, FindsRoles) {
  TokenizerData data;
  data.pieces = {"", "<end_of_turn>", "</s>", "x", "<|fim_prefix|>", "eos"};
  data.types = {PieceType::Normal,      PieceType::Normal,
                PieceType::UserDefined, PieceType::Normal,
                PieceType::UserDefined, PieceType::Control};
  data.eos = 5;
  data.endOfGeneration = {3};
  completeTokenizerData(data);
  EXPECT_EQ(data.pieces[0], "[EMPTY_0]");
  EXPECT_EQ(data.types[1], PieceType::Control);
  EXPECT_EQ(data.types[2], PieceType::UserDefined);
  EXPECT_EQ(data.types[4], PieceType::Control);
  EXPECT_EQ(data.endOfGeneration, (Ids{1, 3, 5}));
  data.types[2] = PieceType::Control;
  completeTokenizerData(data);
  EXPECT_EQ(data.endOfGeneration, (Ids{1, 2, 3, 5}));
}

TEST(StreamDecoder, WaitsForCompleteCharacters) {
  auto tokenizer = sentencePiece({{"a"},
                                  {"\xe2\x96\x81"
                                   "b"}});
  StreamDecoder decoder(*tokenizer);
  auto byte = [](unsigned value) { return firstByte + int32_t(value); };
  EXPECT_EQ(decoder.add(byte(0xf0)), "");
  EXPECT_EQ(decoder.add(byte(0x9f)), "");
  EXPECT_EQ(decoder.add(1), "");
  EXPECT_EQ(decoder.add(byte(0x98)), "");
  EXPECT_EQ(decoder.add(byte(0x80)), "\xf0\x9f\x98\x80");
  EXPECT_EQ(decoder.add(firstMore + 1), " b");
  // What cannot go on is replaced as soon as that shows.
  EXPECT_EQ(decoder.add(byte(0xe2)), "");
  EXPECT_EQ(decoder.add(byte(0x82)), "");
  EXPECT_EQ(decoder.add(firstMore), "\xef\xbf\xbd"
                                    "a");
  EXPECT_EQ(decoder.add(byte(0xff)), "\xef\xbf\xbd");
  EXPECT_EQ(decoder.add(byte(0xc3)), "");
  EXPECT_EQ(decoder.finish(), "\xef\xbf\xbd");
  EXPECT_EQ(decoder.finish(), "");
  EXPECT_EQ(decoder.add(-1), "");
  EXPECT_EQ(decoder.add(1 << 30), "");
}

TEST(StreamDecoder, SpacePrefix) {
  auto tokenizer = sentencePiece({{"\xe2\x96\x81"
                                   "a"}},
                                 true);
  StreamDecoder continuing(*tokenizer);
  EXPECT_EQ(continuing.add(firstMore), " a");
  StreamDecoder starting(*tokenizer, {true, true});
  EXPECT_EQ(starting.add(1), "<s>");
  EXPECT_EQ(starting.add(firstMore), "a");
  EXPECT_EQ(starting.add(firstMore), " a");
}

TEST(StreamDecoder, SameAsDecodingAtOnce) {
  auto tokenizer = byteBpe("gpt-2", {}, {});
  std::string text = "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x8e\x89\n";
  StreamDecoder decoder(*tokenizer);
  std::string streamed;
  for (int32_t id : tokenizer->encode(text))
    streamed += decoder.add(id);
  EXPECT_EQ(streamed + decoder.finish(), text);
}

} // namespace
