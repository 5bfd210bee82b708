//===- StreamDecoder.cpp - Text from ids, one at a time -------------------===//

#include "Utf8.h"
#include "winnow/Tokenizer/Tokenizer.h"

using namespace winnow;

static constexpr std::string_view replacement = "\xef\xbf\xbd";

StreamDecoder::StreamDecoder(const Tokenizer &tokenizer,
                             const DecodeOptions &options)
    : tokenizer(tokenizer), options(options) {}

std::string StreamDecoder::add(int32_t id) {
  std::string bytes = tokenizer.decodeToken(id, options.renderSpecial);
  if (atStart && !bytes.empty() && !tokenizer.isControl(id)) {
    if (options.stripSpacePrefix && tokenizer.addsSpacePrefix() &&
        bytes[0] == ' ')
      bytes.erase(0, 1);
    atStart = false;
  }
  pending += bytes;

  std::string text;
  for (size_t offset = 0; offset < pending.size();) {
    Utf8Step step = classifyUtf8(pending, offset);
    if (step.kind == Utf8Step::Incomplete) {
      pending.erase(0, offset);
      return text;
    }
    if (step.kind == Utf8Step::Complete)
      text.append(pending, offset, step.length);
    else
      text += replacement;
    offset += step.length;
  }
  pending.clear();
  return text;
}

std::string StreamDecoder::finish() {
  std::string text = pending.empty() ? std::string() : std::string(replacement);
  pending.clear();
  atStart = true;
  return text;
}
