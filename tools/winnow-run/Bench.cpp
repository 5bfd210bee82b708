//===- Bench.cpp - Timing an artifact -------------------------------------===//

#include "Bench.h"

#include "Json.h"
#include "Profile.h"
#include "Report.h"
#include "ceilings/ArithmeticPeaks.h"
#include "ceilings/ReadBandwidth.h"
#include "winnow/Client/Texts.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

namespace winnow {
namespace run {

/// The median of this many timings is reported.
static constexpr int kRepetitions = 5;

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

namespace {

struct Timings {
  std::vector<double> prefillSeconds, decodeSeconds;
};

} // namespace

/// Prefills and decodes once to touch all memory, then repeatedly with a clock.
static bool measure(Session &session, const std::vector<int32_t> &ids,
                    int64_t prefill, Timings &timings, std::string &error) {
  for (int repetition = -1; repetition < kRepetitions; ++repetition) {
    session.reset();
    double start = now();
    if (!session.prefillPrompt(ids.data(), prefill, /*span=*/nullptr,
                               WINNOW_ROWS_LAST, error))
      return false;
    double middle = now();
    for (size_t i = static_cast<size_t>(prefill); i < ids.size(); ++i)
      if (!session.decode(ids[i], error))
        return false;
    double end = now();
    if (repetition < 0)
      continue;
    timings.prefillSeconds.push_back(middle - start);
    timings.decodeSeconds.push_back(end - middle);
  }
  return true;
}

/// Multiplications and additions of the linear layers for one token, where the
/// manifest says.
static double linearOperations(const Artifact &artifact) {
  std::string ignored;
  std::optional<Json> manifest =
      parseJson(artifact.info().manifest_json, ignored);
  const Json *value =
      manifest ? manifest->find("linear_operations_per_token") : nullptr;
  std::optional<double> number = value ? value->number() : std::nullopt;
  return number ? *number : std::nan("");
}

static double peakOf(const std::vector<ceilings::ArithmeticPeak> &peaks,
                     const std::string &key) {
  for (const ceilings::ArithmeticPeak &peak : peaks)
    if (peak.key == key)
      return peak.operationsPerSecond;
  return std::nan("");
}

/// Encodes a batch of equally long texts.
static bool benchEncoder(const Artifact &artifact, const Options &options,
                         double loadSeconds, std::string &error) {
  const winnow_model_info &info = artifact.info();
  Options wanted = options;
  if (wanted.threads == 0)
    wanted.threads = availableThreads();
  double start = now();
  std::unique_ptr<Session> session = Session::create(artifact, wanted, error);
  if (!session)
    return false;
  loadSeconds += now() - start;
  if (options.benchLength > session->context()) {
    error = "context overrun: --length " + std::to_string(options.benchLength) +
            " does not fit in a context of " +
            std::to_string(session->context());
    return false;
  }
  int64_t tokens = options.benchLength * options.benchBatch;
  std::vector<int32_t> ids = client::makeIds(tokens, info.vocabulary);
  std::vector<int64_t> lengths(static_cast<size_t>(options.benchBatch),
                               options.benchLength);
  winnow_texts texts = {ids.data(), lengths.data(), options.benchBatch};
  std::vector<float> result(static_cast<size_t>(
      info.pooled_width ? info.pooled_width * options.benchBatch
                        : info.hidden_width * tokens));
  std::unique_ptr<Profile> profile =
      Profile::attach(artifact, *session, options.profilePath, error);
  if (!profile)
    return false;
  std::vector<double> seconds;
  for (int repetition = -3; repetition < 2 * kRepetitions; ++repetition) {
    start = now();
    if (!session->encode(texts, info.pooled_width ? nullptr : result.data(),
                         info.pooled_width ? result.data() : nullptr, error))
      return false;
    if (repetition >= 0)
      seconds.push_back(now() - start);
  }
  if (!profile->finish(error))
    return false;
  double peak =
      peakOf(ceilings::measureArithmeticPeaks(wanted.threads), "f32_fma");
  double speed = static_cast<double>(tokens) / median(seconds);
  double operations = linearOperations(artifact);
  return printReport(
      {{"threads", static_cast<double>(wanted.threads)},
       {"length", static_cast<double>(options.benchLength)},
       {"batch", static_cast<double>(options.benchBatch)},
       {"seconds", median(seconds)},
       {"seconds_best", *std::min_element(seconds.begin(), seconds.end())},
       {"tokens_per_second", speed},
       {"linear_operations_per_token", operations},
       {"f32_operations_per_second", peak},
       {"share_of_f32_operations", speed * operations / peak},
       {"load_seconds", loadSeconds}},
      options.json, error);
}

bool bench(const Artifact &artifact, const Options &options, double loadSeconds,
           std::string &error) {
  const winnow_model_info &info = artifact.info();
  if (info.hidden_width)
    return benchEncoder(artifact, options, loadSeconds, error);
  if (info.vocabulary <= 0) {
    error = std::string(info.name) + " has no decoder to time";
    return false;
  }
  if (options.benchPrefill > info.context ||
      options.benchDecode > info.context - options.benchPrefill) {
    error = "context overrun: --prefill " +
            std::to_string(options.benchPrefill) + " and --decode " +
            std::to_string(options.benchDecode) +
            " do not fit in a context of " + std::to_string(info.context);
    return false;
  }
  Options wanted = options;
  if (wanted.threads == 0)
    wanted.threads = availableThreads();
  double start = now();
  std::unique_ptr<Session> session = Session::create(artifact, wanted, error);
  if (!session)
    return false;
  loadSeconds += now() - start;
  Timings timings;
  std::vector<int32_t> ids = client::makeIds(
      options.benchPrefill + options.benchDecode, info.vocabulary);
  std::unique_ptr<Profile> profile =
      Profile::attach(artifact, *session, options.profilePath, error);
  if (!profile ||
      !measure(*session, ids, options.benchPrefill, timings, error) ||
      !profile->finish(error))
    return false;

  ceilings::ReadBandwidth read =
      ceilings::measureReadBandwidth({wanted.threads});
  std::vector<ceilings::ArithmeticPeak> peaks =
      ceilings::measureArithmeticPeaks(wanted.threads);
  double prefillSpeed = static_cast<double>(options.benchPrefill) /
                        median(timings.prefillSeconds);
  double decodeSpeed =
      static_cast<double>(options.benchDecode) / median(timings.decodeSeconds);
  // On average a decoded token reads the caches of the prompt and of half of
  // the tokens decoded with it.
  double kvBytes = static_cast<double>(info.kv_bytes_per_token) *
                   (static_cast<double>(options.benchPrefill) +
                    static_cast<double>(options.benchDecode + 1) / 2);
  double bytes = static_cast<double>(info.checkpoint_bytes_per_token) + kvBytes;
  double readSpeed =
      read.bytesPerSecond > 0 ? read.bytesPerSecond : std::nan("");
  double operations = linearOperations(artifact);
  double int8Peak = peakOf(peaks, "u8s8_dot");
  return printReport(
      {{"threads", static_cast<double>(wanted.threads)},
       {"prefill_tokens", static_cast<double>(options.benchPrefill)},
       {"decode_tokens", static_cast<double>(options.benchDecode)},
       {"prefill_tokens_per_second", prefillSpeed},
       {"decode_tokens_per_second", decodeSpeed},
       {"bytes_per_token", bytes},
       {"kv_bytes_per_token", kvBytes},
       {"read_bytes_per_second", readSpeed},
       {"share_of_read_bandwidth", decodeSpeed * bytes / readSpeed},
       {"linear_operations_per_token", operations},
       {"f32_operations_per_second", peakOf(peaks, "f32_fma")},
       {"int8_operations_per_second", int8Peak},
       {"share_of_int8_operations", prefillSpeed * operations / int8Peak},
       {"prefill_seconds_best",
        *std::min_element(timings.prefillSeconds.begin(),
                          timings.prefillSeconds.end())},
       {"decode_seconds_best", *std::min_element(timings.decodeSeconds.begin(),
                                                 timings.decodeSeconds.end())},
       {"load_seconds", loadSeconds}},
      options.json, error);
}

} // namespace run
} // namespace winnow
