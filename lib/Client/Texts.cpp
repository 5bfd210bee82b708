//===- Texts.cpp - Texts as models take them ------------------------------===//

#include "winnow/Client/Texts.h"

#include <algorithm>

namespace winnow {
namespace client {

/// Texts that are encoded together.
static constexpr size_t kBatch = 32;

std::vector<int32_t> makeIds(int64_t count, int64_t vocabulary) {
  std::vector<int32_t> ids;
  ids.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<int32_t>((i * 7919 + 13) % vocabulary));
  return ids;
}

std::vector<std::vector<int32_t>> cutWindows(const Tokenizer &tokenizer,
                                             std::string_view text, size_t size,
                                             size_t limit) {
  EncodeOptions plain;
  plain.addBos = false;
  std::vector<int32_t> ids = tokenizer.encode(text, plain);
  ids.resize(std::min(ids.size(), limit));
  std::vector<int32_t> front;
  if (tokenizer.addsBos())
    front.push_back(tokenizer.bos());
  size_t step = size > front.size() ? size - front.size() : 1;
  std::vector<std::vector<int32_t>> windows;
  for (size_t start = 0; start < ids.size(); start += step) {
    std::vector<int32_t> &window = windows.emplace_back(front);
    window.insert(window.end(), ids.begin() + start,
                  ids.begin() + std::min(start + step, ids.size()));
  }
  return windows;
}

std::string checkVocabulary(const std::vector<int32_t> &ids,
                            int64_t vocabulary) {
  for (int32_t id : ids)
    if (id >= vocabulary)
      return "has token " + std::to_string(id) +
             ", which is not in the model's vocabulary of " +
             std::to_string(vocabulary);
  return "";
}

std::vector<std::string> splitLines(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    std::string line(text.substr(start, end - start));
    if (!line.empty() && line.back() == '\r')
      line.pop_back();
    if (!line.empty())
      lines.push_back(std::move(line));
    start = end + 1;
  }
  return lines;
}

void Texts::add(const Tokenizer &tokenizer, const std::string &text,
                size_t limit) {
  EncodeOptions encoding;
  encoding.addEos = true;
  std::vector<int32_t> tokens = tokenizer.encode(text, encoding);
  tokens.resize(std::min(tokens.size(), limit));
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  lengths.push_back(static_cast<int64_t>(tokens.size()));
  names.push_back(text);
}

Texts takeBatch(const std::vector<std::string> &lines, size_t start,
                const Tokenizer &tokenizer, int64_t context) {
  Texts texts;
  for (size_t i = start; i < std::min(start + kBatch, lines.size()); ++i)
    texts.add(tokenizer, lines[i], static_cast<size_t>(context));
  return texts;
}

} // namespace client
} // namespace winnow
