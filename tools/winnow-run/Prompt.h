//===- Prompt.h - What is to be continued -----------------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_PROMPT_H
#define WINNOW_TOOLS_WINNOW_RUN_PROMPT_H

#include "NpyReader.h"
#include "Options.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace winnow {
namespace run {

/// Reads a whole file, or standard input where `path` is "-". False and one
/// line in `error` on failure.
bool readFile(const std::string &path, std::string &text, std::string &error);

/// Opens the vocabulary NAME.tokenizer. Where only ids are dealt with it may be
/// missing: then `tokenizer` stays null. False and one line in `error` on
/// failure.
bool openTokenizer(const Options &options,
                   std::unique_ptr<Tokenizer> &tokenizer, std::string &error);

/// Token ids, or rows of embeddings in their place.
struct Prompt {
  std::vector<int32_t> ids;
  NpyArray embeddings;

  int64_t size() const {
    return (embeddings.shape.empty() ? 0 : embeddings.shape[0]) +
           static_cast<int64_t>(ids.size());
  }
};

/// Reads the prompt, wherever `options` say it is. `continues`: it follows
/// other tokens, so there is no token in front of a text, and it may be empty.
bool readPrompt(const Options &options, const Tokenizer *tokenizer,
                bool continues, Prompt &prompt, std::string &error);

/// Reads integers that are separated by commas, white space or both. `name`
/// stands in front of an error, which gives line and column, both from 1.
bool parseIdList(const std::string &text, const std::string &name,
                 std::vector<int32_t> &ids, std::string &error);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_PROMPT_H
