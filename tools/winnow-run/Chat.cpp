//===- Chat.cpp - A conversation in the terminal --------------------------===//

#include "Chat.h"

#include "winnow/Chat/ChatTemplate.h"
#include "winnow/Generation/Sampler.h"
#include "winnow/Generation/StopTexts.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <unistd.h>

namespace winnow {
namespace run {

static volatile std::sig_atomic_t interrupted = 0;

namespace {

/// While this lives, an interrupt sets a flag and ends a wait for input.
class InterruptGuard {
public:
  InterruptGuard() {
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted = 1; };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before);
  }
  ~InterruptGuard() { sigaction(SIGINT, &before, nullptr); }
  InterruptGuard(const InterruptGuard &) = delete;
  InterruptGuard &operator=(const InterruptGuard &) = delete;

private:
  struct sigaction before;
};

/// A conversation and the session that computes it.
class Conversation {
public:
  Conversation(const Artifact &artifact, const Options &options)
      : vocabulary(static_cast<size_t>(artifact.info().vocabulary)),
        options(options), sampler(options.sampling) {}

  bool open(const Artifact &artifact, std::string &error);
  void reset();
  /// Answers `text`. False, with the conversation as before, where it cannot.
  bool answer(const std::string &text, std::string &error);

private:
  bool prefill(std::string &error);
  bool reply(std::string &text, std::string &error);
  static void print(const std::string &text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  size_t vocabulary;
  const Options &options;
  Sampler sampler;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<ChatTemplate> chatTemplate;
  std::unique_ptr<Session> session;
  ChatContext context;
  std::vector<ChatMessage> messages;
  std::vector<int32_t> held; ///< the ids that the session has
};

} // namespace

bool Conversation::open(const Artifact &artifact, std::string &error) {
  tokenizer = Tokenizer::open(options.name + ".tokenizer", error);
  if (!tokenizer)
    return false;
  std::string_view text = tokenizer->chatTemplate();
  if (text.empty()) {
    error = "the checkpoint of '" + options.name +
            "' has no chat template: it was not made for conversations; "
            "--prompt continues a text";
    return false;
  }
  chatTemplate = ChatTemplate::parse(text, error);
  if (!chatTemplate)
    return false;
  context.bosToken = tokenizer->piece(tokenizer->bos());
  context.eosToken = tokenizer->piece(tokenizer->eos());
  session = Session::create(artifact, options, error);
  reset();
  return session != nullptr;
}

void Conversation::reset() {
  messages.clear();
  if (options.system)
    messages.push_back({"system", *options.system});
}

/// Computes the prompt of the messages but for what the session has already.
bool Conversation::prefill(std::string &error) {
  std::string prompt;
  context.now = std::time(nullptr);
  if (!chatTemplate->render(messages, context, prompt, error))
    return false;
  // Most templates write BOS themselves.
  EncodeOptions encode;
  encode.addBos =
      context.bosToken.empty() ||
      prompt.compare(0, context.bosToken.size(), context.bosToken) != 0;
  std::vector<int32_t> ids = tokenizer->encode(prompt, encode);
  if (ids.empty()) {
    error = "the prompt has no tokens";
    return false;
  }
  if (static_cast<int64_t>(ids.size()) >= session->context()) {
    error = "the conversation has " + std::to_string(ids.size()) +
            " tokens, too many for a context of " +
            std::to_string(session->context()) + "; /reset begins anew";
    return false;
  }
  // The last token is always computed: it gives the logits.
  size_t most = std::min(held.size(), ids.size() - 1), same = 0;
  while (same < most && held[same] == ids[same])
    ++same;
  held.resize(same);
  if (!session->truncate(static_cast<int64_t>(same), error) ||
      !session->prefillPrompt(ids.data() + same,
                              static_cast<int64_t>(ids.size() - same),
                              /*span=*/nullptr, WINNOW_ROWS_LAST, error))
    return false;
  held = std::move(ids);
  return true;
}

bool Conversation::reply(std::string &text, std::string &error) {
  StreamDecoder decoder(*tokenizer);
  StopTexts stops(options.stops);
  auto show = [&](const std::string &more) {
    print(more);
    text += more;
  };
  int64_t room = session->context() - session->length() + 1;
  int64_t count = std::min(options.tokens.value_or(room), room);
  while (count-- > 0 && !interrupted && !std::ferror(stdout)) {
    const float *logits = nullptr;
    int64_t rows = 0;
    if (!session->logits(logits, rows, error))
      return false;
    int32_t id = sampler.sample(logits, vocabulary);
    if (id < 0) {
      error = "the logits are not numbers";
      return false;
    }
    if (tokenizer->isEndOfGeneration(id) && !options.ignoreEos)
      break;
    show(stops.add(decoder.add(id)));
    if (stops.stopped())
      return true;
    if (count > 0) {
      if (!session->decode(id, error))
        return false;
      held.push_back(id);
    }
  }
  show(stops.add(decoder.finish()));
  show(stops.finish());
  return true;
}

bool Conversation::answer(const std::string &text, std::string &error) {
  messages.push_back({"user", text});
  std::string reply;
  interrupted = 0;
  if (!prefill(error) || !this->reply(reply, error)) {
    messages.pop_back();
    return false;
  }
  print("\n");
  messages.push_back({"assistant", reply});
  return true;
}

/// The next line without its end; false at the end of input. On a terminal an
/// interrupt begins the line anew.
static bool readLine(bool terminal, std::string &line) {
  char *buffer = nullptr;
  size_t capacity = 0;
  ssize_t size = -1;
  do {
    interrupted = 0;
    std::clearerr(stdin);
    if (terminal)
      std::fputs("> ", stderr);
    errno = 0;
    size = getline(&buffer, &capacity, stdin);
    if (size < 0 && terminal)
      std::fputs("\n", stderr);
  } while (size < 0 && errno == EINTR && terminal);
  if (size >= 0)
    line.assign(buffer, static_cast<size_t>(size));
  std::free(buffer);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
    line.pop_back();
  return size >= 0;
}

bool chat(const Artifact &artifact, const Options &options,
          std::string &error) {
  if (artifact.info().vocabulary <= 0) {
    error = std::string(artifact.info().name) + " has no decoder to talk to";
    return false;
  }
  Conversation conversation(artifact, options);
  if (!conversation.open(artifact, error))
    return false;
  InterruptGuard guard;
  bool terminal = isatty(STDIN_FILENO);
  if (terminal)
    std::fputs("/reset forgets the conversation, /exit or ctrl-D ends it, "
               "ctrl-C ends a reply\n",
               stderr);
  for (std::string line; readLine(terminal, line); line.clear()) {
    if (line == "/exit")
      break;
    if (line == "/reset") {
      conversation.reset();
      continue;
    }
    if (line.empty() || conversation.answer(line, error))
      continue;
    // Somebody at a terminal can go on after it.
    if (!terminal)
      return false;
    std::fprintf(stderr, "winnow-run: %s\n", error.c_str());
    error.clear();
  }
  if (!std::ferror(stdout))
    return true;
  error = std::string("cannot write the output: ") + std::strerror(errno);
  return false;
}

} // namespace run
} // namespace winnow
