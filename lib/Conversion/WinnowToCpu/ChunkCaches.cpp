//===- ChunkCaches.cpp - Caches in which segments have their own chunks ---===//

#include "EntryPlan.h"

#include "winnow/Analysis/CacheFlow.h"

using namespace mlir;

namespace winnow::cpu {

/// The number of the input that holds the segments of the tokens that `cache`
/// gets, where the cache can be chunked.
static std::optional<int64_t> segmentsOf(const EntryPlan &plan, int cache) {
  if (plan.caches[cache].argument < 0 || plan.caches[cache].events.size() != 1)
    return std::nullopt;
  // Its slots are not those of the other caches.
  BlockArgument argument = plan.cacheArguments[plan.caches[cache].argument];
  func::FuncOp function = plan.function;
  if (function.getArgAttr(argument.getArgNumber(), kShorterCacheAttr))
    return std::nullopt;
  std::optional<int64_t> segments;
  for (const Step &step : plan.steps) {
    if (step.cache != cache)
      continue;
    if (step.kind == Step::Kind::KvAppend) {
      const Buffer &buffer = plan.buffers[step.inputs[3]];
      if (buffer.place == Buffer::Place::Input)
        segments = buffer.location;
      continue;
    }
    // Slots without a token have no segment, and an index of their own.
    auto attention = dyn_cast<AttentionOp>(step.op);
    if (!attention || !attention.getQuerySegments() || attention.getBias() ||
        attention.getMaskOperand() || attention.getScores())
      return std::nullopt;
  }
  return segments;
}

void chunkCaches(EntryPlan &plan) {
  int slots = -1;
  for (size_t cache = 0; cache < plan.caches.size(); ++cache) {
    std::optional<int64_t> segments = segmentsOf(plan, cache);
    if (!segments || (plan.segmentsInput && plan.segmentsInput != segments))
      continue;
    plan.segmentsInput = segments;
    plan.caches[cache].chunked = true;
    for (Step &step : plan.steps) {
      if (step.cache != static_cast<int>(cache) ||
          step.kind != Step::Kind::KvAppend)
        continue;
      if (slots < 0) {
        Buffer buffer;
        buffer.place = Buffer::Place::Slots;
        buffer.rows = step.rows;
        buffer.rowBytes = sizeof(int32_t);
        slots = plan.buffers.size();
        plan.buffers.push_back(buffer);
      }
      step.inputs.push_back(slots);
    }
  }
}

} // namespace winnow::cpu
