//===- EndOfGeneration.cpp - Roles that the texts of pieces tell ----------===//
//
// Checkpoints name EOS and at times the token that ends a turn; chat models
// stop at others as well, which only their texts tell.
//
//===----------------------------------------------------------------------===//

#include "winnow/Tokenizer/TokenizerData.h"

#include <algorithm>
#include <unordered_map>

using namespace winnow;

void winnow::completeTokenizerData(TokenizerData &data) {
  for (size_t id = 0; id < data.pieces.size(); ++id)
    if (data.pieces[id].empty())
      data.pieces[id] = "[EMPTY_" + std::to_string(id) + "]";
  if (data.types.empty())
    data.types.assign(data.pieces.size(), PieceType::Normal);

  // Of several candidates for the one end of a turn, all end generation.
  static constexpr std::string_view endTexts[] = {
      "<|eot_id|>", "<|im_end|>",    "<|end|>",         "<|return|>",
      "<|call|>",   "<end_of_turn>", "<|endoftext|>",   "<|eom_id|>",
      "<EOT>",      "_<EOT>",        "<|end_of_text|>", "<end_of_utterance>"};
  std::unordered_map<std::string_view, int32_t> ids;
  for (size_t id = 0; id < data.pieces.size(); ++id)
    ids.emplace(data.pieces[id], static_cast<int32_t>(id));
  std::vector<int32_t> ends = std::move(data.endOfGeneration);
  for (std::string_view text : endTexts) {
    auto found = ids.find(text);
    if (found == ids.end())
      continue;
    ends.push_back(found->second);
    if (size_t(found->second) < data.types.size())
      data.types[found->second] = PieceType::Control;
  }
  if (data.eos >= 0)
    ends.push_back(data.eos);
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  data.endOfGeneration = std::move(ends);
}
