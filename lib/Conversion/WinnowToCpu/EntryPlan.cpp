//===- EntryPlan.cpp - Steps, stages and memory of an entry point ---------===//

#include "EntryPlan.h"

#include "winnow/Codegen/Cpu/Linear.h"
#include "winnow/Formats/Activation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace winnow::cpu {

namespace {

/// Builds the plan op by op.
class Planner {
public:
  Planner(func::FuncOp function, function_ref<int64_t(StringRef)> weightOffset)
      : weightOffset(weightOffset) {
    plan.function = function;
  }

  FailureOr<EntryPlan> run();

private:
  LogicalResult planArguments();
  LogicalResult planOp(Operation *op);
  LogicalResult planResults(func::ReturnOp op);

  // One function per op that needs more than a line.
  LogicalResult planRope(RopeOp op);
  LogicalResult planAppend(KvAppendOp op);
  LogicalResult planTruncate(KvTruncateOp op);
  const SegmentRuns *planRuns(AttentionOp op, RowCount rows);
  FailureOr<int> planPackedKeys(AttentionOp op);
  LogicalResult planAttention(AttentionOp op);
  LogicalResult planLinear(LinearOp op);
  LogicalResult planMap(linalg::MapOp op);
  LogicalResult planPool(TokenPoolOp op);
  LogicalResult planConcat(tensor::ConcatOp op);
  LogicalResult planConstant(arith::ConstantOp op);

  /// Rows and bytes per row of a tensor that is stored as it is typed.
  FailureOr<RowCount> rowsOf(Value value);
  FailureOr<int64_t> rowBytesOf(Value value);

  int addBuffer(Buffer buffer) {
    plan.buffers.push_back(buffer);
    return plan.buffers.size() - 1;
  }
  /// The buffer of a value that an earlier op defined.
  int bufferOf(Value value) { return value ? buffers.lookup(value) : -1; }
  /// A new arena buffer for the result `value` with the rows of `rows`.
  FailureOr<int> defineResult(Value value, RowCount rows);
  /// Adds a step; its results must be defined already.
  Step &addStep(Step::Kind kind, Operation *op, ArrayRef<int> inputs,
                ArrayRef<int> outputs, RowCount rows);

  EntryPlan plan;
  function_ref<int64_t(StringRef)> weightOffset;
  DenseMap<Value, int> buffers;
  /// Rows of tensors with a dynamic leading dimension.
  DenseMap<Value, RowCount> rowCounts;
  /// Cache and number of its events behind a cache value.
  DenseMap<Value, std::pair<int, unsigned>> cacheStates;
  /// The cache value that a kv_view's results show.
  DenseMap<Value, Value> viewedCache;
  /// Rope tables by everything that their contents depend on.
  SmallVector<std::pair<RopeOp, int>> ropeTables;
};

} // namespace

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

FailureOr<RowCount> Planner::rowsOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() == 0)
    return RowCount{-1, 1};
  if (!type.isDynamicDim(0))
    return RowCount{-1, type.getDimSize(0)};
  auto it = rowCounts.find(value);
  if (it == rowCounts.end())
    return emitError(value.getLoc(),
                     "cannot tell the number of rows of a tensor");
  return it->second;
}

FailureOr<int64_t> Planner::rowBytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t elements = 1;
  for (int64_t size : type.getShape().drop_front(type.getRank() ? 1 : 0)) {
    if (ShapedType::isDynamic(size))
      return emitError(value.getLoc(),
                       "only the leading dimension may be dynamic, found ")
             << type;
    elements *= size;
  }
  if (EncodingAttr encoding = getEncoding(type))
    return activationBytesPerRow(activationsOf(encoding.getFormat()), elements);
  int64_t bits =
      type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
  return elements * std::max<int64_t>(bits / 8, 1);
}

FailureOr<int> Planner::defineResult(Value value, RowCount rows) {
  rowCounts[value] = rows;
  FailureOr<int64_t> rowBytes = rowBytesOf(value);
  if (failed(rowBytes))
    return failure();
  Buffer buffer;
  buffer.rows = rows;
  buffer.rowBytes = *rowBytes;
  int index = addBuffer(buffer);
  buffers[value] = index;
  return index;
}

Step &Planner::addStep(Step::Kind kind, Operation *op, ArrayRef<int> inputs,
                       ArrayRef<int> outputs, RowCount rows) {
  Step step{kind, op, SmallVector<int>(inputs), SmallVector<int>(outputs),
            rows};
  plan.steps.push_back(step);
  return plan.steps.back();
}

//===----------------------------------------------------------------------===//
// Arguments and results
//===----------------------------------------------------------------------===//

LogicalResult Planner::planArguments() {
  for (BlockArgument arg : plan.function.getArguments()) {
    if (isa<KvCacheType>(arg.getType())) {
      CachePlan cache;
      cache.type = cast<KvCacheType>(arg.getType());
      cache.argument = plan.cacheArguments.size();
      cacheStates[arg] = {static_cast<int>(plan.caches.size()), 0};
      plan.cacheArguments.push_back(arg);
      plan.caches.push_back(cache);
      continue;
    }
    auto type = dyn_cast<RankedTensorType>(arg.getType());
    if (!type || type.getEncoding())
      return plan.function.emitOpError("expects plain tensors and caches as "
                                       "arguments, found ")
             << arg.getType();
    auto names = plan.function.getArgAttrOfType<ArrayAttr>(arg.getArgNumber(),
                                                           kDimsAttr);
    if (type.getNumDynamicDims() &&
        (!names ||
         names.size() != static_cast<size_t>(type.getNumDynamicDims())))
      return plan.function.emitOpError("expects argument ")
             << arg.getArgNumber() << " to name its dynamic dimensions in '"
             << kDimsAttr << "'";
    int64_t named = 0;
    for (auto [axis, size] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(size))
        continue;
      StringRef name = cast<StringAttr>(names[named++]).getValue();
      auto it = llvm::find(plan.dimNames, name);
      int symbol = it - plan.dimNames.begin();
      if (it == plan.dimNames.end())
        plan.dimNames.push_back(name);
      if (axis == 0)
        rowCounts[arg] = {symbol, 0};
    }
    FailureOr<RowCount> rows = rowsOf(arg);
    if (failed(rows))
      return failure();
    // Only masks and biases have further dynamic dimensions; attention takes
    // their strides from the number of keys.
    FailureOr<int64_t> rowBytes =
        llvm::any_of(type.getShape().drop_front(type.getRank() ? 1 : 0),
                     ShapedType::isDynamic)
            ? FailureOr<int64_t>(0)
            : rowBytesOf(arg);
    if (failed(rowBytes))
      return failure();
    Buffer buffer;
    buffer.place = Buffer::Place::Input;
    buffer.location = plan.inputs.size();
    buffer.rows = *rows;
    buffer.rowBytes = *rowBytes;
    buffers[arg] = addBuffer(buffer);
    plan.inputs.push_back(arg);
  }
  return success();
}

LogicalResult Planner::planResults(func::ReturnOp op) {
  for (Value value : op.getOperands()) {
    if (isa<KvCacheType>(value.getType()))
      continue;
    if (!buffers.count(value))
      return op.emitOpError("cannot return a value of type ")
             << value.getType();
    int64_t output = plan.outputs.size();
    plan.outputs.push_back(value);
    int index = bufferOf(value);
    Buffer &buffer = plan.buffers[index];
    if (buffer.place == Buffer::Place::Arena) {
      buffer.place = Buffer::Place::Output;
      buffer.location = output;
      continue;
    }
    // An argument, a weight, or a value that is returned twice.
    Buffer copy = buffer;
    copy.place = Buffer::Place::Output;
    copy.location = output;
    int target = addBuffer(copy);
    addStep(Step::Kind::Copy, op, {index}, {target}, copy.rows);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult Planner::planRope(RopeOp op) {
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

LogicalResult Planner::planAppend(KvAppendOp op) {
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

LogicalResult Planner::planTruncate(KvTruncateOp op) {
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

/// The runs of segments of a self-attention that treats each by itself; null
/// where what is computed depends on more than positions and segments.
const SegmentRuns *Planner::planRuns(AttentionOp op, RowCount rows) {
  Value segments = op.getQuerySegments();
  FailureOr<RowCount> queries = rowsOf(op.getQuery());
  if (!segments || segments != op.getKeySegments() || failed(queries) ||
      !(*queries == rows) || op.getBias() || op.getMaskOperand() ||
      op.getScores())
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

FailureOr<int> Planner::planPackedKeys(AttentionOp op) {
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
       bufferOf(op.getKeyPositions()), bufferOf(op.getKeySegments()),
       runs ? runs->slots : -1, runs ? runs->header : -1},
      {cache.keys, cache.values, cache.positions, cache.segments}, *rows);
  step.cache = plan.caches.size();
  plan.caches.push_back(cache);
  return step.cache;
}

LogicalResult Planner::planAttention(AttentionOp op) {
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

LogicalResult Planner::planLinear(LinearOp op) {
  FailureOr<RowCount> rows = rowsOf(op.getInput());
  if (failed(rows))
    return failure();
  FailureOr<int> output = defineResult(op.getOutput(), *rows);
  if (failed(output))
    return failure();
  addStep(Step::Kind::Linear, op,
          {bufferOf(op.getInput()), bufferOf(op.getWeight()),
           bufferOf(op.getBias())},
          {*output}, *rows);
  return success();
}

LogicalResult Planner::planMap(linalg::MapOp op) {
  RowCount rows;
  SmallVector<int> inputs;
  for (Value input : op.getInputs()) {
    FailureOr<RowCount> inputRows = rowsOf(input);
    if (failed(inputRows))
      return failure();
    if (!inputs.empty() && !(*inputRows == rows))
      return op.emitOpError("expects inputs with the same rows");
    rows = *inputRows;
    inputs.push_back(bufferOf(input));
  }
  if (inputs.empty())
    return op.emitOpError("expects at least one input");
  FailureOr<int> output = defineResult(op->getResult(0), rows);
  if (failed(output))
    return failure();
  addStep(Step::Kind::Map, op, inputs, {*output}, rows);
  return success();
}

LogicalResult Planner::planPool(TokenPoolOp op) {
  FailureOr<RowCount> rows = rowsOf(op.getWanted());
  FailureOr<RowCount> sourceRows = rowsOf(op.getInput());
  if (failed(rows) || failed(sourceRows))
    return failure();
  FailureOr<int> output = defineResult(op.getOutput(), *rows);
  if (failed(output))
    return failure();
  addStep(Step::Kind::Pool, op,
          {bufferOf(op.getInput()), bufferOf(op.getSegments()),
           bufferOf(op.getWanted()), bufferOf(op.getWeights())},
          {*output}, *rows)
      .sourceRows = *sourceRows;
  return success();
}

LogicalResult Planner::planConcat(tensor::ConcatOp op) {
  if (op.getDim() != 0 || !op.getResultType().hasStaticShape())
    return op.emitOpError("expects rows of static shape in native code, found ")
           << op.getResultType();
  RowCount rows = {-1, op.getResultType().getDimSize(0)};
  SmallVector<int> inputs;
  for (Value input : op.getInputs()) {
    if (!cast<RankedTensorType>(input.getType()).hasStaticShape())
      return op.emitOpError("expects rows of static shape in native code, "
                            "found ")
             << input.getType();
    inputs.push_back(bufferOf(input));
  }
  FailureOr<int> output = defineResult(op.getResult(), rows);
  if (failed(output))
    return failure();
  addStep(Step::Kind::Concat, op, inputs, {*output}, rows);
  return success();
}

LogicalResult Planner::planConstant(arith::ConstantOp op) {
  // Scalars become part of the code that uses them.
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements || !isa<RankedTensorType>(elements.getType()))
    return success();
  FailureOr<RowCount> rows = rowsOf(op);
  FailureOr<int64_t> rowBytes = rowBytesOf(op);
  if (failed(rows) || failed(rowBytes))
    return failure();
  Buffer buffer;
  buffer.place = Buffer::Place::Constant;
  buffer.rows = *rows;
  buffer.rowBytes = *rowBytes;
  buffer.constant = elements;
  buffers[op] = addBuffer(buffer);
  return success();
}

LogicalResult Planner::planOp(Operation *op) {
  // A row step with one row operand and one result.
  auto planRows = [&](Step::Kind kind, Value rowOperand,
                      ArrayRef<int> inputs) -> LogicalResult {
    FailureOr<RowCount> rows = rowsOf(rowOperand);
    if (failed(rows))
      return failure();
    FailureOr<int> output = defineResult(op->getResult(0), *rows);
    if (failed(output))
      return failure();
    addStep(kind, op, inputs, {*output}, *rows);
    return success();
  };
  auto alias = [&](Value source) {
    buffers[op->getResult(0)] = bufferOf(source);
    if (auto it = rowCounts.find(source); it != rowCounts.end()) {
      // By value: the new entry may move the old one.
      RowCount rows = it->second;
      rowCounts[op->getResult(0)] = rows;
    }
    return success();
  };

  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<tensor::EmptyOp, tensor::DimOp, arith::IndexCastOp>(
          [](auto) { return success(); })
      .Case([&](arith::ConstantOp constant) { return planConstant(constant); })
      .Case([&](ParamRefOp use) {
        Buffer buffer;
        buffer.place = Buffer::Place::Weights;
        buffer.location = weightOffset(use.getParam());
        auto type = cast<RankedTensorType>(use.getType());
        buffer.rows = {-1, type.getDimSize(0)};
        if (!getEncoding(type))
          buffer.rowBytes = type.getNumElements() / type.getDimSize(0) *
                            type.getElementTypeBitWidth() / 8;
        buffers[use.getOutput()] = addBuffer(buffer);
        return success();
      })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [&](auto reshape) -> LogicalResult {
            // Rows must stay rows.
            auto reassociation = reshape.getReassociationIndices();
            if (reassociation.empty() || reassociation[0].size() != 1)
              return reshape.emitOpError(
                  "cannot split or join the leading dimension");
            return alias(reshape.getSrc());
          })
      .Case([&](EmbedOp embed) {
        return planRows(Step::Kind::Embed, embed.getIds(),
                        {bufferOf(embed.getTable()), bufferOf(embed.getIds())});
      })
      .Case([&](TokenGatherOp gather) {
        return planRows(
            Step::Kind::Gather, gather.getIndices(),
            {bufferOf(gather.getInput()), bufferOf(gather.getIndices())});
      })
      .Case([&](TokenPoolOp pool) { return planPool(pool); })
      .Case([&](tensor::ConcatOp concat) { return planConcat(concat); })
      .Case([&](ImagePatchesOp patches) {
        return planRows(Step::Kind::Patches, patches.getOutput(),
                        {bufferOf(patches.getInput())});
      })
      .Case([&](NormOp norm) {
        return planRows(Step::Kind::Norm, norm.getInput(),
                        {bufferOf(norm.getInput()), bufferOf(norm.getWeight()),
                         bufferOf(norm.getBias())});
      })
      .Case([&](RecodeOp recode) -> LogicalResult {
        if (getEncoding(recode.getInput().getType()) ||
            !getEncoding(recode.getType()))
          return recode.emitOpError("expects to encode plain rows in native "
                                    "code, found ")
                 << recode.getInput().getType() << " to " << recode.getType();
        if (!isActivationFormat(
                *lookupFormat(getEncoding(recode.getType()).getFormat())))
          return recode.emitOpError("to a format of weights is supported by "
                                    "native code on params alone");
        return planRows(Step::Kind::Recode, recode.getInput(),
                        {bufferOf(recode.getInput())});
      })
      .Case([&](RopeOp rope) { return planRope(rope); })
      .Case([&](linalg::MapOp map) { return planMap(map); })
      .Case([&](LinearOp linear) { return planLinear(linear); })
      .Case([&](AttentionOp attention) { return planAttention(attention); })
      .Case([&](KvAppendOp append) { return planAppend(append); })
      .Case([&](KvTruncateOp truncate) { return planTruncate(truncate); })
      .Case([&](KvViewOp view) {
        for (Value result : view.getResults())
          viewedCache[result] = view.getCache();
        return success();
      })
      .Case([&](func::ReturnOp returnOp) { return planResults(returnOp); })
      .Default([](Operation *other) {
        return other->emitOpError("is not supported by native code");
      });
}

//===----------------------------------------------------------------------===//

FailureOr<EntryPlan> Planner::run() {
  if (plan.function.getBody().getBlocks().size() != 1)
    return plan.function.emitOpError("expects an entry point of one block");
  if (failed(planArguments()))
    return failure();
  for (Operation &op : plan.function.getBody().front())
    if (failed(planOp(&op)))
      return failure();
  scheduleSteps(plan);
  layOutMemory(plan);
  return std::move(plan);
}

FailureOr<EntryPlan> planEntry(func::FuncOp function,
                               function_ref<int64_t(StringRef)> weightOffset) {
  return Planner(function, weightOffset).run();
}

} // namespace winnow::cpu
