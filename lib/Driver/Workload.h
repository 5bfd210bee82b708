//===- Workload.h - What candidates are timed with --------------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_WORKLOAD_H
#define WINNOW_LIB_DRIVER_WORKLOAD_H

#include "winnow/Analysis/Evaluator.h"
#include "winnow/Client/Artifact.h"

#include "llvm/ADT/StringMap.h"

#include <chrono>

namespace winnow {

/// The workload of RunTime, with the time of each stage.
class Workload {
public:
  /// Both outlive the workload.
  static llvm::Expected<Workload> create(const client::Artifact &artifact,
                                         client::Session &session);

  /// It runs phase by phase, so that programs can run theirs in turn; each as a
  /// whole, since what caches of the processor still hold of the weights
  /// counts.
  int64_t countPhases() const;
  llvm::Expected<PhaseTime> runPhase(int64_t phase);

private:
  Workload(const client::Artifact &artifact, client::Session &session)
      : artifact(artifact), session(session) {}

  llvm::Error readStages();
  bool encode(std::string &message);
  llvm::Expected<PhaseTime> time(llvm::StringRef name,
                                 llvm::function_ref<bool(std::string &)> call);
  static void notice(void *context, const winnow_stage *stage);

  const client::Artifact &artifact;
  client::Session &session;
  /// Tokens: of a prompt and behind it, or of each text.
  int64_t prompt = 0, decoded = 0, length = 0;
  std::vector<int32_t> ids;
  /// Of each entry point.
  llvm::StringMap<std::vector<StageTime>> stages;

  /// While a phase runs: the stages of the entry point that runs, the one that
  /// the session's first thread is in, and when it came and went.
  using Clock = std::chrono::steady_clock;
  std::vector<StageTime> *running = nullptr;
  int32_t open = -1;
  Clock::time_point begin, end;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_WORKLOAD_H
