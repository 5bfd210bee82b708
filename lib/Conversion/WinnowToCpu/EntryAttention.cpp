//===- EntryAttention.cpp - The attentions of an entry point --------------===//

#include "EntryEmitter.h"

using namespace mlir;

namespace winnow::cpu {

AttentionArguments EntryEmitter::attentionArguments(const Step &step) {
  auto op = cast<AttentionOp>(step.op);
  const CacheValues &cache = caches[step.cache];
  auto queryType = cast<RankedTensorType>(op.getQuery().getType());
  auto outputType = cast<RankedTensorType>(op.getOutput().getType());
  AttentionArguments arguments;
  arguments.query = address(step.inputs[0]);
  arguments.queryStride =
      kb.i64(queryType.getDimSize(1) * queryType.getDimSize(2));
  arguments.queries = rowCount(step.rows);
  arguments.queryPositions = address(step.inputs[1]);
  arguments.keys = cache.keys;
  arguments.values = cache.values;
  arguments.keyPositions = cache.positions;
  arguments.keyCount = cacheLength(step.cache, step.cacheEvents);
  arguments.capacity = cacheCapacity(step.cache);
  arguments.splitKeys =
      plan.caches[step.cache].argument < 0 ? arguments.keyCount : splitKeys;
  if (op.getQuerySegments()) {
    arguments.querySegments = address(step.inputs[2]);
    arguments.keySegments = cache.segments;
  }
  if (op.getSinks())
    arguments.sinks = address(step.inputs[3]);
  if (op.getBias()) {
    // [keys] for all queries, [queries, keys] for all heads, or [heads,
    // queries, keys].
    int64_t rank = cast<RankedTensorType>(op.getBias().getType()).getRank();
    arguments.bias = address(step.inputs[4]);
    arguments.biasQueryStride = rank == 1 ? kb.i64(0) : arguments.keyCount;
    arguments.biasHeadStride =
        rank == 3 ? kb.mul(arguments.queries, arguments.keyCount) : kb.i64(0);
  }
  if (op.getRelativeBias())
    arguments.relativeBias = address(step.inputs[6]);
  if (op.getMaskOperand()) {
    auto type = cast<RankedTensorType>(op.getMaskOperand().getType());
    arguments.visible = address(step.inputs[5]);
    arguments.visibleStride =
        type.isDynamicDim(1) ? arguments.keyCount : kb.i64(type.getDimSize(1));
  }
  arguments.output = address(step.outputs[0]);
  arguments.outputStride =
      kb.i64(outputType.getDimSize(1) * outputType.getDimSize(2));
  if (op.getLse())
    arguments.lse = address(step.outputs[1]);
  if (op.getScores())
    arguments.columnSums = address(step.outputs[2]);
  arguments.threadScratch = threadScratch;
  arguments.shared = kb.offset(shared, step.sharedOffset.constant);
  for (auto [dim, bytes] : llvm::enumerate(step.sharedOffset.perDim))
    if (bytes)
      arguments.shared =
          kb.offset(arguments.shared, kb.mul(roundedDims[dim], bytes));
  arguments.thread = thread;
  arguments.threads = threads;
  return arguments;
}

/// Calls `body` with the first row, the number of rows and the first slot of
/// each run of segments.
void EntryEmitter::forEachRun(
    const SegmentRuns &runs, RowCount rows,
    llvm::function_ref<void(Value, Value, Value)> body) {
  auto number = [&](int buffer, Value index) {
    Value ptr = kb.offset(address(buffer), kb.mul(index, sizeof(int32_t)));
    return kb.sext(kb.load(kb.i32Type(), ptr, 4), kb.i64Type());
  };
  Value count = number(runs.header, kb.i64(0));
  kb.forLoop(
      kb.i64(0), count, kb.i64(1),
      [&](Value run) {
        Value first = number(runs.starts, run);
        Value next = kb.minS(kb.add(run, 1), kb.sub(count, kb.i64(1)));
        Value isLast = kb.equal(kb.add(run, 1), count);
        Value end =
            kb.select(isLast, rowCount(rows), number(runs.starts, next));
        body(first, kb.sub(end, first), number(runs.slots, first));
      },
      /*unroll=*/false);
}

/// Self-attention of one run after another, each as if it were alone. There are
/// as many keys as queries, so that chunks of keys are never spread over
/// threads, and nothing is left to combine.
void EntryEmitter::emitRunAttention(const Step &step, const SegmentRuns &runs) {
  auto op = cast<AttentionOp>(step.op);
  AttentionSpec spec = AttentionSpec::get(op);
  AttentionKernels kernels = getAttentionKernels(module, target, spec);
  const AttentionArguments whole = attentionArguments(step);
  auto at = [&](Value ptr, Value index, int64_t elements) {
    return ptr ? kb.offset(ptr, kb.mul(index, elements * sizeof(float))) : ptr;
  };
  forEachRun(runs, step.rows, [&](Value first, Value count, Value slot) {
    AttentionArguments run = whole;
    run.queries = run.keyCount = count;
    run.query = at(whole.query, first, spec.queryHeads * spec.keyDim);
    run.queryPositions = at(whole.queryPositions, first, 1);
    run.querySegments = at(whole.querySegments, first, 1);
    // One of rank 1: planRuns takes no other.
    run.bias = at(whole.bias, first, 1);
    run.output = at(whole.output, first, spec.queryHeads * spec.valueDim);
    run.lse = at(whole.lse, first, spec.queryHeads);
    run.keys = at(whole.keys, slot, spec.keyDim);
    run.values = at(whole.values, slot, spec.valueDim);
    run.keyPositions = at(whole.keyPositions, slot, 1);
    run.keySegments = at(whole.keySegments, slot, 1);
    callAttention(kb, kernels.compute, run);
  });
  const Step *done = &step;
  record(kernels.compute, done);
}

/// Finds the runs of segments: one thread is enough.
void EntryEmitter::emitRuns(const Step &step) {
  Value segments = address(step.inputs[0]), slots = address(step.outputs[0]),
        starts = address(step.outputs[1]), header = address(step.outputs[2]);
  Value rows = rowCount(step.rows);
  auto element = [&](Value ptr, Value index) {
    return kb.offset(ptr, kb.mul(index, sizeof(int32_t)));
  };
  auto segmentOf = [&](Value row) {
    return kb.load(kb.i32Type(), element(segments, row), 4);
  };
  auto store = [&](Value number, Value ptr) {
    kb.store(kb.trunc(number, kb.i32Type()), ptr, 4);
  };
  kb.ifThen(kb.equal(thread, kb.i64(0)), [&] {
    Value rise = kb.forLoop(
        kb.i64(1), rows, kb.i64(1), {kb.i64(1)},
        [&](Value row, ValueRange carried) {
          Value falls =
              kb.lessThan(segmentOf(row), segmentOf(kb.sub(row, kb.i64(1))));
          return KernelBuilder::Values{kb.select(falls, kb.i64(0), carried[0])};
        },
        /*unroll=*/false)[0];
    KernelBuilder::Values ends = kb.forLoop(
        kb.i64(0), rows, kb.i64(1), {kb.i64(0), kb.i64(0)},
        [&](Value row, ValueRange carried) {
          Value before = kb.maxS(kb.sub(row, kb.i64(1)), kb.i64(0));
          Value isSame = kb.equal(segmentOf(row), segmentOf(before));
          Value isNew = kb.select(isSame, kb.i64(0), kb.andI(rise, kb.i64(1)));
          isNew = kb.select(kb.equal(row, kb.i64(0)), kb.i64(1), isNew);
          Value starting = kb.equal(isNew, kb.i64(1));
          Value slot = kb.select(starting, kb.roundUp(carried[0], kRowRounding),
                                 carried[0]);
          store(slot, element(slots, row));
          kb.ifThen(starting, [&] { store(row, element(starts, carried[1])); });
          return KernelBuilder::Values{kb.add(slot, 1),
                                       kb.add(carried[1], isNew)};
        },
        /*unroll=*/false);
    store(ends[1], header);
    store(kb.roundUp(ends[0], kRowRounding), element(header, kb.i64(1)));
  });
}

void EntryEmitter::emitAttentions(ArrayRef<const Step *> steps) {
  SmallVector<std::pair<AttentionKernels, AttentionArguments>> attentions;
  SmallVector<const Step *> together;
  bool anyScores = false;
  for (const Step *step : steps) {
    AttentionSpec spec = AttentionSpec::get(cast<AttentionOp>(step->op));
    needScratch(attentionThreadScratchBytes(spec));
    if (const SegmentRuns *runs = plan.caches[step->cache].runs) {
      emitRunAttention(*step, *runs);
      continue;
    }
    attentions.push_back(
        {getAttentionKernels(module, target, spec), attentionArguments(*step)});
    together.push_back(step);
    anyScores |= spec.wantsScores;
  }
  for (auto [attention, step] : llvm::zip_equal(attentions, together)) {
    callAttention(kb, attention.first.compute, attention.second);
    record(attention.first.compute, step);
  }
  if (attentions.empty())
    return;
  emitBarrier();
  for (auto &[kernels, arguments] : attentions) {
    callAttention(kb, kernels.combine, arguments);
    record(kernels.combine, {});
  }
  if (!anyScores)
    return;
  emitBarrier();
  for (auto &[kernels, arguments] : attentions)
    if (kernels.scores) {
      callAttention(kb, kernels.scores, arguments);
      record(kernels.scores, {});
    }
}

} // namespace winnow::cpu
