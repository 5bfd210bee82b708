//===- Options.cpp - The command line of winnow-run -----------------------===//

#include "Options.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace winnow {
namespace run {

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static bool parseInteger(const std::string &text, int64_t least, int64_t most,
                         int64_t &value) {
  if (text.empty() ||
      text.find_first_not_of("-0123456789") != std::string::npos)
    return false;
  char *end = nullptr;
  errno = 0;
  long long parsed = std::strtoll(text.c_str(), &end, 10);
  if (errno != 0 || end != text.c_str() + text.size())
    return false;
  value = parsed;
  return value >= least && value <= most;
}

static bool parseReal(const std::string &text, double least, double most,
                      double &value) {
  if (text.empty() || std::isspace(static_cast<unsigned char>(text[0])))
    return false;
  char *end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return end == text.c_str() + text.size() && std::isfinite(value) &&
         value >= least && value <= most;
}

static bool parseIds(const std::string &text, std::vector<int32_t> &ids) {
  size_t start = 0;
  while (true) {
    size_t comma = text.find(',', start);
    int64_t id;
    if (!parseInteger(text.substr(start, comma - start),
                      std::numeric_limits<int32_t>::min(),
                      std::numeric_limits<int32_t>::max(), id))
      return false;
    ids.push_back(static_cast<int32_t>(id));
    if (comma == std::string::npos)
      return true;
    start = comma + 1;
  }
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {

/// One option: how it is written, what --help says of it, and what it does. A
/// value that does not suit makes `apply` return false; `expected` then says
/// what would. Options without help are for tests.
struct OptionRow {
  const char *name;
  const char *value; ///< placeholder, or null for a flag
  const char *help;
  const char *expected;
  bool (*apply)(Options &options, const std::string &value);
};

} // namespace

static constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

static const OptionRow kRows[] = {
    {"--prompt", "TEXT",
     "continue this text; of an encoder, encode it (may be repeated)", "text",
     [](Options &o, const std::string &v) {
       o.prompt = v;
       o.prompts.push_back(v);
       return true;
     }},
    {"--prompt-file", "FILE",
     "continue the text in FILE (- is standard input); encode its lines",
     "a path",
     [](Options &o, const std::string &v) {
       o.promptFile = v;
       return !v.empty();
     }},
    {"--ids", "1,2,3",
     "continue these token ids, taken as they are; prints ids",
     "integers separated by commas",
     [](Options &o, const std::string &v) {
       return parseIds(v, o.ids.emplace());
     }},
    {"--ids-file", "FILE",
     "the same from FILE, separated by commas or white space (- is standard "
     "input)",
     "a path",
     [](Options &o, const std::string &v) {
       o.idsFile = v;
       return !v.empty();
     }},
    {"--embeddings", "IN.npy",
     "continue these rows in place of ids, float32 [tokens, width]; prints ids",
     "a path",
     [](Options &o, const std::string &v) {
       o.embeddings = v;
       return !v.empty();
     }},
    {"--load-session", "FILE",
     "go on from where --save-session stopped; the prompt follows, if any",
     "a path",
     [](Options &o, const std::string &v) {
       o.loadSession = v;
       return !v.empty();
     }},
    {"--save-session", "FILE",
     "keep all tokens, given and generated, for --load-session", "a path",
     [](Options &o, const std::string &v) {
       o.saveSession = v;
       return !v.empty();
     }},
    {"--chat", nullptr,
     "talk with the model: a line is a message, /reset forgets all, /exit ends",
     nullptr, [](Options &o, const std::string &) { return o.chat = true; }},
    {"--system", "TEXT", "with --chat: what the model is told first", "text",
     [](Options &o, const std::string &v) {
       o.system = v;
       return true;
     }},
    {"-n", "N", "tokens to generate (default 128, or what the context holds)",
     "a count",
     [](Options &o, const std::string &v) {
       return parseInteger(v, 0, kMost, o.tokens.emplace());
     }},
    {"--temperature", "T", "0 takes the most likely token (default 0)",
     "a number of at least 0",
     [](Options &o, const std::string &v) {
       return parseReal(v, 0, 1e6, o.sampling.temperature);
     }},
    {"--top-k", "K", "sample among the K most likely tokens (default 0: all)",
     "a count",
     [](Options &o, const std::string &v) {
       return parseInteger(v, 0, kMost, o.sampling.topK);
     }},
    {"--top-p", "P",
     "sample among the most likely tokens that together reach P (default 1)",
     "a number from 0 to 1",
     [](Options &o, const std::string &v) {
       return parseReal(v, 0, 1, o.sampling.topP);
     }},
    {"--min-p", "P",
     "sample among tokens at least P times as likely as the best (default 0)",
     "a number from 0 to 1",
     [](Options &o, const std::string &v) {
       return parseReal(v, 0, 1, o.sampling.minP);
     }},
    {"--seed", "S", "start of the random numbers (default 42)", "a count",
     [](Options &o, const std::string &v) {
       int64_t seed;
       if (!parseInteger(v, 0, kMost, seed))
         return false;
       o.sampling.seed = static_cast<uint64_t>(seed);
       return true;
     }},
    {"--stop", "TEXT", "end before this text appears (may be repeated)",
     "a text that is not empty",
     [](Options &o, const std::string &v) {
       o.stops.push_back(v);
       return !v.empty();
     }},
    {"--ignore-eos", nullptr, "go on after an end-of-sequence token", nullptr,
     [](Options &o, const std::string &) { return o.ignoreEos = true; }},
    {"--threads", "T", "threads (default: one per processor)",
     "a count from 0 to 1024",
     [](Options &o, const std::string &v) {
       int64_t threads;
       if (!parseInteger(v, 0, 1024, threads))
         return false;
       o.threads = static_cast<int32_t>(threads);
       return true;
     }},
    {"--context", "N", "tokens of a session (default: the artifact's context)",
     "a count of at least 1",
     [](Options &o, const std::string &v) {
       return parseInteger(v, 1, kMost, o.context);
     }},
    {"--prune-span", "FIRST:LAST",
     "the tokens of the prompt, from FIRST up to LAST, counted from 0, that an "
     "artifact which prunes prompts may leave out (default: all but the last "
     "64)",
     "two counts with a colon between them",
     [](Options &o, const std::string &v) {
       size_t colon = v.find(':');
       winnow_span span = {};
       o.pruneSpan = span;
       return colon != std::string::npos &&
              parseInteger(v.substr(0, colon), 0, kMost, o.pruneSpan->first) &&
              parseInteger(v.substr(colon + 1), 0, kMost, o.pruneSpan->last);
     }},
    {"--piece", "N", nullptr, "a count of at least 1",
     [](Options &o, const std::string &v) {
       return parseInteger(v, 1, kMost, o.piece);
     }},
    {"--logits", "OUT.npy",
     "write the logits of every prompt token, float32 [tokens, vocabulary]",
     "a path",
     [](Options &o, const std::string &v) {
       o.logitsPath = v;
       return !v.empty();
     }},
    {"--profile", "OUT.json",
     "write when each thread computed what (a trace for Chrome or Perfetto), "
     "and print a table",
     "a path",
     [](Options &o, const std::string &v) {
       o.profilePath = v;
       return !v.empty();
     }},
    {"--hidden", "OUT.npy",
     "encoders: write hidden states, float32 [tokens, width]", "a path",
     [](Options &o, const std::string &v) {
       o.hiddenPath = v;
       return !v.empty();
     }},
    {"--embedding", "OUT.npy",
     "encoders: write embeddings, float32 [texts, width]", "a path",
     [](Options &o, const std::string &v) {
       o.embeddingPath = v;
       return !v.empty();
     }},
    {"--image", "IN.npy",
     "run on this image, float32 [channels, height, width], normalised",
     "a path",
     [](Options &o, const std::string &v) {
       o.imagePath = v;
       return !v.empty();
     }},
    {"--bench", nullptr, "time prefill and decode, or encoding", nullptr,
     [](Options &o, const std::string &) { return o.bench = true; }},
    {"--prefill", "N", "with --bench: tokens of the prompt (default 512)",
     "a count of at least 1",
     [](Options &o, const std::string &v) {
       return parseInteger(v, 1, kMost, o.benchPrefill);
     }},
    {"--decode", "N", "with --bench: tokens decoded after it (default 64)",
     "a count of at least 1",
     [](Options &o, const std::string &v) {
       return parseInteger(v, 1, kMost, o.benchDecode);
     }},
    {"--length", "N", "with --bench: tokens of a text (default 128)",
     "a count of at least 1",
     [](Options &o, const std::string &v) {
       return parseInteger(v, 1, kMost, o.benchLength);
     }},
    {"--batch", "N", "with --bench: texts encoded together (default 1)",
     "a count of at least 1",
     [](Options &o, const std::string &v) {
       return parseInteger(v, 1, 1 << 20, o.benchBatch);
     }},
    {"--evaluate", "FILE",
     "how well the model predicts the text in FILE; an encoder encodes its "
     "lines",
     "a path",
     [](Options &o, const std::string &v) {
       o.evaluate = v;
       return !v.empty();
     }},
    {"--after", "N",
     "with --evaluate: the first N tokens of each window are a prompt, and "
     "those "
     "behind it are predicted (default: 0; half of the window, for an artifact "
     "that prunes prompts)",
     "a count",
     [](Options &o, const std::string &v) {
       o.promptTokens = 0;
       return parseInteger(v, 0, kMost, *o.promptTokens);
     }},
    {"--against", "OTHER",
     "with --evaluate: how far the results are from those of another artifact",
     "an artifact's path without extension",
     [](Options &o, const std::string &v) {
       o.against = v;
       return !v.empty();
     }},
    {"--json", nullptr, "with --bench, --evaluate and --inspect: print JSON",
     nullptr, [](Options &o, const std::string &) { return o.json = true; }},
    {"--inspect", nullptr, "print what is in the artifact", nullptr,
     [](Options &o, const std::string &) { return o.inspect = true; }},
    {"--verify", nullptr, "first compare all weights with their hash", nullptr,
     [](Options &o, const std::string &) { return o.verify = true; }},
    {"--version", nullptr, "print the version", nullptr,
     [](Options &o, const std::string &) { return o.version = true; }},
    {"--help", nullptr, "print this text", nullptr,
     [](Options &o, const std::string &) { return o.help = true; }},
};

//===----------------------------------------------------------------------===//
// The whole line
//===----------------------------------------------------------------------===//

/// Refuses combinations that make no sense.
static bool check(const Options &o, std::string &error) {
  if (o.help || o.version)
    return true;
  if (o.name.empty()) {
    error = "no artifact given; try --help";
    return false;
  }
  int prompts = o.prompt.has_value() + o.promptFile.has_value() +
                o.ids.has_value() + o.idsFile.has_value() +
                o.embeddings.has_value() + !o.imagePath.empty();
  bool writes = !o.logitsPath.empty() || !o.hiddenPath.empty() ||
                !o.embeddingPath.empty();
  bool sessions = !o.loadSession.empty() || !o.saveSession.empty();
  // A loaded session can go on by itself.
  bool generates = prompts || !o.loadSession.empty();
  // What is done instead of continuing a prompt, and takes its input elsewhere.
  const char *task = o.bench      ? "--bench"
                     : o.inspect  ? "--inspect"
                     : o.evaluate ? "--evaluate"
                                  : nullptr;
  if (o.bench + o.inspect + o.chat + o.evaluate.has_value() > 1)
    error = "--bench, --evaluate, --inspect and --chat exclude each other";
  else if (!o.against.empty() && !o.evaluate)
    error = "--against goes with --evaluate";
  else if (o.promptTokens && !o.evaluate)
    error = "--after goes with --evaluate";
  else if (o.pruneSpan && !prompts && !o.evaluate)
    error = "--prune-span needs a prompt, or --evaluate";
  else if (o.system && !o.chat)
    error = "--system goes with --chat";
  else if (o.chat && (generates || sessions || !o.logitsPath.empty() ||
                      !o.profilePath.empty()))
    error = "--chat goes with no prompt, session, --logits or --profile";
  else if (prompts > 1)
    error = "only one of --prompt, --prompt-file, --ids, --ids-file, "
            "--embeddings and --image can be given";
  else if (task && prompts)
    error = std::string(task) + " takes no prompt";
  else if (task && writes)
    error = std::string(task) + " writes no arrays";
  else if (task && sessions)
    error = std::string(task) + " loads and saves no session";
  else if (!task && !o.chat && !o.verify && !generates)
    error = "one of --prompt, --prompt-file, --ids, --ids-file, --embeddings, "
            "--image, --load-session, --chat, --bench, --evaluate and "
            "--inspect is needed";
  else if (!o.profilePath.empty() && !o.bench && !generates)
    error = "--profile goes with --bench or a prompt";
  else if (!generates && !o.saveSession.empty())
    error = "--save-session needs a prompt";
  else if (!prompts && !o.logitsPath.empty())
    error = "--logits needs a prompt";
  else if (o.json && !task)
    error = "--json goes with --bench, --evaluate or --inspect";
  return error.empty();
}

/// The letters to replace, insert or leave out that make `a` from `b`.
static size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

static std::string describeUnknown(const std::string &name) {
  std::string nearest;
  // Of more letters, it was hardly meant.
  size_t least = 3;
  for (const OptionRow &row : kRows)
    if (size_t distance = editDistance(name, row.name);
        distance < least && name.size() > 3) {
      least = distance;
      nearest = row.name;
    }
  return "unknown option '" + name + "'; " +
         (nearest.empty() ? "try --help" : "did you mean '" + nearest + "'?");
}

std::optional<Options> parseOptions(const std::vector<std::string> &arguments,
                                    std::string &error) {
  Options options;
  error.clear();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    if (argument.empty() || argument[0] != '-') {
      if (argument.empty() || !options.name.empty()) {
        error = "unexpected argument '" + argument + "'";
        return std::nullopt;
      }
      options.name = argument;
      continue;
    }
    // Both "--option value" and "--option=value".
    size_t equals = argument.compare(0, 2, "--") == 0 ? argument.find('=')
                                                      : std::string::npos;
    std::string name = argument.substr(0, equals);
    const OptionRow *row = nullptr;
    for (const OptionRow &candidate : kRows)
      if (name == candidate.name)
        row = &candidate;
    if (!row) {
      error = describeUnknown(name);
      return std::nullopt;
    }
    std::string value;
    if (row->value) {
      if (equals != std::string::npos) {
        value = argument.substr(equals + 1);
      } else if (++i < arguments.size()) {
        value = arguments[i];
      } else {
        error = name + " needs a value: " + row->expected;
        return std::nullopt;
      }
    } else if (equals != std::string::npos) {
      error = name + " takes no value";
      return std::nullopt;
    }
    if (!row->apply(options, value)) {
      error = name + " is '" + value + "', expected " + row->expected;
      return std::nullopt;
    }
  }
  if (!check(options, error))
    return std::nullopt;
  return options;
}

std::string helpText() {
  std::string text =
      "usage: winnow-run NAME (--prompt TEXT | --prompt-file FILE | --ids "
      "1,2,3) [options]\n"
      "       winnow-run NAME --ids 1,2,3 --logits OUT.npy\n"
      "       winnow-run NAME --chat [--system TEXT]\n"
      "       winnow-run NAME --prompt TEXT --prompt TEXT [--embedding "
      "OUT.npy] "
      "[--hidden OUT.npy]\n"
      "       winnow-run NAME --image IN.npy --logits OUT.npy\n"
      "       winnow-run NAME --bench [--prefill N --decode N] [--json]\n"
      "       winnow-run NAME --evaluate FILE [--against OTHER] [--json]\n"
      "       winnow-run NAME --inspect\n"
      "\n"
      "Runs the model that winnow-compile made; NAME is its path without "
      "extension.\n"
      "Generated text goes to standard output, everything else to standard "
      "error.\n"
      "\n";
  for (const OptionRow &row : kRows) {
    if (!row.help)
      continue;
    std::string left = std::string("  ") + row.name;
    if (row.value)
      left += std::string(" ") + row.value;
    left.resize(std::max<size_t>(left.size() + 1, 24), ' ');
    text += left + row.help + "\n";
  }
  return text;
}

} // namespace run
} // namespace winnow
