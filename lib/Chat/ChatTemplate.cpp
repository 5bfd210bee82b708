//===- ChatTemplate.cpp - Conversations to prompts ------------------------===//

#include "winnow/Chat/ChatTemplate.h"

#include "Evaluator.h"

namespace winnow {

using namespace chat;

/// Bytes of a template; the longest ones in use have a tenth of that.
static constexpr size_t kMostTemplate = 1 << 20;

struct ChatTemplate::Implementation {
  Body body;
};

ChatTemplate::ChatTemplate(std::unique_ptr<Implementation> implementation)
    : impl(std::move(implementation)) {}

ChatTemplate::~ChatTemplate() = default;

std::unique_ptr<ChatTemplate> ChatTemplate::parse(std::string_view text,
                                                  std::string &error) {
  error.clear();
  if (text.size() > kMostTemplate) {
    error = "the chat template is larger than 1 MiB";
    return nullptr;
  }
  std::vector<Token> tokens;
  auto implementation = std::make_unique<Implementation>();
  if (tokenize(text, tokens, error) &&
      chat::parse(tokens, implementation->body, error))
    return std::unique_ptr<ChatTemplate>(
        new ChatTemplate(std::move(implementation)));
  error = "chat template, " + error;
  return nullptr;
}

bool ChatTemplate::render(const std::vector<ChatMessage> &messages,
                          const ChatContext &context, std::string &prompt,
                          std::string &error) const {
  List list;
  for (const ChatMessage &message : messages) {
    Dict fields;
    fields.set("role", Value::of(message.role));
    fields.set("content", Value::of(message.content));
    list.push_back(Value::of(std::move(fields)));
  }
  Dict globals;
  globals.set("messages", Value::of(std::move(list)));
  globals.set("bos_token", Value::of(context.bosToken));
  globals.set("eos_token", Value::of(context.eosToken));
  globals.set("add_generation_prompt",
              Value::boolean(context.addGenerationPrompt));
  globals.set("tools", Value::none());
  globals.set("documents", Value::none());
  prompt.clear();
  if (Evaluator(context.now, context.mostWork)
          .run(impl->body, std::move(globals), prompt, error))
    return true;
  prompt.clear();
  error = "chat template, " + error;
  return false;
}

} // namespace winnow
