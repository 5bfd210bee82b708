//===- Profile.cpp - Where the time of an artifact goes -------------------===//

#include "Profile.h"

#include "ceilings/ArithmeticPeaks.h"
#include "ceilings/ReadBandwidth.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <map>

namespace winnow {
namespace run {

/// Threads that a session can have, and events that each notes at most: 32
/// bytes of memory and about 200 of the trace.
static constexpr size_t kMostThreads = 1024;
static constexpr size_t kMostEvents = 1000000;

//===----------------------------------------------------------------------===//
// Collecting
//===----------------------------------------------------------------------===//

std::unique_ptr<Profile> Profile::attach(const Artifact &artifact,
                                         Session &session,
                                         const std::string &path,
                                         std::string &error) {
  std::unique_ptr<Profile> profile(new Profile(artifact, session));
  if (path.empty())
    return profile;
  if (artifact.api().struct_size <= offsetof(winnow_api, set_profiler)) {
    error = "the artifact cannot be profiled: compile the model again";
    return nullptr;
  }
  std::optional<Json> manifest =
      parseJson(artifact.info().manifest_json, error);
  if (!manifest) {
    error = "manifest: " + error;
    return nullptr;
  }
  std::optional<std::vector<EntryInfo>> entries = readStages(*manifest, error);
  if (!entries)
    return nullptr;
  profile->entries = std::move(*entries);
  profile->path = path;
  profile->file = std::fopen(path.c_str(), "wb");
  if (!profile->file) {
    error = "cannot create '" + path + "': " + std::strerror(errno);
    return nullptr;
  }
  profile->threads.resize(kMostThreads);
  profile->start = profile->seconds();
  winnow_error failure = {};
  if (artifact.api().set_profiler(session.get(), callback, profile.get(),
                                  &failure) == WINNOW_OK)
    return profile;
  error = failure.message;
  return nullptr;
}

Profile::~Profile() {
  if (!file)
    return;
  if (artifact.api().struct_size > offsetof(winnow_api, set_profiler))
    artifact.api().set_profiler(session.get(), nullptr, nullptr, nullptr);
  std::fclose(file);
}

double Profile::seconds() const {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
             .count() -
         start;
}

void Profile::callback(void *context, const winnow_stage *stage) {
  static_cast<Profile *>(context)->note(*stage);
}

void Profile::note(const winnow_stage &stage) {
  if (static_cast<size_t>(stage.thread) >= threads.size())
    return;
  Thread &thread = threads[static_cast<size_t>(stage.thread)];
  if (stage.leaves) {
    if (thread.events.size() < kMostEvents)
      thread.events.push_back(
          {thread.begin, seconds(), thread.calls - 1, stage.stage});
    return;
  }
  if (stage.stage == 0) {
    // All threads take part in all calls, so their counts agree.
    ++thread.calls;
    if (stage.thread == 0) {
      const EntryInfo *info = nullptr;
      for (const EntryInfo &entry : entries)
        if (entry.name == stage.entry)
          info = &entry;
      size_t dims = info ? info->dims : 0;
      calls.push_back({info,
                       std::vector<int64_t>(stage.dims, stage.dims + dims),
                       stage.past});
    }
  }
  thread.begin = seconds();
}

const StageInfo *Profile::infoOf(const Event &event) const {
  const EntryInfo *entry = calls[event.call].entry;
  size_t stage = static_cast<size_t>(event.stage);
  return entry && stage < entry->stages.size() ? &entry->stages[stage]
                                               : nullptr;
}

//===----------------------------------------------------------------------===//
// Reporting
//===----------------------------------------------------------------------===//

bool Profile::writeTrace(std::string &error) {
  std::fputs("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n", file);
  const char *separator = "";
  for (size_t t = 0; t < threads.size(); ++t)
    for (const Event &event : threads[t].events) {
      const StageInfo *info = infoOf(event);
      if (!info)
        continue;
      const Call &call = calls[event.call];
      StageWork work = info->work(call.dims, call.past);
      std::fprintf(
          file,
          "%s{\"ph\": \"X\", \"pid\": 1, \"tid\": %zu, \"ts\": %.3f, \"dur\": "
          "%.3f, \"cat\": %s, \"name\": %s, \"args\": {\"op\": %s, \"call\": "
          "%u, \"stage\": %d, \"operations\": %.0f, "
          "\"integer_operations\": %.0f, \"bytes\": %.0f}}",
          separator, t, event.begin * 1e6, (event.end - event.begin) * 1e6,
          quoteJson(call.entry->name).c_str(), quoteJson(info->kernels).c_str(),
          quoteJson(info->name).c_str(), event.call, event.stage,
          work.operations, work.integerOperations, work.bytes);
      separator = ",\n";
    }
  std::fputs("\n]}\n", file);
  bool written = !std::ferror(file);
  written &= std::fclose(file) == 0;
  file = nullptr;
  if (!written)
    error = "cannot write '" + path + "': " + std::strerror(errno);
  return written;
}

namespace {

/// Equal stages of all calls.
struct Row {
  int64_t stages = 0;
  double seconds = 0, atCeiling = 0;
  double reading = 0, computing = 0; ///< seconds at the ceilings
  StageWork work;
};

} // namespace

static double peakOf(const std::vector<ceilings::ArithmeticPeak> &peaks,
                     const std::string &key) {
  for (const ceilings::ArithmeticPeak &peak : peaks)
    if (peak.key == key)
      return peak.operationsPerSecond;
  return 0;
}

void Profile::printTable() const {
  // A stage takes from when its first thread begins until its last one ends.
  std::map<std::pair<uint32_t, int32_t>, std::pair<double, double>> spans;
  int32_t threadCount = 0;
  for (const Thread &thread : threads) {
    threadCount += !thread.events.empty();
    for (const Event &event : thread.events) {
      auto [span, fresh] =
          spans.insert({{event.call, event.stage}, {event.begin, event.end}});
      span->second.first = std::min(span->second.first, event.begin);
      span->second.second = std::max(span->second.second, event.end);
    }
  }
  if (spans.empty())
    return;
  double bandwidth =
      ceilings::measureReadBandwidth({threadCount}).bytesPerSecond;
  std::vector<ceilings::ArithmeticPeak> peaks =
      ceilings::measureArithmeticPeaks(threadCount);
  double real = peakOf(peaks, "f32_fma"), integer = peakOf(peaks, "u8s8_dot");

  std::map<std::string, std::map<std::string, Row>> phases;
  std::map<std::string, double> totals;
  for (const auto &[key, span] : spans) {
    const StageInfo *info = infoOf({0, 0, key.first, key.second});
    if (!info)
      continue;
    const Call &call = calls[key.first];
    int64_t most = 0;
    for (int64_t dim : call.dims)
      most = std::max(most, dim);
    std::string phase =
        call.entry->name + (most > 1 ? ", many rows" : ", one row");
    Row &row = phases[phase][info->kernels];
    StageWork work = info->work(call.dims, call.past);
    double reading = bandwidth > 0 ? work.bytes / bandwidth : 0;
    double computing = (real > 0 ? work.operations / real : 0) +
                       (integer > 0 ? work.integerOperations / integer : 0);
    ++row.stages;
    row.seconds += span.second - span.first;
    row.reading += reading;
    row.computing += computing;
    row.atCeiling += std::max(reading, computing);
    row.work.operations += work.operations + work.integerOperations;
    row.work.bytes += work.bytes;
    totals[phase] += span.second - span.first;
  }

  std::fprintf(stderr,
               "winnow-run: profile with %d threads; ceilings: read %.1f GB/s, "
               "f32 %.1f, 8-bit %.1f Gop/s\n",
               threadCount, bandwidth / 1e9, real / 1e9, integer / 1e9);
  for (const auto &[phase, rows] : phases) {
    std::fprintf(stderr, "%s: %.3f ms\n%8s %10s %6s %8s %8s  %-15s %s\n",
                 phase.c_str(), totals[phase] * 1e3, "calls", "ms", "time",
                 "GB/s", "Gop/s", "of ceiling", "kernels");
    std::vector<std::pair<std::string, Row>> sorted(rows.begin(), rows.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) {
      return a.second.seconds != b.second.seconds
                 ? a.second.seconds > b.second.seconds
                 : a.first < b.first;
    });
    for (const auto &[kernels, row] : sorted) {
      char share[32] = "-";
      if (row.atCeiling > 0)
        std::snprintf(share, sizeof share, "%.1f %% %s",
                      row.atCeiling / row.seconds * 100,
                      row.reading > row.computing ? "read" : "compute");
      std::fprintf(
          stderr, "%8lld %10.3f %5.1f%% %8.2f %8.2f  %-15s %s\n",
          static_cast<long long>(row.stages), row.seconds * 1e3,
          row.seconds / totals[phase] * 100, row.work.bytes / row.seconds / 1e9,
          row.work.operations / row.seconds / 1e9, share, kernels.c_str());
    }
  }
  for (const Thread &thread : threads)
    if (thread.events.size() == kMostEvents) {
      std::fprintf(stderr, "the profile ends after %zu stages\n", kMostEvents);
      break;
    }
}

bool Profile::finish(std::string &error) {
  if (!file)
    return true;
  artifact.api().set_profiler(session.get(), nullptr, nullptr, nullptr);
  if (!writeTrace(error))
    return false;
  printTable();
  return true;
}

} // namespace run
} // namespace winnow
