//===- ChatTemplate.h - Conversations to prompts ----------------*- C++ -*-===//
//
// A checkpoint says in a template how a conversation is written for its model:
// a program in the language of Jinja 2, as `transformers` runs it (blocks are
// trimmed, `break` and `continue` work, changes of lists do not). Templates
// come with checkpoints and are not trusted: they reach nothing but the values
// that they are given, and depth, work and output are bounded.
//
// Supported: if, for (with else, if and loop.*), set (of names, of fields of a
// namespace, and as a block), macro, break, continue, generation; all
// operators but **, slices, conditional expressions; the filters, tests,
// methods and functions that lib/Chat lists. Upper and lower case know ASCII
// letters.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CHAT_CHATTEMPLATE_H
#define WINNOW_CHAT_CHATTEMPLATE_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace winnow {

struct ChatMessage {
  std::string role; ///< "system", "user" or "assistant"
  std::string content;
};

/// What a template sees besides the messages.
struct ChatContext {
  std::string bosToken, eosToken;
  /// Whether the prompt ends where the assistant begins to speak.
  bool addGenerationPrompt = true;
  /// For strftime_now: seconds since 1970, written in local time.
  int64_t now = 0;
  /// Steps and pieces of 16 bytes that a run may take; an item of a list counts
  /// as eight. As it is, the longest run takes about a second.
  size_t mostWork = size_t(1) << 23;
};

class ChatTemplate {
public:
  /// Null, and a message that names the line, where the text is no template.
  static std::unique_ptr<ChatTemplate> parse(std::string_view text,
                                             std::string &error);
  ~ChatTemplate();
  ChatTemplate(const ChatTemplate &) = delete;
  ChatTemplate &operator=(const ChatTemplate &) = delete;

  /// The prompt of a conversation. False, and a message that names the line,
  /// where the template refuses it or takes too much.
  bool render(const std::vector<ChatMessage> &messages,
              const ChatContext &context, std::string &prompt,
              std::string &error) const;

  struct Implementation;

private:
  explicit ChatTemplate(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> impl;
};

} // namespace winnow

#endif // WINNOW_CHAT_CHATTEMPLATE_H
