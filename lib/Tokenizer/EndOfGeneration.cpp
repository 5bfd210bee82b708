//===- EndOfGeneration.cpp - Roles that the texts of pieces tell ----------===//
//
// Checkpoints name EOS and at times the token that ends a turn; chat and code
// models stop at others as well, which only their texts tell. llama.cpp goes by
// the same texts.
//
//===----------------------------------------------------------------------===//

#include "winnow/Tokenizer/TokenizerData.h"

#include <algorithm>
#include <unordered_map>

using namespace winnow;

/// Control tokens that end generation: ends of sequences and turns, calls of
/// tools, and what separates files in the prompts of code models.
static constexpr std::string_view endTexts[] = {
    "<eos>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<turn|>",
    "<|tool_response>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|return|>",
    "<|call|>",
    "<|calls|>",
    "<|flush|>",
    ("<\xef\xbd\x9c"
     "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>"),
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<|fim_repo|>",
    "<fim-repo>",
    "<|repo_name|>",
    "<reponame>",
    "<|file_sep|>",
};

/// Control tokens that do not: the parts of a prompt to fill in the middle.
static constexpr std::string_view controlTexts[] = {
    "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<PRE>",
    "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<SUF>",
    "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<MID>",
};

void winnow::completeTokenizerData(TokenizerData &data) {
  for (size_t id = 0; id < data.pieces.size(); ++id)
    if (data.pieces[id].empty())
      data.pieces[id] = "[EMPTY_" + std::to_string(id) + "]";
  data.types.resize(data.pieces.size(), PieceType::Normal);

  std::unordered_map<std::string_view, int32_t> ids;
  for (size_t id = 0; id < data.pieces.size(); ++id)
    ids.emplace(data.pieces[id], static_cast<int32_t>(id));
  for (std::string_view text : controlTexts)
    if (auto found = ids.find(text); found != ids.end())
      data.types[found->second] = PieceType::Control;
  std::vector<int32_t> ends = std::move(data.endOfGeneration);
  for (std::string_view text : endTexts)
    if (auto found = ids.find(text); found != ids.end()) {
      ends.push_back(found->second);
      data.types[found->second] = PieceType::Control;
    }
  // Gemma has HTML's "</s>" as a piece of text, so this one counts only where
  // the checkpoint says that it is a control token.
  if (auto found = ids.find("</s>"); found != ids.end())
    if (data.types[found->second] == PieceType::Control)
      ends.push_back(found->second);
  if (data.eos >= 0)
    ends.push_back(data.eos);
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  data.endOfGeneration = std::move(ends);
}
