//===- FuzzChat.cpp - Any text as a chat template -------------------------===//
//
// What is accepted has to render a conversation or to say why not.
//
//===----------------------------------------------------------------------===//

#include "winnow/Chat/ChatTemplate.h"

#include <cstdlib>

using namespace winnow;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  std::string error, prompt;
  std::unique_ptr<ChatTemplate> parsed = ChatTemplate::parse(text, error);
  if (!parsed) {
    if (error.empty())
      abort();
    return 0;
  }
  std::vector<ChatMessage> messages = {{"system", "Be brief."},
                                       {"user", " What is 2+2? "},
                                       {"assistant", "<think>\n</think>\n4"},
                                       {"user", "\xc3\x9c\xff \xe5\xad\x97"}};
  // Nothing else depends on how much work is too much, and loops without end
  // would take a second each.
  ChatContext context = {"<s>", "</s>", true, 1700000000, size_t(1) << 14};
  if (!parsed->render(messages, context, prompt, error) && error.empty())
    abort();
  return 0;
}
