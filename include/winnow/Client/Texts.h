//===- Texts.h - Texts as models take them ----------------------*- C++ -*-===//

#ifndef WINNOW_CLIENT_TEXTS_H
#define WINNOW_CLIENT_TEXTS_H

#include "winnow/Artifact.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include <string>
#include <string_view>
#include <vector>

namespace winnow {
namespace client {

/// The tokens of a text as a decoder reads it: in windows of at most `size`
/// tokens, each of which begins with the token that begins a text, if there is
/// one. They are read one by one, with nothing before them. Tokens of the text
/// behind the first `limit` are left out.
std::vector<std::vector<int32_t>> cutWindows(const Tokenizer &tokenizer,
                                             std::string_view text, size_t size,
                                             size_t limit = SIZE_MAX);

/// What is wrong with ids for a model that knows `vocabulary` tokens: "has
/// token 7, which is not in the model's vocabulary of 5"; or "".
std::string checkVocabulary(const std::vector<int32_t> &ids,
                            int64_t vocabulary);

/// Ids spread over a vocabulary, for timings: real weights, no repeated rows.
std::vector<int32_t> makeIds(int64_t count, int64_t vocabulary);

/// Lines without their ends, and without empty ones.
std::vector<std::string> splitLines(std::string_view text);

/// Texts as an encoder takes them; `names` are what is printed of them.
struct Texts {
  std::vector<int32_t> ids;
  std::vector<int64_t> lengths;
  std::vector<std::string> names;

  /// Appends the tokens of a text, with what the vocabulary puts around it, but
  /// no more than `limit`.
  void add(const Tokenizer &tokenizer, const std::string &text,
           size_t limit = SIZE_MAX);
  winnow_texts view() const {
    return {ids.data(), lengths.data(), static_cast<int64_t>(lengths.size())};
  }
};

/// A few of the lines, from `start` on, that are encoded together.
Texts takeBatch(const std::vector<std::string> &lines, size_t start,
                const Tokenizer &tokenizer, int64_t context);

} // namespace client
} // namespace winnow

#endif // WINNOW_CLIENT_TEXTS_H
