//===- MemoryLayout.cpp - Where the buffers of an entry point lie ---------===//

#include "EntryPlan.h"

#include "winnow/Codegen/Cpu/Attention.h"

#include <map>

using namespace mlir;

namespace winnow::cpu {

static void keepLocalBuffersInScratch(EntryPlan &plan) {
  // A row that only its own stage reads need not leave the thread; the offset
  // in scratch is chosen when the stage's kernel is written. Encoded rows come
  // in tiles of several rows and stay in the arena.
  std::vector<bool> rowOnly(plan.buffers.size(), false);
  for (Step &step : plan.steps)
    if (step.isRowStep() && step.kind != Step::Kind::Recode &&
        step.kind != Step::Kind::KvAppend)
      for (int output : step.outputs)
        rowOnly[output] = true;
  for (auto [index, buffer] : llvm::enumerate(plan.buffers))
    if (buffer.place == Buffer::Place::Arena && rowOnly[index] &&
        buffer.firstStage == buffer.lastStage)
      buffer.place = Buffer::Place::Scratch;
}

static void layOutArena(EntryPlan &plan) {
  // Buffers of the same row count form a region whose size is proportional to
  // it, so first fit on bytes per row is right for every count.
  struct Taken {
    int64_t begin, end;
    int lastStage;
  };
  std::map<std::pair<int, int64_t>, SmallVector<Taken>> regions;
  SmallVector<int> order;
  for (auto [index, buffer] : llvm::enumerate(plan.buffers))
    if (buffer.place == Buffer::Place::Arena)
      order.push_back(index);
  llvm::sort(order, [&](int a, int b) {
    return std::pair(plan.buffers[a].firstStage, a) <
           std::pair(plan.buffers[b].firstStage, b);
  });
  plan.arena.perDim.assign(plan.dimNames.size(), 0);
  for (int index : order) {
    Buffer &buffer = plan.buffers[index];
    int64_t bytes = llvm::alignTo(buffer.rowBytes, 4);
    if (buffer.rows.symbol < 0) {
      // Constant counts are small and rare: no sharing.
      buffer.location = plan.arena.constant;
      plan.arena.constant += llvm::alignTo(
          bytes * llvm::alignTo(buffer.rows.constant, kRowRounding), 64);
      continue;
    }
    SmallVector<Taken> &region = regions[{buffer.rows.symbol, 0}];
    llvm::erase_if(region, [&](const Taken &taken) {
      return taken.lastStage < buffer.firstStage;
    });
    llvm::sort(region, [](const Taken &a, const Taken &b) {
      return a.begin < b.begin;
    });
    int64_t begin = 0;
    for (const Taken &taken : region) {
      if (begin + bytes <= taken.begin)
        break;
      begin = std::max(begin, taken.end);
    }
    buffer.location = begin;
    region.push_back({begin, begin + bytes, buffer.lastStage});
    int64_t &size = plan.arena.perDim[buffer.rows.symbol];
    size = std::max(size, begin + bytes);
  }
}

static void layOutSharedMemory(EntryPlan &plan) {
  // Attentions of one stage run side by side; those of different stages reuse
  // the memory.
  size_t dims = plan.dimNames.size();
  plan.shared.perDim.assign(dims, 0);
  AffineBytes used;
  int stage = -1;
  SmallVector<Step *> attentions;
  for (Step &step : plan.steps)
    if (step.kind == Step::Kind::Attention)
      attentions.push_back(&step);
  llvm::sort(attentions, [](const Step *a, const Step *b) {
    return std::pair(a->stage, a) < std::pair(b->stage, b);
  });
  for (Step *step : attentions) {
    if (step->stage != stage) {
      stage = step->stage;
      used.perDim.assign(dims, 0);
      used.constant = 0;
    }
    step->sharedOffset = used;
    AttentionSharedBytes bytes =
        attentionSharedBytes(AttentionSpec::get(cast<AttentionOp>(step->op)));
    auto add = [&](RowCount rows, int64_t perRow) {
      if (rows.symbol >= 0)
        used.perDim[rows.symbol] += perRow;
      else
        used.constant += perRow * llvm::alignTo(rows.constant, kRowRounding);
    };
    const CachePlan &cache = plan.caches[step->cache];
    used.constant += llvm::alignTo(bytes.constant, 64);
    add(step->rows, bytes.perQuery);
    if (cache.argument >= 0)
      used.constant += bytes.perKey * cache.type.getCapacity();
    else
      add(cache.events.front().appended, bytes.perKey);
    for (size_t dim = 0; dim < dims; ++dim)
      plan.shared.perDim[dim] =
          std::max(plan.shared.perDim[dim], used.perDim[dim]);
    plan.shared.constant = std::max(plan.shared.constant, used.constant);
  }
}

void layOutMemory(EntryPlan &plan) {
  keepLocalBuffersInScratch(plan);
  layOutArena(plan);
  layOutSharedMemory(plan);
}

} // namespace winnow::cpu
