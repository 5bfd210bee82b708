//===- Chat.h - A conversation in the terminal ------------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_CHAT_H
#define WINNOW_TOOLS_WINNOW_RUN_CHAT_H

#include "Artifact.h"
#include "Options.h"

#include <string>

namespace winnow {
namespace run {

/// Reads lines from standard input, writes them as the checkpoint's chat
/// template says, and streams the replies to standard output. The session keeps
/// what successive prompts have in common. /reset forgets the conversation,
/// /exit and the end of input end it; an interrupt ends a reply.
bool chat(const Artifact &artifact, const Options &options, std::string &error);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_CHAT_H
