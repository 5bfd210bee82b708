//===- Evaluate.cpp - How good a model is on a text -----------------------===//

#include "Evaluate.h"

#include "Encode.h"
#include "Prompt.h"
#include "Report.h"
#include "winnow/Client/Scores.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace winnow {
namespace run {

using client::cosineError;
using client::DecoderScores;
using client::kLogitsPiece;

namespace {

/// A model that is run, and for how long.
struct Runner {
  std::unique_ptr<Session> session;
  double seconds = 0;

  /// Calls `function` with the clock running.
  template <typename Function> bool timed(Function function) {
    auto start = std::chrono::steady_clock::now();
    bool good = function();
    seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    return good;
  }
};

} // namespace

/// Opens the artifact of --against, or none. It must be of the same kind.
static bool openOther(const Artifact &artifact, const Options &options,
                      std::unique_ptr<Artifact> &other, std::string &error) {
  if (options.against.empty())
    return true;
  other = Artifact::open(options.against, error);
  if (!other)
    return false;
  auto compare = [&](const char *what, int64_t mine, int64_t theirs) {
    if (mine == theirs)
      return true;
    error = options.name + " and " + options.against +
            " cannot be compared: their " + what + " are " +
            std::to_string(mine) + " and " + std::to_string(theirs);
    return false;
  };
  const winnow_model_info &mine = artifact.info(), &theirs = other->info();
  return compare("vocabularies", mine.vocabulary, theirs.vocabulary) &&
         compare("hidden widths", mine.hidden_width, theirs.hidden_width) &&
         compare("embedding widths", mine.pooled_width, theirs.pooled_width);
}

//===----------------------------------------------------------------------===//
// Decoders
//===----------------------------------------------------------------------===//

/// Computes `count` tokens and gives their logits.
static bool compute(Runner &runner, const int32_t *ids, int64_t count,
                    const float *&logits, std::string &error) {
  return runner.timed(
      [&] { return runner.session->computeLogits(ids, count, logits, error); });
}

/// Computes the prompt, which may be pruned, and gives the logits of its last
/// token.
static bool computePrompt(Runner &runner, const int32_t *ids, int64_t count,
                          const Options &options, const float *&logits,
                          std::string &error) {
  const winnow_span *span = options.pruneSpan ? &*options.pruneSpan : nullptr;
  int64_t rows = 0;
  return runner.timed([&] {
    return runner.session->prefillPrompt(ids, count, span, WINNOW_ROWS_LAST,
                                         error) &&
           runner.session->logits(logits, rows, error);
  });
}

/// Runs over one window; all its tokens behind a prompt are predicted, without
/// one all but the first.
static bool scoreWindow(const std::vector<int32_t> &window, bool prunes,
                        const Options &options, Runner &mine, Runner *other,
                        DecoderScores &scores, std::string &error) {
  mine.session->reset();
  if (other)
    other->session->reset();
  // Nothing follows the last token, so it is not computed.
  int64_t count = static_cast<int64_t>(window.size()) - 1;
  int64_t prompt = options.promptTokens.value_or(
      prunes ? client::getPromptLength(count) : 0);
  // A last window may be no longer than a prompt.
  if (prompt > count)
    return true;
  if (prompt) {
    const float *logits = nullptr, *otherLogits = nullptr;
    if (!computePrompt(mine, window.data(), prompt, options, logits, error) ||
        (other && !computePrompt(*other, window.data(), prompt, options,
                                 otherLogits, error)) ||
        !scores.add(logits, {otherLogits, nullptr}, window.data() + prompt, 1,
                    error))
      return false;
  }
  for (int64_t start = prompt; start < count; start += kLogitsPiece) {
    int64_t rows = std::min(kLogitsPiece, count - start);
    const int32_t *ids = window.data() + start;
    const float *logits = nullptr, *otherLogits = nullptr;
    if (!compute(mine, ids, rows, logits, error) ||
        (other && !compute(*other, ids, rows, otherLogits, error)) ||
        !scores.add(logits, {otherLogits, nullptr}, ids + 1,
                    static_cast<size_t>(rows), error))
      return false;
  }
  return true;
}

static bool evaluateDecoder(const Artifact &artifact, const Artifact *other,
                            const Options &options, const Tokenizer &tokenizer,
                            std::string &error) {
  std::string text;
  if (!readFile(*options.evaluate, text, error))
    return false;
  Runner mine, theirs;
  mine.session = Session::create(artifact, options, error);
  if (!mine.session)
    return false;
  if (other && !(theirs.session = Session::create(*other, options, error)))
    return false;
  int64_t context = mine.session->context();
  if (other)
    context = std::min(context, theirs.session->context());
  DecoderScores scores(static_cast<size_t>(artifact.info().vocabulary),
                       options.threads);
  int64_t computed = 0;
  // The window's last token is predicted, not computed.
  for (const std::vector<int32_t> &window :
       client::cutWindows(tokenizer, text, static_cast<size_t>(context) + 1)) {
    std::string why =
        client::checkVocabulary(window, artifact.info().vocabulary);
    if (!why.empty()) {
      error = "'" + *options.evaluate + "' " + why;
      return false;
    }
    computed += static_cast<int64_t>(window.size()) - 1;
    if (!scoreWindow(window, artifact.info().prunes_prompts, options, mine,
                     other ? &theirs : nullptr, scores, error))
      return false;
  }
  if (scores.tokens == 0) {
    error = "'" + *options.evaluate + "' has no token to predict";
    return false;
  }
  double tokens = static_cast<double>(scores.tokens);
  std::vector<Field> fields = {{"perplexity", scores.perplexity()}};
  if (other) {
    fields.push_back({"kl", scores.meanDivergence()});
    fields.push_back(
        {"top1_agreement", static_cast<double>(scores.agreements) / tokens});
  }
  fields.push_back({"tokens", tokens});
  fields.push_back(
      {"bytes", static_cast<double>(artifact.info().weight_bytes)});
  fields.push_back(
      {"tokens_per_second", static_cast<double>(computed) / mine.seconds});
  return printReport(fields, options.json, error);
}

//===----------------------------------------------------------------------===//
// Encoders
//===----------------------------------------------------------------------===//

/// Encodes texts: a row for each of them, or for each token of a model that
/// does not pool.
static bool encodeRows(const Artifact &artifact, Runner &runner,
                       const Texts &texts, std::vector<float> &rows,
                       std::string &error) {
  const winnow_model_info &info = artifact.info();
  bool pools = info.pooled_width != 0;
  rows.resize(pools ? texts.lengths.size() * info.pooled_width
                    : texts.ids.size() * info.hidden_width);
  return runner.timed([&] {
    return runner.session->encode(texts.view(), pools ? nullptr : rows.data(),
                                  pools ? rows.data() : nullptr, error);
  });
}

static bool evaluateEncoder(const Artifact &artifact, const Artifact *other,
                            const Options &options, const Tokenizer &tokenizer,
                            std::string &error) {
  std::vector<std::string> lines;
  if (!readLines(*options.evaluate, lines, error))
    return false;
  Runner mine, theirs;
  mine.session = Session::create(artifact, options, error);
  if (!mine.session ||
      !(theirs.session = Session::create(*other, options, error)))
    return false;
  int64_t context =
      std::min(mine.session->context(), theirs.session->context());
  const winnow_model_info &info = artifact.info();
  int64_t width = info.pooled_width ? info.pooled_width : info.hidden_width;
  double sum = 0;
  size_t rows = 0, tokens = 0;
  for (size_t start = 0; start < lines.size();) {
    Texts texts = client::takeBatch(lines, start, tokenizer, context);
    start += texts.lengths.size();
    std::vector<float> a, b;
    if (!encodeRows(artifact, mine, texts, a, error) ||
        !encodeRows(*other, theirs, texts, b, error))
      return false;
    for (size_t i = 0; i < a.size(); i += static_cast<size_t>(width))
      sum += cosineError(&a[i], &b[i], width);
    rows += a.size() / static_cast<size_t>(width);
    tokens += texts.ids.size();
  }
  if (rows == 0) {
    error = "'" + *options.evaluate + "' has no text";
    return false;
  }
  if (!std::isfinite(sum)) {
    error = "the results are not numbers";
    return false;
  }
  return printReport(
      {{"cosine_error", sum / static_cast<double>(rows)},
       {"texts", static_cast<double>(lines.size())},
       {"tokens", static_cast<double>(tokens)},
       {"bytes", static_cast<double>(info.weight_bytes)},
       {"tokens_per_second", static_cast<double>(tokens) / mine.seconds}},
      options.json, error);
}

bool evaluate(const Artifact &artifact, const Options &options,
              std::string &error) {
  const winnow_model_info &info = artifact.info();
  bool encodes = info.hidden_width != 0;
  if (info.vocabulary <= 0) {
    error = std::string(info.name) + " takes no text";
    return false;
  }
  if (encodes && options.against.empty()) {
    error = std::string(info.name) +
            " is an encoder, whose results have no score by themselves: "
            "--against OTHER is needed";
    return false;
  }
  std::unique_ptr<Artifact> other;
  if (!openOther(artifact, options, other, error))
    return false;
  std::unique_ptr<Tokenizer> tokenizer =
      Tokenizer::open(options.name + ".tokenizer", error);
  if (!tokenizer)
    return false;
  Options wanted = options;
  if (wanted.threads == 0)
    wanted.threads = availableThreads();
  auto run = encodes ? evaluateEncoder : evaluateDecoder;
  return run(artifact, other.get(), wanted, *tokenizer, error);
}

} // namespace run
} // namespace winnow
