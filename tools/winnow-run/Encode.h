//===- Encode.h - Texts or an image in, arrays out --------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_ENCODE_H
#define WINNOW_TOOLS_WINNOW_RUN_ENCODE_H

#include "Artifact.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include <vector>

namespace winnow {
namespace run {

/// Texts as an encoder takes them; `names` are what is printed of them.
struct Texts {
  std::vector<int32_t> ids;
  std::vector<int64_t> lengths;
  std::vector<std::string> names;

  /// Appends the tokens of a text, with what the vocabulary puts around it.
  void add(const Tokenizer &tokenizer, const std::string &text);
  winnow_texts view() const {
    return {ids.data(), lengths.data(), static_cast<int64_t>(lengths.size())};
  }
};

/// The lines of a file, without empty ones.
bool readLines(const std::string &path, std::vector<std::string> &lines,
               std::string &error);

/// Encodes the prompts, or the ids, of `options` and writes --hidden and
/// --embedding. Without either it prints, for two texts or more, how similar
/// their embeddings are. False and one line in `error` on failure.
bool encode(const Artifact &artifact, const Options &options,
            std::string &error);

/// Runs a model of images on --image and writes --logits or --hidden.
bool runImage(const Artifact &artifact, const Options &options,
              std::string &error);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_ENCODE_H
