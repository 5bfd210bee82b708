//===- EntryFunction.cpp - The code of an entry point ---------------------===//

#include "EntryFunction.h"
#include "RowKernel.h"

#include "winnow/Codegen/Cpu/Attention.h"
#include "winnow/Codegen/Cpu/Linear.h"
#include "winnow/Runtime/Call.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <cstddef>

using namespace mlir;

namespace winnow::cpu {

namespace {

/// Writes one entry function.
class EntryEmitter {
public:
  EntryEmitter(ModuleOp module, const Target &target, const EntryPlan &plan,
               StringRef name, llvm::StringMap<func::FuncOp> &known)
      : module(module), target(target), plan(plan), known(known),
        kernelPrefix(name), kb(module, target, name, argumentTypes(module)) {}

  FailureOr<EntryFunction> run();

private:
  static SmallVector<Type> argumentTypes(ModuleOp module) {
    MLIRContext *context = module.getContext();
    Type i32 = IntegerType::get(context, 32);
    return {LLVM::LLVMPointerType::get(context), i32, i32};
  }

  void loadCall();
  LogicalResult emitStage(int stage);
  LogicalResult emitRows(ArrayRef<const Step *> steps);
  LogicalResult emitLinear(const Step &step);
  AttentionArguments attentionArguments(const Step &step);
  void emitAttentions(ArrayRef<const Step *> steps);
  void emitRuns(const Step &step);
  void emitRunAttention(const Step &step, const SegmentRuns &runs);
  void forEachRun(
      const SegmentRuns &runs, RowCount rows,
      llvm::function_ref<void(Value first, Value count, Value slot)> body);
  Value cacheCapacity(int cache);
  void emitBarrier();
  /// Notes a call of `kernel` that does the work of `steps`.
  void record(func::FuncOp kernel, ArrayRef<const Step *> steps);
  void emitCheckpoint();
  bool startsLayer(int stage) const;
  void advanceCaches();

  Value loadField(Type type, size_t fieldOffset) {
    return kb.load(type, kb.offset(kb.arg(0), fieldOffset), 8);
  }
  Value rowCount(RowCount rows) {
    return rows.symbol < 0 ? kb.i64(rows.constant) : dims[rows.symbol];
  }
  /// The first byte of a buffer; null for an absent operand.
  Value address(int buffer);
  Value constantAddress(DenseElementsAttr elements);
  /// The length of a cache after the first `events` of its events.
  Value cacheLength(int cache, unsigned events);
  void needScratch(int64_t bytes) {
    scratch.constant = std::max(scratch.constant, bytes);
  }
  /// A step over `rows` needs `constant` + rows * `perRow` bytes.
  void needScratch(int64_t constant, int64_t perRow, RowCount rows);

  struct CacheValues {
    Value slot, keys, values, positions, segments, capacity, length;
  };

  ModuleOp module;
  const Target &target;
  const EntryPlan &plan;
  llvm::StringMap<func::FuncOp> &known;
  std::string kernelPrefix;
  KernelBuilder kb;
  Value thread, threads;
  Value inputs, outputs, weights, arena, shared, threadScratch;
  Value slots, slotEnd; ///< of chunked caches
  Value splitKeys;
  SmallVector<Value> dims, roundedDims, regions;
  SmallVector<CacheValues> caches;
  DenseMap<Attribute, LLVM::GlobalOp> constants;
  Block *leave = nullptr; ///< returns; null before the first checkpoint
  AffineBytes scratch;
  int64_t calls = 0;
  SmallVector<StageRecord> records = {{}};
};

} // namespace

void EntryEmitter::loadCall() {
  thread = kb.sext(kb.arg(1), kb.i64Type());
  threads = kb.sext(kb.arg(2), kb.i64Type());
  Type ptr = kb.ptrType(), i64 = kb.i64Type();
  inputs = loadField(ptr, offsetof(winnow_call, inputs));
  outputs = loadField(ptr, offsetof(winnow_call, outputs));
  weights = loadField(ptr, offsetof(winnow_call, weights));
  Value dimValues = loadField(ptr, offsetof(winnow_call, dims));
  // Regions of the arena, one per named dimension, follow the constant one.
  arena = loadField(ptr, offsetof(winnow_call, arena));
  Value region = kb.offset(arena, plan.arena.constant);
  for (size_t dim = 0; dim < plan.dimNames.size(); ++dim) {
    dims.push_back(kb.load(i64, kb.offset(dimValues, 8 * dim), 8));
    roundedDims.push_back(kb.roundUp(dims.back(), kRowRounding));
    regions.push_back(region);
    region =
        kb.offset(region, kb.mul(roundedDims.back(), plan.arena.perDim[dim]));
  }
  shared = region;
  Value scratchBase = loadField(ptr, offsetof(winnow_call, scratch));
  Value stride = loadField(i64, offsetof(winnow_call, scratch_stride));
  threadScratch = kb.offset(scratchBase, kb.mul(stride, thread));

  slots = loadField(ptr, offsetof(winnow_call, slots));
  slotEnd = loadField(i64, offsetof(winnow_call, slot_end));
  splitKeys = loadField(i64, offsetof(winnow_call, split_keys));
  Value storage = loadField(ptr, offsetof(winnow_call, caches));
  for (const CachePlan &cache : plan.caches) {
    CacheValues values;
    if (cache.argument >= 0) {
      values.slot =
          kb.offset(storage, cache.argument *
                                 static_cast<int64_t>(sizeof(winnow_kv_slot)));
      auto field = [&](Type type, size_t fieldOffset) {
        return kb.load(type, kb.offset(values.slot, fieldOffset), 8);
      };
      values.keys = field(ptr, offsetof(winnow_kv_slot, keys));
      values.values = field(ptr, offsetof(winnow_kv_slot, values));
      values.positions = field(ptr, offsetof(winnow_kv_slot, positions));
      values.segments = field(ptr, offsetof(winnow_kv_slot, segments));
      values.capacity = field(i64, offsetof(winnow_kv_slot, capacity));
      values.length = field(i64, offsetof(winnow_kv_slot, length));
    } else {
      values.keys = address(cache.keys);
      values.values = address(cache.values);
      values.positions = address(cache.positions);
      values.segments = address(cache.segments);
      values.capacity =
          kb.roundUp(rowCount(cache.events.front().appended), kRowRounding);
      values.length = kb.i64(0);
    }
    caches.push_back(values);
  }
}

Value EntryEmitter::address(int index) {
  if (index < 0)
    return kb.nullPtr();
  const Buffer &buffer = plan.buffers[index];
  switch (buffer.place) {
  case Buffer::Place::Input:
    return kb.load(kb.ptrType(), kb.offset(inputs, 8 * buffer.location), 8);
  case Buffer::Place::Output:
    return kb.load(kb.ptrType(), kb.offset(outputs, 8 * buffer.location), 8);
  case Buffer::Place::Weights:
    return kb.offset(weights, buffer.location);
  case Buffer::Place::Constant:
    return constantAddress(buffer.constant);
  case Buffer::Place::Slots:
    return slots;
  case Buffer::Place::Arena:
    if (buffer.rows.symbol < 0)
      return kb.offset(arena, buffer.location);
    return kb.offset(regions[buffer.rows.symbol],
                     kb.mul(roundedDims[buffer.rows.symbol], buffer.location));
  case Buffer::Place::Scratch:
    break;
  }
  llvm_unreachable("scratch buffers belong to one row kernel");
}

/// A private global with the numbers of a constant tensor.
Value EntryEmitter::constantAddress(DenseElementsAttr elements) {
  if (elements.getNumElements() == 0)
    return kb.nullPtr();
  LLVM::GlobalOp &global = constants[elements];
  if (!global) {
    // Bits take a byte each.
    if (elements.getElementType().isInteger(1))
      elements = elements.mapValues(
          kb.i8Type(), [](const APInt &bit) { return bit.zext(8); });
    int64_t count = elements.getNumElements();
    Type element = elements.getElementType();
    auto flat = elements.reshape(RankedTensorType::get({count}, element));
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    global = LLVM::GlobalOp::create(
        builder, module.getLoc(), LLVM::LLVMArrayType::get(element, count),
        /*isConstant=*/true, LLVM::Linkage::Internal,
        (kernelPrefix + "_constant" + Twine(constants.size())).str(), flat,
        /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(kb.builder(), global);
}

Value EntryEmitter::cacheCapacity(int cache) {
  const SegmentRuns *runs = plan.caches[cache].runs;
  if (!runs)
    return caches[cache].capacity;
  Value slots = kb.offset(address(runs->header), sizeof(int32_t));
  return kb.sext(kb.load(kb.i32Type(), slots, 4), kb.i64Type());
}

Value EntryEmitter::cacheLength(int cache, unsigned events) {
  if (plan.caches[cache].chunked && events)
    return slotEnd;
  Value length = caches[cache].length;
  for (const CachePlan::Event &event :
       ArrayRef(plan.caches[cache].events).take_front(events))
    length = event.truncatedTo ? kb.minS(length, kb.i64(*event.truncatedTo))
                               : kb.add(length, rowCount(event.appended));
  return length;
}

void EntryEmitter::needScratch(int64_t constant, int64_t perRow,
                               RowCount rows) {
  if (rows.symbol < 0)
    return needScratch(constant +
                       perRow * llvm::alignTo(rows.constant, kRowRounding));
  needScratch(constant);
  int64_t &bytes = scratch.perDim[rows.symbol];
  bytes = std::max(bytes, perRow);
}

void EntryEmitter::emitBarrier() {
  Value function = loadField(kb.ptrType(), offsetof(winnow_call, barrier));
  Value team = loadField(kb.ptrType(), offsetof(winnow_call, team));
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(module.getContext()),
                                  {kb.ptrType(), kb.i32Type()});
  LLVM::CallOp::create(kb.builder(), type,
                       ValueRange{function, team, kb.arg(1)});
  records.emplace_back();
}

void EntryEmitter::record(func::FuncOp kernel, ArrayRef<const Step *> steps) {
  ++calls;
  StageRecord &stage = records.back();
  stage.kernels.push_back(kernel.getSymName().str());
  for (const Step *step : steps)
    // What prepares an op is not the op.
    if (step->kind != Step::Kind::RopeTable &&
        (step->kind == Step::Kind::Attention || !isa<AttentionOp>(step->op)))
      stage.steps.push_back(step);
}

/// A barrier after which all threads return where the call is cancelled.
void EntryEmitter::emitCheckpoint() {
  Value function = loadField(kb.ptrType(), offsetof(winnow_call, checkpoint));
  Value team = loadField(kb.ptrType(), offsetof(winnow_call, team));
  auto type =
      LLVM::LLVMFunctionType::get(kb.i32Type(), {kb.ptrType(), kb.i32Type()});
  Value cancelled = LLVM::CallOp::create(kb.builder(), type,
                                         ValueRange{function, team, kb.arg(1)})
                        .getResult();
  Value goesOn = kb.equal(cancelled, kb.i32(0));
  OpBuilder &builder = kb.builder();
  Block *here = builder.getInsertionBlock();
  if (!leave) {
    leave = builder.createBlock(here->getParent());
    func::ReturnOp::create(builder, module.getLoc());
  }
  Block *next = builder.createBlock(leave);
  builder.setInsertionPointToEnd(here);
  cf::CondBranchOp::create(builder, module.getLoc(), goesOn, next, leave);
  builder.setInsertionPointToEnd(next);
  records.emplace_back();
}

/// True where a call can end before `stage`: once in each layer, as long as no
/// output has been written.
bool EntryEmitter::startsLayer(int stage) const {
  bool attends = false;
  for (const Step &step : plan.steps) {
    attends |= step.stage == stage && step.kind == Step::Kind::Attention;
    for (int output : step.outputs)
      if (output >= 0 && step.stage < stage &&
          plan.buffers[output].place == Buffer::Place::Output)
        return false;
  }
  return attends;
}

LogicalResult EntryEmitter::emitRows(ArrayRef<const Step *> steps) {
  FailureOr<RowKernel> kernel =
      getRowKernel(module, target, plan, steps, known);
  if (failed(kernel))
    return failure();
  KernelBuilder::Values arguments;
  for (int buffer : kernel->buffers)
    arguments.push_back(address(buffer));
  for (auto [cache, events] : kernel->caches) {
    const CacheValues &values = caches[cache];
    arguments.append({values.keys, values.values, values.positions,
                      values.segments, cacheCapacity(cache),
                      cacheLength(cache, events)});
  }
  for (RowCount count : kernel->counts)
    arguments.push_back(rowCount(count));
  arguments.append(
      {rowCount(steps.front()->rows), threadScratch, thread, threads});
  kb.call(kernel->function, arguments);
  needScratch(kernel->scratchBytes);
  record(kernel->function, steps);
  return success();
}

LogicalResult EntryEmitter::emitLinear(const Step &step) {
  auto op = cast<LinearOp>(step.op);
  auto weightType = cast<RankedTensorType>(op.getWeight().getType());
  EncodingAttr weightEncoding = getEncoding(weightType);
  if (!weightEncoding || weightEncoding.getLayout() != "tile16")
    return op.emitOpError("expects a weight in the layout tile16, found ")
           << weightType;
  LinearSpec spec;
  spec.format = weightEncoding.getFormat().str();
  if (EncodingAttr encoding = getEncoding(op.getInput().getType()))
    spec.activations = activationsOf(encoding.getFormat());
  else
    spec.activations = Activations::F32;
  spec.bias = bool(op.getBias());
  llvm::Expected<func::FuncOp> kernel = getLinearKernel(module, target, spec);
  if (!kernel)
    return op.emitOpError() << llvm::toString(kernel.takeError());
  int64_t n = weightType.getDimSize(0), k = weightType.getDimSize(1);
  kb.call(*kernel, {address(step.inputs[0]), address(step.inputs[1]),
                    address(step.inputs[2]), address(step.outputs[0]),
                    rowCount(step.rows), kb.i64(n), kb.i64(k), kb.i64(k),
                    kb.i64(n), threadScratch, thread, threads});
  needScratch(linearScratchBytes(target, spec, 0, k),
              linearScratchBytesPerRow(target, spec, k), step.rows);
  record(*kernel, &step);
  return success();
}

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
    // [queries, keys] for all heads, or [heads, queries, keys].
    arguments.bias = address(step.inputs[4]);
    arguments.biasQueryStride = arguments.keyCount;
    arguments.biasHeadStride =
        cast<RankedTensorType>(op.getBias().getType()).getRank() == 3
            ? kb.mul(arguments.queries, arguments.keyCount)
            : kb.i64(0);
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

LogicalResult EntryEmitter::emitStage(int stage) {
  // Row steps over the same rows become one kernel; others stand alone.
  SmallVector<std::pair<RowCount, SmallVector<const Step *>>> groups;
  SmallVector<const Step *> linears, attentions;
  for (const Step &step : plan.steps) {
    if (step.stage != stage)
      continue;
    if (step.kind == Step::Kind::Runs) {
      emitRuns(step);
      continue;
    }
    if (!step.isRowStep()) {
      (step.kind == Step::Kind::Linear ? linears : attentions).push_back(&step);
      continue;
    }
    auto *it = llvm::find_if(
        groups, [&](auto &group) { return group.first == step.rows; });
    if (it == groups.end())
      groups.push_back({step.rows, {&step}});
    else
      it->second.push_back(&step);
  }
  for (auto &[rows, steps] : groups)
    if (failed(emitRows(steps)))
      return failure();
  for (const Step *step : linears)
    if (failed(emitLinear(*step)))
      return failure();
  if (!attentions.empty())
    emitAttentions(attentions);
  return success();
}

void EntryEmitter::advanceCaches() {
  // Every thread has read the lengths before the last barrier.
  emitBarrier();
  kb.ifThen(kb.equal(thread, kb.i64(0)), [&] {
    for (auto [index, cache] : llvm::enumerate(plan.caches))
      if (cache.argument >= 0 && !cache.events.empty())
        kb.store(
            cacheLength(index, cache.events.size()),
            kb.offset(caches[index].slot, offsetof(winnow_kv_slot, length)), 8);
  });
}

FailureOr<EntryFunction> EntryEmitter::run() {
  scratch.perDim.assign(plan.dimNames.size(), 0);
  loadCall();
  for (int stage = 0; stage < plan.stages; ++stage) {
    if (stage && startsLayer(stage))
      emitCheckpoint();
    else if (stage)
      emitBarrier();
    if (failed(emitStage(stage)))
      return failure();
  }
  if (!plan.cacheArguments.empty())
    advanceCaches();
  EntryFunction entry;
  entry.function = kb.finish();
  entry.scratch = scratch;
  entry.calls = calls;
  entry.stages = std::move(records);
  return entry;
}

FailureOr<EntryFunction>
emitEntryFunction(ModuleOp module, const Target &target, const EntryPlan &plan,
                  StringRef name, llvm::StringMap<func::FuncOp> &known) {
  return EntryEmitter(module, target, plan, name, known).run();
}

} // namespace winnow::cpu
