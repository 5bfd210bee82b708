//===- EntryFunction.cpp - The code of an entry point ---------------------===//

#include "EntryEmitter.h"
#include "RowKernel.h"

#include "winnow/Codegen/Cpu/Linear.h"
#include "winnow/Runtime/Call.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

#include <cstddef>

using namespace mlir;

namespace winnow::cpu {

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
      values.capacity = kb.roundUp(
          rowCount(cache.events.front().appended.bound()), kRowRounding);
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
  if (auto map = dyn_cast_or_null<linalg::MapOp>(step.map))
    spec.map = map.getBody();
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
    if (step.kind == Step::Kind::Select) {
      emitSelect(step);
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

/// Lists the rows that stay: one thread is enough.
void EntryEmitter::emitSelect(const Step &step) {
  Value stays = address(step.inputs[0]), indices = address(step.outputs[0]),
        count = address(step.outputs[1]);
  kb.ifThen(kb.equal(thread, kb.i64(0)), [&] {
    auto element = [&](Value ptr, Value index) {
      return kb.offset(ptr, kb.mul(index, sizeof(int32_t)));
    };
    Value kept = kb.forLoop(
        kb.i64(0), rowCount(step.rows), kb.i64(1), {kb.i64(0)},
        [&](Value row, ValueRange carried) {
          // Whatever does not stay is overwritten; there are no more writes
          // than rows.
          kb.store(kb.trunc(row, kb.i32Type()), element(indices, carried[0]),
                   4);
          Value flag = kb.load(kb.i32Type(), element(stays, row), 4);
          return KernelBuilder::Values{
              kb.add(carried[0], kb.sext(flag, kb.i64Type()))};
        },
        /*unroll=*/false)[0];
    kb.store(kb.trunc(kept, kb.i32Type()), count, 4);
  });
}

void EntryEmitter::loadComputedCounts(int stage) {
  for (auto [index, computed] : llvm::enumerate(plan.computedCounts))
    if (plan.steps[computed.step].stage + 1 == stage)
      computedCounts[index] = kb.sext(
          kb.load(kb.i32Type(), address(computed.buffer), 4), kb.i64Type());
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
  computedCounts.resize(plan.computedCounts.size());
  scratch.perDim.assign(plan.dimNames.size(), 0);
  loadCall();
  for (int stage = 0; stage < plan.stages; ++stage) {
    if (stage && startsLayer(stage))
      emitCheckpoint();
    else if (stage)
      emitBarrier();
    loadComputedCounts(stage);
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
