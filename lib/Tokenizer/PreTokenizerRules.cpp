//===- PreTokenizerRules.cpp - Pre-tokenizers by name ---------------------===//
//
// The expressions come from the models' own tokenizers; where llama.cpp's
// reading differs from them, it is llama.cpp's that stands here, because a GGUF
// file is made for it. Letters that are not a-z are written `[^\P{L}a-z]`, one
// class, which a matcher repeats without a stack.
//
//===----------------------------------------------------------------------===//

#include "PreTokenizer.h"
#include "winnow/Tokenizer/TokenizerData.h"

#include <algorithm>

using namespace winnow;

#define CONTRACTIONS "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"
#define SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define GPT2                                                                   \
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"          \
  "|\\s+(?!\\S)"
#define MIXED_CASE "[^\\r\\n\\p{L}\\p{N}]?[^\\P{L}a-z]*[^\\P{L}A-Z]+"
#define UPPER_CASE "[^\\r\\n\\p{L}\\p{N}]?[^\\P{L}a-z]+[^\\P{L}A-Z]*"

const std::vector<PreTokenizerRule> &winnow::preTokenizerRules() {
  static const std::vector<PreTokenizerRule> rules = {
      {{"default", ""},
       {"[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"},
       false,
       false},
      {{"gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "mpt", "olmo",
        "jais", "exaone4"},
       {GPT2},
       false,
       false},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral",
        "midm-2.0", "lfm2"},
       {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
                     "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES},
       true,
       true},
      {{"smaug-bpe", "dbrx", "glm4", "chatglm-bpe"},
       {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
                     "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES},
       false,
       false},
      {{"qwen2", "stablelm2", "hunyuan", "megrez", "deepseek-r1-qwen"},
       {CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
                     "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES},
       false,
       false},
      {{"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone",
        "minerva-7b"},
       {"\\p{N}", GPT2},
       false,
       false},
      {{"tekken"},
       {MIXED_CASE "|" UPPER_CASE
                   "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES},
       true,
       true},
      {{"gpt-4o", "llama4"},
       {MIXED_CASE "(?:" CONTRACTIONS ")?|" UPPER_CASE "(?:" CONTRACTIONS ")?"
                   "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES},
       false,
       false},
  };
  return rules;
}

bool winnow::applyPreTokenizer(TokenizerData &data, std::string_view name,
                               std::string &error) {
  data.preTokenizer = name;
  data.preTokenizerExpressions.clear();
  data.ignoreMerges = false;
  if (data.model == TokenizerModel::SentencePiece) {
    data.addBos = true;
    data.addSpacePrefix = true;
    return true;
  }
  std::string known;
  for (const PreTokenizerRule &rule : preTokenizerRules()) {
    for (std::string_view alias : rule.names) {
      if (alias == name) {
        data.preTokenizerExpressions.assign(rule.expressions.begin(),
                                            rule.expressions.end());
        data.ignoreMerges = rule.ignoreMerges;
        data.addBos = rule.addBos;
        data.addSpacePrefix = false;
        return true;
      }
      if (!alias.empty()) {
        known += known.empty() ? "" : ", ";
        known += alias;
      }
    }
  }
  error =
      "unknown pre-tokenizer '" + std::string(name) + "'; known are " + known;
  return false;
}
