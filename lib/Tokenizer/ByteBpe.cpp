//===- ByteBpe.cpp - Byte-level BPE over one text -------------------------===//

#include "ByteBpe.h"
#include "Merger.h"
#include "Utf8.h"

using namespace winnow;

namespace {
/// GPT-2's bijection of bytes and printable characters: printable bytes of
/// Latin-1 stand for themselves, the others for U+0100 and up, in order.
struct ByteCharacters {
  ByteCharacters() {
    byteOf.fill(-1);
    uint32_t next = 256;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      bool printable = (byte >= 0x21 && byte <= 0x7e) ||
                       (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
      uint32_t codePoint = printable ? byte : next++;
      appendUtf8(text[byte], codePoint);
      byteOf[codePoint] = static_cast<int>(byte);
    }
  }

  std::array<std::string, 256> text;
  /// The byte of a code point, or -1.
  std::array<int, 512> byteOf;
};
} // namespace

static const ByteCharacters &byteCharacters() {
  static const ByteCharacters characters;
  return characters;
}

std::string winnow::decodeByteLevel(std::string_view text) {
  const ByteCharacters &characters = byteCharacters();
  std::string bytes;
  for (size_t offset = 0; offset < text.size();) {
    size_t begin = offset;
    uint32_t codePoint = decodeLenient(text, offset);
    if (codePoint < characters.byteOf.size() &&
        characters.byteOf[codePoint] >= 0)
      bytes.push_back(static_cast<char>(characters.byteOf[codePoint]));
    else
      bytes += text.substr(begin, offset - begin);
  }
  return bytes;
}

bool ByteBpe::build(std::string &error) {
  const TokenizerFile &file = vocabulary.file;
  if (!preTokenizer.addAll(file, error))
    return false;

  const ByteCharacters &characters = byteCharacters();
  for (unsigned byte = 0; byte < 256; ++byte) {
    char raw = static_cast<char>(byte);
    byteSymbol[byte] = vocabulary.findSymbol(characters.text[byte]);
    rawBytePiece[byte] = vocabulary.findPiece({&raw, 1});
  }
  for (uint32_t id = 0; id < file.pieceCount(); ++id)
    longestPiece = std::max(longestPiece, vocabulary(id).size());

  merges.build(file);
  return true;
}

/// Encodes words one by one and keeps its buffers between them.
class ByteBpe::Encoder {
public:
  Encoder(const ByteBpe &bpe, std::vector<int32_t> &ids)
      : bpe(bpe), ids(ids), rule{bpe.merges}, merger(rule) {}

  void encode(std::string_view word) {
    // Each byte takes at least one byte of the piece's text.
    if (bpe.vocabulary.file.ignoreMerges && word.size() <= bpe.longestPiece) {
      int32_t id = bpe.vocabulary.findPiece(printable(word));
      if (id >= 0) {
        ids.push_back(id);
        return;
      }
    }
    merger.clear();
    for (size_t i = 0; i < word.size(); ++i)
      merger.add(static_cast<uint32_t>(i), 1,
                 bpe.byteSymbol[static_cast<uint8_t>(word[i])]);
    merger.run([&](const Merger<RankRule>::Symbol &symbol) {
      if (symbol.symbol < bpe.vocabulary.file.pieceCount()) {
        ids.push_back(static_cast<int32_t>(symbol.symbol));
        return;
      }
      // No piece: the vocabulary lacks a byte or the result of a merge.
      for (char byte : printable(word.substr(symbol.begin, symbol.size)))
        if (int32_t id = bpe.rawBytePiece[static_cast<uint8_t>(byte)]; id >= 0)
          ids.push_back(id);
    });
  }

private:
  /// The text of \p bytes as pieces write it; valid until the next call.
  const std::string &printable(std::string_view bytes) {
    const ByteCharacters &characters = byteCharacters();
    buffer.clear();
    for (char byte : bytes)
      buffer += characters.text[static_cast<uint8_t>(byte)];
    return buffer;
  }

  const ByteBpe &bpe;
  std::vector<int32_t> &ids;
  RankRule rule;
  Merger<RankRule> merger;
  std::string buffer;
};

void ByteBpe::encode(std::string_view text, std::vector<int32_t> &ids) const {
  // Invalid bytes become U+FFFD; lone surrogates stay as they are.
  std::string repaired;
  if (!isValidUtf8(text)) {
    repaired.reserve(text.size());
    for (size_t offset = 0; offset < text.size();)
      appendUtf8(repaired, decodeLenient(text, offset));
    text = repaired;
  }
  Encoder encoder(*this, ids);
  for (Stretch word : preTokenizer.split(text))
    encoder.encode(text.substr(word.begin, word.end - word.begin));
}
