//===- SpecialTokens.h - Tokens that are found before splitting -*- C++ -*-===//

#ifndef WINNOW_LIB_TOKENIZER_SPECIALTOKENS_H
#define WINNOW_LIB_TOKENIZER_SPECIALTOKENS_H

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace winnow {

/// Finds the texts of special tokens (control and user-defined ones) in a
/// text. Where texts overlap the longest wins, wherever it starts; among
/// equals the first in order; one token's own matches go from left to right.
class SpecialTokens {
public:
  struct Token {
    std::string_view text;
    int32_t id;
  };

  /// A match: bytes [begin, begin + size) are token \p id.
  struct Match {
    size_t begin;
    size_t size;
    int32_t id;
  };

  SpecialTokens() = default;
  /// \p tokens in order of precedence: from long to short. Empty texts are
  /// ignored. The texts must outlive this object.
  explicit SpecialTokens(const std::vector<Token> &tokens);

  /// The matches in \p text by another rule: the first place at which a token
  /// starts, and there the longest, then on behind it.
  std::vector<Match> findLeftmost(std::string_view text) const;

  /// The matches in \p text, from left to right. Linear in the text for a given
  /// vocabulary.
  std::vector<Match> find(std::string_view text) const;

private:
  static constexpr uint32_t none = 0xffffffffu;

  /// The longest token that starts at \p offset, or `none`.
  uint32_t longestAt(std::string_view text, size_t offset) const;

  struct Entry {
    std::string_view text;
    int32_t id;
    /// Place in the order of precedence.
    uint32_t rank;
    /// The longest other token that this one starts with, or `none`.
    uint32_t prefix;
  };
  /// In order of bytes, so that the tokens with a given start are a range.
  std::vector<Entry> entries;
  /// Where the tokens with each first byte begin.
  std::array<uint32_t, 257> firstByte = {};
  size_t longest = 0;
};

} // namespace winnow

#endif // WINNOW_LIB_TOKENIZER_SPECIALTOKENS_H
