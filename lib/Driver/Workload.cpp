//===- Workload.cpp - What candidates are timed with ----------------------===//

#include "Workload.h"

#include "winnow/Client/Texts.h"

#include "llvm/Support/JSON.h"

#include <algorithm>

using namespace llvm;

namespace winnow {

static constexpr int64_t kPrompt = 512, kDecoded = 64;
static constexpr int64_t kTexts = 8, kTextLength = 128;

Expected<Workload> Workload::create(const client::Artifact &artifact,
                                    client::Session &session) {
  Workload workload(artifact, session);
  if (Error error = workload.readStages())
    return std::move(error);
  const winnow_model_info &info = artifact.info();
  int64_t tokens = 0;
  if (info.hidden_width != 0) {
    workload.length = std::min(kTextLength, session.context());
    tokens = kTexts * workload.length;
  } else {
    workload.decoded = std::min(kDecoded, session.context() / 2);
    workload.prompt = std::min(kPrompt, session.context() - workload.decoded);
    tokens = workload.prompt + workload.decoded;
  }
  workload.ids = client::makeIds(tokens, info.vocabulary);
  return workload;
}

Error Workload::readStages() {
  Expected<json::Value> manifest = json::parse(artifact.info().manifest_json);
  if (!manifest)
    return manifest.takeError();
  const json::Array *entries = manifest->getAsObject()->getArray("entries");
  for (const json::Value &entry : entries ? *entries : json::Array()) {
    const json::Object &object = *entry.getAsObject();
    std::vector<StageTime> &found = stages[*object.getString("name")];
    for (const json::Value &stage : *object.getArray("stages")) {
      StageTime &added = found.emplace_back();
      added.name = *stage.getAsObject()->getString("name");
      for (const json::Value &weight :
           *stage.getAsObject()->getArray("weights"))
        added.weights.push_back(weight.getAsString()->str());
    }
  }
  return Error::success();
}

/// The threads of a session go from stage to stage together, so that the first
/// one tells for all.
void Workload::notice(void *context, const winnow_stage *stage) {
  if (stage->thread != 0)
    return;
  auto &self = *static_cast<Workload *>(context);
  Clock::time_point now = Clock::now();
  if (stage->leaves) {
    self.end = now;
    return;
  }
  auto close = [&](Clock::time_point time) {
    if (self.running && self.open >= 0)
      (*self.running)[self.open].seconds +=
          std::chrono::duration<double>(time - self.begin).count();
  };
  // Between two calls no stage runs.
  close(stage->stage == 0 ? self.end : now);
  if (stage->stage == 0) {
    auto entry = self.stages.find(stage->entry);
    self.running = entry == self.stages.end() ? nullptr : &entry->second;
  }
  bool isKnown =
      self.running && stage->stage < static_cast<int32_t>(self.running->size());
  self.open = isKnown ? stage->stage : -1;
  self.begin = now;
}

Expected<PhaseTime> Workload::time(StringRef name,
                                   function_ref<bool(std::string &)> call) {
  for (auto &entry : stages)
    for (StageTime &stage : entry.second)
      stage.seconds = 0;
  running = nullptr;
  open = -1;
  winnow_error failure = {};
  const winnow_api &api = artifact.api();
  if (api.set_profiler(session.get(), notice, this, &failure) != WINNOW_OK)
    return createStringError(failure.message);
  std::string message;
  Clock::time_point start = Clock::now();
  bool succeeded = call(message);
  PhaseTime phase;
  phase.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  api.set_profiler(session.get(), nullptr, nullptr, nullptr);
  if (!succeeded)
    return createStringError(message);
  phase.name = name;
  if (running) {
    if (open >= 0)
      (*running)[open].seconds +=
          std::chrono::duration<double>(end - begin).count();
    phase.stages = *running;
  }
  return phase;
}

bool Workload::encode(std::string &message) {
  const winnow_model_info &info = artifact.info();
  std::vector<int64_t> lengths(kTexts, length);
  winnow_texts texts = {ids.data(), lengths.data(), kTexts};
  bool pools = info.pooled_width != 0;
  std::vector<float> result(pools ? kTexts * info.pooled_width
                                  : kTexts * length * info.hidden_width);
  return session.encode(texts, pools ? nullptr : result.data(),
                        pools ? result.data() : nullptr, message);
}

int64_t Workload::countPhases() const { return decoded ? 2 : 1; }

Expected<PhaseTime> Workload::runPhase(int64_t phase) {
  if (phase == 0)
    session.reset();
  if (length != 0)
    return time("encode",
                [&](std::string &message) { return encode(message); });
  if (phase == 0)
    return time("prefill", [&](std::string &message) {
      return session.prefillPrompt(ids.data(), prompt, /*span=*/nullptr,
                                   WINNOW_ROWS_LAST, message);
    });
  return time("decode", [&](std::string &message) {
    return all_of(ArrayRef(ids).drop_front(prompt),
                  [&](int32_t id) { return session.decode(id, message); });
  });
}

} // namespace winnow
