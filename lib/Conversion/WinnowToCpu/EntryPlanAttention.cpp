//===- EntryPlanAttention.cpp - Steps of attention and its caches ---------===//

#include "EntryPlanner.h"

using namespace mlir;

namespace winnow::cpu {

LogicalResult EntryPlanner::planRope(RopeOp op) {
  // Cosines and sines depend on the positions alone: one table serves all
  // layers that rotate alike.
  int table = -1;
  for (auto &[other, buffer] : ropeTables)
    if (other.getPositions() == op.getPositions() &&
        bufferOf(other.getFactors()) == bufferOf(op.getFactors()) &&
        other.getBaseAttr() == op.getBaseAttr() &&
        other.getDims() == op.getDims() &&
        other.getScalingAttr() == op.getScalingAttr())
      table = buffer;
  FailureOr<RowCount> rows = rowsOf(op.getInput());
  if (failed(rows))
    return failure();
  if (table < 0) {
    Buffer buffer;
    buffer.rows = *rows;
    buffer.rowBytes = op.getDims() * sizeof(float);
    table = addBuffer(buffer);
    addStep(Step::Kind::RopeTable, op,
            {bufferOf(op.getPositions()), bufferOf(op.getFactors())}, {table},
            *rows);
    ropeTables.push_back({op, table});
  }
  FailureOr<int> output = defineResult(op.getOutput(), *rows);
  if (failed(output))
    return failure();
  addStep(Step::Kind::Rope, op, {bufferOf(op.getInput()), table}, {*output},
          *rows);
  return success();
}

LogicalResult EntryPlanner::planAppend(KvAppendOp op) {
  auto [cache, events] = cacheStates.lookup(op.getCache());
  FailureOr<RowCount> rows = rowsOf(op.getKey());
  if (failed(rows))
    return failure();
  CachePlan &cachePlan = plan.caches[cache];
  if (events != cachePlan.events.size())
    return op.emitOpError("expects the newest state of its cache");
  Step &step =
      addStep(Step::Kind::KvAppend, op,
              {bufferOf(op.getKey()), bufferOf(op.getValue()),
               bufferOf(op.getPositions()), bufferOf(op.getSegments())},
              {}, *rows);
  step.cache = cache;
  step.cacheEvents = events;
  cachePlan.events.push_back({*rows, std::nullopt});
  cacheStates[op.getResult()] = {cache, events + 1};
  return success();
}

LogicalResult EntryPlanner::planTruncate(KvTruncateOp op) {
  auto [cache, events] = cacheStates.lookup(op.getCache());
  CachePlan &cachePlan = plan.caches[cache];
  if (events != cachePlan.events.size())
    return op.emitOpError("expects the newest state of its cache");
  llvm::APInt length;
  if (!matchPattern(op.getLength(), m_ConstantInt(&length)))
    return op.emitOpError("expects a constant length in native code; sessions "
                          "truncate at run time");
  cachePlan.events.push_back({{}, length.getSExtValue()});
  cacheStates[op.getResult()] = {cache, events + 1};
  return success();
}

LogicalResult EntryPlanner::planNextPositions(KvNextPositionsOp op) {
  auto [cache, events] = cacheStates.lookup(op.getCache());
  FailureOr<RowCount> rows = rowsOf(op.getSegments());
  if (failed(rows))
    return failure();
  FailureOr<int> output = defineResult(op.getPositions(), *rows);
  if (failed(output))
    return failure();
  Step &step = addStep(Step::Kind::NextPositions, op,
                       {bufferOf(op.getSegments())}, {*output}, *rows);
  step.cache = cache;
  step.cacheEvents = events;
  return success();
}

/// The runs of segments of a self-attention that treats each by itself; null
/// where what is computed depends on more than the rows of a segment.
const SegmentRuns *EntryPlanner::planRuns(AttentionOp op, RowCount rows) {
  Value segments = op.getQuerySegments();
  FailureOr<RowCount> queries = rowsOf(op.getQuery());
  // Which rows a bias of pairs has depends on the rows of other segments.
  bool pairs = op.getBias() &&
               cast<RankedTensorType>(op.getBias().getType()).getRank() > 1;
  if (!segments || segments != op.getKeySegments() || failed(queries) ||
      !(*queries == rows) || pairs || op.getMaskOperand() || op.getScores())
    return nullptr;
  auto [it, isNew] =
      plan.segmentRuns.try_emplace(segments.getAsOpaquePointer());
  SegmentRuns &runs = it->second;
  if (!isNew)
    return &runs;
  auto addIds = [&](RowCount count) {
    Buffer buffer;
    buffer.rows = count;
    buffer.rowBytes = sizeof(int32_t);
    return addBuffer(buffer);
  };
  runs.slots = addIds(rows);
  runs.starts = addIds(rows);
  runs.header = addIds({-1, 2});
  addStep(Step::Kind::Runs, op, {bufferOf(segments)},
          {runs.slots, runs.starts, runs.header}, rows);
  return &runs;
}

FailureOr<int> EntryPlanner::planPackedKeys(AttentionOp op) {
  auto keyType = cast<RankedTensorType>(op.getKey().getType());
  auto valueType = cast<RankedTensorType>(op.getValue().getType());
  FailureOr<RowCount> rows = rowsOf(op.getKey());
  if (failed(rows))
    return failure();
  const SegmentRuns *runs = planRuns(op, *rows);
  auto addRows = [&](int64_t elements) {
    Buffer buffer;
    buffer.rows = *rows;
    // At worst each row is a run, which has a block of slots.
    buffer.rowBytes = elements * sizeof(float) * (runs ? kRowRounding : 1);
    return addBuffer(buffer);
  };
  int64_t heads = keyType.getDimSize(1);
  int64_t keyDim = keyType.getDimSize(2), valueDim = valueType.getDimSize(2);
  Type f32 = keyType.getElementType();
  CachePlan cache;
  cache.type = KvCacheType::get(op.getContext(), heads, keyDim, valueDim, f32,
                                f32, kRowRounding);
  cache.events.push_back({*rows, std::nullopt});
  cache.keys = addRows(heads * keyDim);
  cache.values = addRows(heads * valueDim);
  cache.positions = addRows(1);
  cache.segments = addRows(1);
  cache.runs = runs;
  Step &step = addStep(
      Step::Kind::KvAppend, op,
      {bufferOf(op.getKey()), bufferOf(op.getValue()),
       bufferOf(op.getKeyPositions()), bufferOf(op.getKeySegments())},
      {cache.keys, cache.values, cache.positions, cache.segments}, *rows);
  if (runs)
    step.inputs.append({runs->slots, runs->header});
  step.cache = plan.caches.size();
  plan.caches.push_back(cache);
  return step.cache;
}

LogicalResult EntryPlanner::planAttention(AttentionOp op) {
  // Rows of ancestor words have a stride that is fixed at compile time.
  if (Value words = op.getMaskOperand();
      words && op.getMask().getKind() == MaskKind::Tree &&
      cast<RankedTensorType>(words.getType()).isDynamicDim(1))
    return op.emitOpError("expects a static number of ancestor words per query "
                          "in native code, found ")
           << words.getType();
  FailureOr<RowCount> rows = rowsOf(op.getQuery());
  if (failed(rows))
    return failure();
  SmallVector<int> inputs = {
      bufferOf(op.getQuery()),         bufferOf(op.getQueryPositions()),
      bufferOf(op.getQuerySegments()), bufferOf(op.getSinks()),
      bufferOf(op.getBias()),          bufferOf(op.getMaskOperand()),
      bufferOf(op.getRelativeBias())};
  SmallVector<int> outputs;
  FailureOr<int> output = defineResult(op.getOutput(), *rows);
  if (failed(output))
    return failure();
  outputs = {*output, -1, -1};
  if (op.getLse()) {
    FailureOr<int> lse = defineResult(op.getLse(), *rows);
    if (failed(lse))
      return failure();
    outputs[1] = *lse;
  }
  if (op.getScores()) {
    FailureOr<RowCount> keyRows = rowsOf(op.getKey());
    if (failed(keyRows))
      return failure();
    FailureOr<int> scores = defineResult(op.getScores(), *keyRows);
    if (failed(scores))
      return failure();
    outputs[2] = *scores;
  }
  int cache = -1;
  if (Value state = viewedCache.lookup(op.getKey())) {
    if (state != viewedCache.lookup(op.getValue()))
      return op.emitOpError("expects keys and values of the same cache");
    auto [index, events] = cacheStates.lookup(state);
    cache = index;
    if (events != plan.caches[index].events.size())
      return op.emitOpError("expects the newest state of its cache");
  } else {
    FailureOr<int> packed = planPackedKeys(op);
    if (failed(packed))
      return failure();
    cache = *packed;
  }
  // Keys that were packed for this op live until it has read them.
  const CachePlan &source = plan.caches[cache];
  for (int buffer :
       {source.keys, source.values, source.positions, source.segments})
    inputs.push_back(buffer);
  if (source.runs)
    inputs.append(
        {source.runs->starts, source.runs->slots, source.runs->header});
  Step &step = addStep(Step::Kind::Attention, op, inputs, outputs, *rows);
  step.cache = cache;
  step.cacheEvents = source.events.size();
  return success();
}

} // namespace winnow::cpu
