//===- Schedule.cpp - Stages of an entry point ----------------------------===//

#include "EntryPlan.h"

namespace winnow::cpu {

void scheduleSteps(EntryPlan &plan) {
  // The step that writes a buffer, and those that append to a cache.
  std::vector<int> writer(plan.buffers.size(), -1);
  std::vector<int> appender(plan.caches.size(), -1);
  for (size_t index = 0; index < plan.steps.size(); ++index) {
    Step &step = plan.steps[index];
    int stage = 0;
    auto after = [&](int producer, bool sameRowsSuffice) {
      if (producer < 0)
        return;
      const Step &other = plan.steps[producer];
      bool together = sameRowsSuffice && step.isRowStep() &&
                      other.isRowStep() && other.rows == step.rows;
      stage = std::max(stage, other.stage + (together ? 0 : 1));
    };
    for (auto [position, input] : llvm::enumerate(step.inputs))
      if (input >= 0)
        after(writer[input], !step.readsAnyRow(position));
    if (step.cache >= 0) {
      after(appender[step.cache], step.kind == Step::Kind::KvAppend);
      if (step.kind == Step::Kind::KvAppend)
        appender[step.cache] = index;
    }
    step.stage = stage;
    for (int output : step.outputs)
      if (output >= 0)
        writer[output] = index;
    plan.stages = std::max(plan.stages, stage + 1);
  }

  for (Step &step : plan.steps) {
    for (int output : step.outputs)
      if (output >= 0)
        plan.buffers[output].firstStage = plan.buffers[output].lastStage =
            step.stage;
  }
  for (Step &step : plan.steps)
    for (int input : step.inputs)
      if (input >= 0) {
        Buffer &buffer = plan.buffers[input];
        buffer.lastStage = std::max(buffer.lastStage, step.stage);
      }
}

} // namespace winnow::cpu
