//===- Generate.cpp - A prompt in, text or ids out ------------------------===//

#include "Generate.h"

#include "NpyFile.h"
#include "Profile.h"
#include "Prompt.h"
#include "winnow/Generation/Sampler.h"
#include "winnow/Generation/StopTexts.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace winnow {
namespace run {

static constexpr int64_t kDefaultTokens = 128;
/// Tokens whose logits are in memory together; a vocabulary of 262,144 words
/// makes 1 MB of each.
static constexpr int64_t kLogitsPiece = 64;

//===----------------------------------------------------------------------===//
// The prompt
//===----------------------------------------------------------------------===//

/// How many tokens to generate at most after `stored` and `prompt` others. The
/// last one is not computed further, so it needs no place in the session,
/// unless that is saved.
static bool countTokens(const Options &options, int64_t stored, int64_t prompt,
                        int64_t context, int64_t &count, std::string &error) {
  int64_t room = context - stored - prompt + options.saveSession.empty();
  if (!options.tokens && !options.logitsPath.empty())
    count = 0;
  else
    count = options.tokens
                ? *options.tokens
                : std::min(kDefaultTokens, std::max<int64_t>(room, 0));
  if (stored + prompt <= context && count <= room)
    return true;
  error = "context overrun: " +
          (stored ? std::to_string(stored) + " tokens of the session, " : "") +
          "a prompt of " + std::to_string(prompt) + " tokens and " +
          std::to_string(count) + " to generate do not fit in a context of " +
          std::to_string(context);
  return false;
}

/// Whether the prompt goes as a whole to an artifact that prunes it.
static bool isPruned(const Artifact &artifact, const Prompt &prompt) {
  return artifact.info().prunes_prompts && prompt.embeddings.values.empty();
}

/// Computes tokens [start, start + count) of the prompt.
static bool prefill(const Artifact &artifact, Session &session,
                    const Options &options, const Prompt &prompt, int64_t start,
                    int64_t count, winnow_rows rows, std::string &error) {
  if (isPruned(artifact, prompt))
    return session.prefillPrompt(
        prompt.ids.data(), count,
        options.pruneSpan ? &*options.pruneSpan : nullptr, rows, error);
  if (prompt.embeddings.values.empty())
    return session.prefill(prompt.ids.data() + start, count, rows, error);
  int64_t width = prompt.embeddings.shape[1];
  return session.prefill(prompt.embeddings.values.data() + start * width, width,
                         count, rows, error);
}

/// Computes the prompt and writes the logits of all its tokens.
static bool prefillWithLogits(const Artifact &artifact, Session &session,
                              const Options &options, const Prompt &prompt,
                              std::string &error) {
  NpyFile file;
  int64_t count = prompt.size(), vocabulary = artifact.info().vocabulary;
  if (!file.create(options.logitsPath, count, vocabulary, error))
    return false;
  int64_t piece = options.piece ? options.piece : kLogitsPiece;
  if (isPruned(artifact, prompt))
    piece = count;
  for (int64_t start = 0; start < count; start += piece) {
    const float *logits = nullptr;
    int64_t rows = 0;
    if (!prefill(artifact, session, options, prompt, start,
                 std::min(piece, count - start), WINNOW_ROWS_ALL, error) ||
        !session.logits(logits, rows, error) ||
        !file.write(logits, rows * vocabulary, error))
      return false;
  }
  return file.finish(error);
}

//===----------------------------------------------------------------------===//
// The output
//===----------------------------------------------------------------------===//

namespace {

/// Prints generated tokens as they come: ids, or text in whole characters up to
/// a stop text.
class Output {
public:
  Output(const Options &options, const Tokenizer *tokenizer)
      : asIds(options.printsIds()), stops(options.stops) {
    if (tokenizer)
      decoder = std::make_unique<StreamDecoder>(*tokenizer);
  }

  /// Returns false when nothing more is wanted.
  bool add(int32_t id) {
    if (asIds)
      print((count ? "," : "") + std::to_string(id));
    ++count;
    if (decoder) {
      std::string text = stops.add(decoder->add(id));
      if (!asIds)
        print(text);
    }
    return !stops.stopped();
  }

  bool finish(std::string &error) {
    if (decoder && !asIds) {
      if (!stops.stopped())
        print(stops.add(decoder->finish()));
      if (!stops.stopped())
        print(stops.finish());
    }
    // On a terminal the prompt of the shell starts on its own line; a file or
    // pipe gets the text alone.
    if ((asIds && count) || (!asIds && isatty(STDOUT_FILENO)))
      print("\n");
    if (!std::ferror(stdout) && std::fflush(stdout) == 0)
      return true;
    error = std::string("cannot write the output: ") + std::strerror(errno);
    return false;
  }

private:
  void print(const std::string &text) {
    if (text.empty())
      return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  bool asIds;
  int64_t count = 0;
  StopTexts stops;
  std::unique_ptr<StreamDecoder> decoder;
};

} // namespace

static double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Generates up to `count` tokens after the prompt, whose last logits the
/// session has; sets `count` to the number of them.
static bool generateTokens(Session &session, const Options &options,
                           const Tokenizer *tokenizer, size_t vocabulary,
                           Output &output, int64_t &count, std::string &error) {
  Sampler sampler(options.sampling);
  int64_t wanted = count;
  for (count = 0; count < wanted;) {
    const float *logits = nullptr;
    int64_t rows = 0;
    if (!session.logits(logits, rows, error))
      return false;
    if (rows == 0) {
      error = "the session was saved without logits and needs a prompt";
      return false;
    }
    int32_t id = sampler.sample(logits + (rows - 1) * vocabulary, vocabulary);
    if (id < 0) {
      error = "the logits of token " + std::to_string(session.length() - 1) +
              " are not numbers";
      return false;
    }
    ++count;
    bool ends =
        tokenizer && !options.ignoreEos && tokenizer->isEndOfGeneration(id);
    // The end is one of the generated ids, but it is no text.
    bool last = ends && !options.printsIds();
    if (!last)
      last = !output.add(id) || ends || std::ferror(stdout);
    // A session that is saved holds all tokens.
    bool needed = last ? !options.saveSession.empty()
                       : count < wanted || !options.saveSession.empty();
    if (needed && !session.decode(id, error))
      return false;
    if (last)
      return true;
  }
  return true;
}

/// Computes the prompt, which may be empty.
static bool computePrompt(const Artifact &artifact, Session &session,
                          const Options &options, const Prompt &prompt,
                          std::string &error) {
  if (options.pruneSpan && !isPruned(artifact, prompt)) {
    error = std::string(artifact.info().name) +
            " does not prune this prompt: --prune-span has no meaning";
    return false;
  }
  if (!options.logitsPath.empty())
    return prefillWithLogits(artifact, session, options, prompt, error);
  return prompt.size() == 0 || prefill(artifact, session, options, prompt, 0,
                                       prompt.size(), WINNOW_ROWS_LAST, error);
}

bool generate(const Artifact &artifact, const Options &options,
              std::string &error) {
  if (artifact.info().vocabulary <= 0 || options.prompts.size() > 1 ||
      !options.hiddenPath.empty() || !options.embeddingPath.empty()) {
    error = std::string(artifact.info().name) +
            (artifact.info().vocabulary <= 0
                 ? " takes no tokens"
                 : " is a decoder: one --prompt, and neither --hidden nor "
                   "--embedding");
    return false;
  }
  std::unique_ptr<Tokenizer> tokenizer;
  Prompt prompt;
  if (!openTokenizer(options, tokenizer, error))
    return false;
  std::unique_ptr<Session> session = Session::create(artifact, options, error);
  if (!session ||
      (!options.loadSession.empty() &&
       !session->load(options.loadSession, error)) ||
      !readPrompt(options, tokenizer.get(), session->length() > 0, prompt,
                  error))
    return false;
  int64_t promptSize = prompt.size();
  int64_t count;
  if (!countTokens(options, session->length(), promptSize, session->context(),
                   count, error))
    return false;

  std::unique_ptr<Profile> profile =
      Profile::attach(artifact, *session, options.profilePath, error);
  if (!profile)
    return false;
  int64_t vocabulary = artifact.info().vocabulary;
  auto start = std::chrono::steady_clock::now();
  if (!computePrompt(artifact, *session, options, prompt, error))
    return false;
  double prefillSeconds = secondsSince(start);

  start = std::chrono::steady_clock::now();
  Output output(options, tokenizer.get());
  bool generated =
      generateTokens(*session, options, tokenizer.get(),
                     static_cast<size_t>(vocabulary), output, count, error);
  std::string outputError;
  if (!output.finish(outputError) && generated) {
    error = outputError;
    return false;
  }
  if (!generated)
    return false;
  std::fprintf(stderr,
               "winnow-run: prompt of %lld tokens in %.3f s, then %lld tokens "
               "in %.3f s\n",
               static_cast<long long>(promptSize), prefillSeconds,
               static_cast<long long>(count), secondsSince(start));
  return profile->finish(error) && (options.saveSession.empty() ||
                                    session->save(options.saveSession, error));
}

} // namespace run
} // namespace winnow
