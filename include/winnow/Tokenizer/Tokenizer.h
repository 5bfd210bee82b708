//===- Tokenizer.h - Text to ids and back -----------------------*- C++ -*-===//
//
// SentencePiece BPE, byte-level BPE and WordPiece over a NAME.tokenizer file.
// The ids are those of llama.cpp for the same vocabulary, of Hugging Face's
// `tokenizers` for WordPiece. A Tokenizer is immutable: any number of threads
// may use one.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_TOKENIZER_TOKENIZER_H
#define WINNOW_TOKENIZER_TOKENIZER_H

#include "winnow/Tokenizer/TokenizerData.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

struct EncodeOptions {
  /// Texts of control tokens such as "<bos>" become their ids. Off, they are
  /// ordinary text. User-defined tokens are always found.
  bool parseSpecial = true;
  /// BOS goes first if the vocabulary asks for it.
  bool addBos = true;
  /// EOS goes last if the vocabulary asks for it.
  bool addEos = false;
};

struct DecodeOptions {
  /// Control tokens are written as their texts instead of left out.
  bool renderSpecial = false;
  /// The space that `addSpacePrefix` put in front of the text is taken away.
  /// Off when the ids continue some text.
  bool stripSpacePrefix = true;
};

class Tokenizer {
public:
  /// Maps the file \p path, which must not change while the result lives.
  /// Null and a message that names the file on failure.
  static std::unique_ptr<Tokenizer> open(const std::string &path,
                                         std::string &error);
  /// Reads \p bytes, the content of a NAME.tokenizer file.
  static std::unique_ptr<Tokenizer> fromBytes(std::string bytes,
                                              std::string &error);
  /// From a vocabulary in memory.
  static std::unique_ptr<Tokenizer> create(const TokenizerData &data,
                                           std::string &error);
  ~Tokenizer();
  Tokenizer(const Tokenizer &) = delete;
  Tokenizer &operator=(const Tokenizer &) = delete;

  /// The ids of \p text, which may hold any bytes: SentencePiece encodes
  /// invalid UTF-8 byte by byte, the others as U+FFFD. O(n log n). A text
  /// of more than 682 MiB gives no ids.
  std::vector<int32_t> encode(std::string_view text,
                              const EncodeOptions &options = {}) const;

  /// The text of \p ids. Ids out of range give no text. The bytes are those of
  /// the pieces and need not be valid UTF-8.
  std::string decode(const std::vector<int32_t> &ids,
                     const DecodeOptions &options = {}) const;

  /// The bytes that one id stands for (a space for U+2581, one byte for
  /// "<0x0A>"); empty for control tokens unless \p renderSpecial.
  std::string decodeToken(int32_t id, bool renderSpecial = false) const;

  /// True for the ids that end generation (EOS, end of turn).
  bool isEndOfGeneration(int32_t id) const;
  /// True for control and unknown tokens.
  bool isControl(int32_t id) const;

  /// The number of ids.
  int32_t vocabularySize() const;
  /// The text of \p id as the checkpoint writes it; empty if out of range.
  std::string_view piece(int32_t id) const;
  /// The id of the piece \p text, or -1.
  int32_t findPiece(std::string_view text) const;

  TokenizerModel model() const;
  /// Ids with a role, or -1.
  int32_t bos() const;
  int32_t eos() const;
  int32_t unknown() const;
  int32_t padding() const;
  bool addsBos() const;
  bool addsEos() const;
  bool addsSpacePrefix() const;
  std::string_view chatTemplate() const;

  struct Implementation;

private:
  explicit Tokenizer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> impl;
};

/// Decodes one id at a time and gives out complete UTF-8 only: the bytes of a
/// character that is spread over several tokens wait for its last one. Bytes
/// that cannot become a character are replaced by U+FFFD.
class StreamDecoder {
public:
  /// \p tokenizer must outlive the decoder. `stripSpacePrefix` applies to the
  /// first token that has text.
  explicit StreamDecoder(const Tokenizer &tokenizer,
                         const DecodeOptions &options = {false, false});

  /// The text that is complete after \p id; may be empty.
  std::string add(int32_t id);

  /// The rest: U+FFFD if a character was left incomplete. The decoder starts
  /// afresh.
  std::string finish();

private:
  const Tokenizer &tokenizer;
  DecodeOptions options;
  bool atStart = true;
  std::string pending;
};

} // namespace winnow

#endif // WINNOW_TOKENIZER_TOKENIZER_H
