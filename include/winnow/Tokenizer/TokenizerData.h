//===- TokenizerData.h - A vocabulary and its file --------------*- C++ -*-===//
//
// Everything that turns text into ids, as a plain struct, and its file form
// NAME.tokenizer.
//
// The file, version 2. All numbers are little endian; there is no padding.
//
//   offset  type   meaning
//        0  u8[8]  magic "WNWTOKEN"
//        8  u32    version, 2
//       12  u32    model: 1 SentencePiece, 2 byte-level BPE, 3 WordPiece
//       16  u32    flags: 1 add BOS, 2 add EOS, 4 add space prefix,
//                  8 ignore merges, 16 clean text, 32 separate Chinese, 64
//                  strip accents, 128 lower case, 256 leftmost tokens,
//                  512 prefix first text only, 1024 prefix unless space,
//                  2048 compose, 4096 mark spaces first, 8192 prefix first,
//                  16384 cut at spaces, 32768 cut before prefix; other bits
//                  are zero
//       20  i32    BOS id, or -1
//       24  i32    EOS id, or -1
//       28  i32    unknown id, or -1
//       32  i32    padding id, or -1
//       36  u32    P, number of pieces
//       40  u32    S, number of extra symbols: strings that occur in merges and
//                  are no pieces
//       44  u32    M, number of merges
//       48  u32    X, number of pre-tokenizer expressions
//       52  u32    E, number of end-of-generation ids
//       56  u32    B, number of bytes of all strings together
//       60  u32[P + S + X + 2]  end of each string in the string bytes, in
//                  rising order; a string starts where the one before it ends.
//                  Order: pieces, extra symbols, expressions, name of the
//                  pre-tokenizer, chat template
//        .  f32[P] score of each piece
//        .  u32[3 M]  left, right and merged symbol of each merge by rank;
//                  symbol i is piece i below P, extra symbol i - P from there;
//                  three times 2^32 - 1 for a merge that never applies
//        .  i32[E] end-of-generation ids
//        .  u8[P]  type of each piece, numbered as PieceType, plus its rules,
//                  numbered as TokenRule
//        .  u8[X]  what becomes of the matches of each expression, numbered as
//                  CutBehavior, plus 8 if of what lies between them
//        .  u8[B]  string bytes
//
// The file ends exactly there. Readers check every count, id and offset.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_TOKENIZER_TOKENIZERDATA_H
#define WINNOW_TOKENIZER_TOKENIZERDATA_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

/// How pieces are put together.
enum class TokenizerModel : uint32_t {
  /// SentencePiece BPE with scores (GGUF tokenizer model "llama") or, if there
  /// are merges, with these.
  SentencePiece = 1,
  /// Byte-level BPE with ranked merges (GGUF tokenizer model "gpt2").
  ByteBpe = 2,
  /// WordPiece after BERT's cleaning of the text.
  WordPiece = 3,
};

/// How BERT cleans text before WordPiece. Its defaults are those of lower-case
/// models.
struct BertRules {
  /// Control characters go, all kinds of spaces become one.
  bool cleanText = true;
  /// Each Chinese character is a word.
  bool separateChinese = true;
  /// Characters lose their nonspacing marks.
  bool stripAccents = true;
  bool lowercase = true;
};

/// The kind of a piece; the numbers are those of GGUF
/// `tokenizer.ggml.token_type`.
enum class PieceType : uint8_t {
  Normal = 1,
  Unknown = 2,
  Control = 3,
  UserDefined = 4,
  Unused = 5,
  Byte = 6,
};

/// How a special token is found, a set of bits.
enum TokenRule : uint8_t {
  /// It takes the white space behind it.
  TakesSpaceBehind = 8,
  /// It takes the white space in front of it.
  TakesSpaceBefore = 16,
  /// It is found where no character of a word stands beside it.
  SingleWord = 32,
  /// It is found after all others, in normalized text, by its own normalized
  /// text.
  InNormalizedText = 64,
  AllTokenRules = 120,
};

/// What an expression does with its matches.
enum class CutBehavior : uint8_t {
  /// Each match is a word, and so is what lies between two of them.
  Isolated = 0,
  /// Matches are left out.
  Removed = 1,
  /// A match belongs to what lies in front of it.
  MergedWithPrevious = 2,
  /// A match belongs to what lies behind it.
  MergedWithNext = 3,
  /// Matches without anything between them are one word.
  Contiguous = 4,
};

/// What becomes of the matches of an expression.
struct CutRule {
  CutBehavior behavior = CutBehavior::Isolated;
  /// Not of the matches but of what lies between them.
  bool inverted = false;
};

/// A vocabulary with the rules that come with it.
struct TokenizerData {
  TokenizerModel model = TokenizerModel::SentencePiece;

  /// Text of each id, as the checkpoint writes it (U+2581 for a space in
  /// SentencePiece, GPT-2's byte characters in byte-level BPE, "##" in front of
  /// what continues a word in WordPiece).
  std::vector<std::string> pieces;
  /// Score of each id; empty means all zero.
  std::vector<float> scores;
  /// Type of each id; empty means all normal.
  std::vector<PieceType> types;
  /// "left right" in order of rank (byte-level BPE; SentencePiece without
  /// scores).
  std::vector<std::string> merges;

  /// Name of the pre-tokenizer as in GGUF `tokenizer.ggml.pre`.
  std::string preTokenizer;
  /// Regular expressions (PCRE2 syntax) that cut the text into words before
  /// any merge; each one cuts further what the one before it left.
  std::vector<std::string> preTokenizerExpressions;
  /// The rule of each expression; empty means all isolated.
  std::vector<CutRule> cutRules;
  /// A word that is a piece as a whole is not merged but taken (Llama 3).
  bool ignoreMerges = false;
  /// WordPiece only.
  BertRules bert;

  /// Ids with a role; -1 where the vocabulary has none.
  int32_t bos = -1;
  int32_t eos = -1;
  int32_t unknown = -1;
  int32_t padding = -1;
  /// Ids after which generation ends (end of sequence, end of turn).
  std::vector<int32_t> endOfGeneration;

  bool addBos = false;
  bool addEos = false;
  /// A space is put in front of text at the start and after special tokens.
  /// WordPiece: set, because the first word has no space in front of it.
  bool addSpacePrefix = false;
  /// Only at the start, not after special tokens.
  bool prefixFirstTextOnly = false;
  /// Not where the text has a space already.
  bool prefixUnlessSpace = false;

  /// The text between special tokens is brought into Unicode's normalization
  /// form C.
  bool compose = false;
  /// SentencePiece: spaces become U+2581 before tokens are looked for in
  /// normalized text, not after.
  bool marksSpacesFirst = false;
  /// SentencePiece: the space prefix is part of the normalized text.
  bool prefixesFirst = false;
  /// SentencePiece: a word starts at each U+2581; no merge crosses it.
  bool cutsAtSpaces = false;
  /// SentencePiece: expressions cut the text before spaces become U+2581, and
  /// each word gets the space prefix. Otherwise they cut what has the prefix.
  bool cutsBeforePrefix = false;
  /// Special tokens are found from left to right, the longest at each place.
  /// Otherwise the longest one in the whole text comes first.
  bool leftmostTokens = false;
  /// The rules (TokenRule) of each id; empty means none.
  std::vector<uint8_t> tokenRules;

  /// The chat template as the checkpoint gives it (Jinja), or empty.
  std::string chatTemplate;
};

/// Sets what goes with `data.model` and the name of a pre-tokenizer (GGUF
/// `tokenizer.ggml.pre`; "" if the file has none): its expressions,
/// `ignoreMerges`, and the defaults of `addBos` and `addSpacePrefix`. In
/// SentencePiece the name means nothing, and both defaults are on. Call it
/// before the checkpoint's own add_* keys are applied. False and a message
/// that lists the known names if the name is unknown.
bool applyPreTokenizer(TokenizerData &data, std::string_view name,
                       std::string &error);

/// Fills what a checkpoint leaves to be found in the texts of its pieces, by
/// llama.cpp's rules: empty pieces get a name; tokens such as "<end_of_turn>"
/// or "<|im_end|>" become control tokens and end generation, as do EOS and the
/// ids already in `endOfGeneration` (GGUF eot_token_id, eom_token_id). Call it
/// last.
void completeTokenizerData(TokenizerData &data);

/// The first inconsistency in \p data (an id out of range, arrays of different
/// lengths, a score that is not a number), or nothing.
std::optional<std::string> checkTokenizerData(const TokenizerData &data);

/// The bytes of NAME.tokenizer. \p data must pass `checkTokenizerData`.
/// A merge that is not two parts with a space between keeps its rank and never
/// applies.
std::string serialize(const TokenizerData &data);

/// Reads the bytes of NAME.tokenizer. On malformed input the result is empty
/// and \p error says what is wrong and at which offset.
std::optional<TokenizerData> parseTokenizerData(std::string_view bytes,
                                                std::string &error);

} // namespace winnow

#endif // WINNOW_TOKENIZER_TOKENIZERDATA_H
