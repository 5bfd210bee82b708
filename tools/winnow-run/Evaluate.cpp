//===- Evaluate.cpp - How good a model is on a text -----------------------===//

#include "Evaluate.h"

#include "Encode.h"
#include "Prompt.h"
#include "Report.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace winnow {
namespace run {

/// Tokens whose logits are in memory together.
static constexpr int64_t kPiece = 64;
/// Texts that are encoded together.
static constexpr size_t kBatch = 32;

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

/// What one row of logits says of the token that follows.
struct RowScore {
  double surprise = 0;   ///< -log of the token's probability
  double divergence = 0; ///< KL(other || this)
  bool agrees = false;   ///< the most likely token is the other's
};

} // namespace

/// A row of logits as logarithms of probabilities: value - logSum.
struct LogSum {
  double logSum;
  size_t best;
};

static LogSum sumUp(const float *logits, size_t count) {
  size_t best = std::max_element(logits, logits + count) - logits;
  double sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += std::exp(double(logits[i]) - logits[best]);
  return {logits[best] + std::log(sum), best};
}

static RowScore score(const float *logits, const float *other, size_t count,
                      int32_t next) {
  RowScore result;
  LogSum mine = sumUp(logits, count);
  result.surprise = mine.logSum - logits[next];
  if (!other)
    return result;
  LogSum theirs = sumUp(other, count);
  for (size_t i = 0; i < count; ++i) {
    double logP = other[i] - theirs.logSum;
    // A token that the other never takes counts nothing, whatever this says.
    if (double p = std::exp(logP))
      result.divergence += p * (logP - (logits[i] - mine.logSum));
  }
  result.agrees = mine.best == theirs.best;
  return result;
}

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

namespace {

/// Sums over the rows that predict a token, in the order of the text.
class DecoderScores {
public:
  DecoderScores(size_t vocabulary, int32_t threads)
      : vocabulary(vocabulary), threads(static_cast<size_t>(threads)) {}

  /// Rows [0, count) of logits predict next[0], ... `other` may be null.
  bool add(const float *logits, const float *other, const int32_t *next,
           size_t count, std::string &error) {
    std::vector<RowScore> scores(count);
    auto part = [&](size_t thread) {
      for (size_t row = thread; row < count; row += threads)
        scores[row] = score(logits + row * vocabulary,
                            other ? other + row * vocabulary : nullptr,
                            vocabulary, next[row]);
    };
    std::vector<std::thread> workers;
    for (size_t thread = 1; thread < threads; ++thread)
      workers.emplace_back(part, thread);
    part(0);
    for (std::thread &worker : workers)
      worker.join();
    for (const RowScore &row : scores) {
      if (!std::isfinite(row.surprise) || !std::isfinite(row.divergence)) {
        error = "the logits in front of token " + std::to_string(tokens) +
                " are not numbers";
        return false;
      }
      ++tokens;
      surprise += row.surprise;
      divergence += row.divergence;
      agreements += row.agrees;
    }
    return true;
  }

  int64_t tokens = 0, agreements = 0;
  double surprise = 0, divergence = 0;

private:
  size_t vocabulary, threads;
};

} // namespace

/// Computes `count` tokens and gives their logits.
static bool compute(Runner &runner, const int32_t *ids, int64_t count,
                    const float *&logits, std::string &error) {
  return runner.timed([&] {
    int64_t rows = 0;
    return runner.session->prefill(ids, count, WINNOW_ROWS_ALL, error) &&
           runner.session->logits(logits, rows, error);
  });
}

/// Runs over one window; all its tokens but the first are predicted.
static bool scoreWindow(const std::vector<int32_t> &window, Runner &mine,
                        Runner *other, DecoderScores &scores,
                        std::string &error) {
  mine.session->reset();
  if (other)
    other->session->reset();
  // Nothing follows the last token, so it is not computed.
  int64_t count = static_cast<int64_t>(window.size()) - 1;
  for (int64_t start = 0; start < count; start += kPiece) {
    int64_t rows = std::min(kPiece, count - start);
    const int32_t *ids = window.data() + start;
    const float *logits = nullptr, *otherLogits = nullptr;
    if (!compute(mine, ids, rows, logits, error) ||
        (other && !compute(*other, ids, rows, otherLogits, error)) ||
        !scores.add(logits, otherLogits, ids + 1, static_cast<size_t>(rows),
                    error))
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
  EncodeOptions plain;
  plain.addBos = false;
  std::vector<int32_t> ids = tokenizer.encode(text, plain);
  // What stands in front of every window: the token that begins a text, if any.
  std::vector<int32_t> front;
  if (tokenizer.addsBos())
    front.push_back(tokenizer.bos());
  for (int32_t id : ids)
    if (id >= artifact.info().vocabulary) {
      error = "'" + *options.evaluate + "' has token " + std::to_string(id) +
              ", which is not in the model's vocabulary of " +
              std::to_string(artifact.info().vocabulary);
      return false;
    }

  Runner mine, theirs;
  mine.session = Session::create(artifact, options, error);
  if (!mine.session)
    return false;
  if (other && !(theirs.session = Session::create(*other, options, error)))
    return false;
  int64_t context = mine.session->context();
  if (other)
    context = std::min(context, theirs.session->context());
  // The window's last token is predicted, not computed.
  size_t step = static_cast<size_t>(context) + 1 - front.size();
  DecoderScores scores(static_cast<size_t>(artifact.info().vocabulary),
                       options.threads);
  int64_t computed = 0;
  for (size_t start = 0; start < ids.size(); start += step) {
    std::vector<int32_t> window = front;
    window.insert(window.end(), ids.begin() + start,
                  ids.begin() + std::min(start + step, ids.size()));
    computed += static_cast<int64_t>(window.size()) - 1;
    if (!scoreWindow(window, mine, other ? &theirs : nullptr, scores, error))
      return false;
  }
  if (scores.tokens == 0) {
    error = "'" + *options.evaluate + "' has no token to predict";
    return false;
  }
  double tokens = static_cast<double>(scores.tokens);
  std::vector<Field> fields = {
      {"perplexity", std::exp(scores.surprise / tokens)}};
  if (other) {
    fields.push_back({"kl", scores.divergence / tokens});
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

/// 1 - cos of two rows: 0 if both are zero, 1 if one is.
static double cosineError(const float *a, const float *b, int64_t width) {
  double product = 0, squareA = 0, squareB = 0;
  for (int64_t i = 0; i < width; ++i) {
    product += double(a[i]) * b[i];
    squareA += double(a[i]) * a[i];
    squareB += double(b[i]) * b[i];
  }
  if (squareA == 0 || squareB == 0)
    return squareA == squareB ? 0 : 1;
  return 1 - product / std::sqrt(squareA * squareB);
}

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

/// Lines with the tokens that fit in a context.
static void takeBatch(const std::vector<std::string> &lines, size_t start,
                      const Tokenizer &tokenizer, int64_t context,
                      Texts &texts) {
  for (size_t i = start; i < std::min(start + kBatch, lines.size()); ++i) {
    texts.add(tokenizer, lines[i]);
    int64_t &length = texts.lengths.back();
    if (length > context) {
      texts.ids.resize(texts.ids.size() - (length - context));
      length = context;
    }
  }
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
  for (size_t start = 0; start < lines.size(); start += kBatch) {
    Texts texts;
    takeBatch(lines, start, tokenizer, context, texts);
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
