//===- Encode.h - Texts or an image in, arrays out --------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_ENCODE_H
#define WINNOW_TOOLS_WINNOW_RUN_ENCODE_H

#include "Artifact.h"
#include "winnow/Client/Texts.h"

#include <vector>

namespace winnow {
namespace run {

using client::Texts;

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
