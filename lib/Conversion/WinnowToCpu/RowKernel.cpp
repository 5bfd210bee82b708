//===- RowKernel.cpp - Fused kernels over single rows ---------------------===//

#include "RowKernel.h"

#include "winnow/Codegen/Cpu/Linear.h"
#include "winnow/Codegen/Cpu/RowKernels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace winnow::cpu {

/// Rows are dealt to threads in tiles of this many, because quantized rows are
/// stored in such tiles.
static constexpr int64_t kRowTile = 8;

static StringRef nameOf(Step::Kind kind) {
  switch (kind) {
  case Step::Kind::RopeTable:
    return "ropetable";
  case Step::Kind::Copy:
    return "copy";
  case Step::Kind::Embed:
    return "embed";
  case Step::Kind::Gather:
    return "gather";
  case Step::Kind::Concat:
    return "concat";
  case Step::Kind::Pool:
    return "pool";
  case Step::Kind::Patches:
    return "patches";
  case Step::Kind::TokenScore:
    return "tokenscore";
  case Step::Kind::TokenOrder:
    return "tokenorder";
  case Step::Kind::TokenStays:
    return "tokenstays";
  case Step::Kind::Norm:
    return "norm";
  case Step::Kind::Rope:
    return "rope";
  case Step::Kind::Map:
    return "map";
  case Step::Kind::Recode:
    return "recode";
  case Step::Kind::KvAppend:
    return "append";
  case Step::Kind::Linear:
  case Step::Kind::Attention:
  case Step::Kind::Runs:
  case Step::Kind::Select:
    break;
  }
  llvm_unreachable("not a row step");
}

/// Channels of a row of a tensor: the product of all dimensions but the first.
static int64_t rowElements(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t elements = 1;
  for (int64_t size : type.getShape().drop_front(type.getRank() ? 1 : 0))
    elements *= size;
  return elements;
}

/// Prints a scalar region with values numbered by their place, so that equal
/// regions print alike.
static void printBody(Block &body, raw_ostream &os) {
  DenseMap<Value, unsigned> numbers;
  for (Value argument : body.getArguments())
    numbers.insert({argument, numbers.size()});
  for (Operation &op : body) {
    os << op.getName() << op.getAttrDictionary()
       << op.getPropertiesAsAttribute() << "(";
    for (Value operand : op.getOperands()) {
      auto it = numbers.find(operand);
      if (it != numbers.end())
        os << it->second << " ";
      else // A constant outside the region.
        os << *operand.getDefiningOp() << " ";
    }
    os << ")";
    for (Value result : op.getResults()) {
      os << result.getType();
      numbers.insert({result, numbers.size()});
    }
    os << ";";
  }
}

namespace {

class RowKernelEmitter {
public:
  RowKernelEmitter(ModuleOp module, const Target &target, const EntryPlan &plan,
                   ArrayRef<const Step *> steps)
      : module(module), target(target), plan(plan), steps(steps) {
    collectOperands();
  }

  FailureOr<RowKernel> run(llvm::StringMap<func::FuncOp> &known);

private:
  void collectOperands();
  std::string key();
  FailureOr<func::FuncOp> emit(StringRef name);
  LogicalResult emitStep(KernelBuilder &kb, const Step &step, Value row);
  void emitAppend(KernelBuilder &kb, const Step &step, Value row);
  LogicalResult emitEmbed(KernelBuilder &kb, const Step &step, Value row,
                          Value id);
  LogicalResult emitChosenRow(KernelBuilder &kb, const Step &step, Value row);
  void emitConcat(KernelBuilder &kb, const Step &step, Value row);
  void emitPool(KernelBuilder &kb, const Step &step, Value row);
  void emitScore(KernelBuilder &kb, const Step &step, Value row);
  void emitSelect(KernelBuilder &kb, const Step &step, Value row);

  /// A buffer's first byte.
  Value base(KernelBuilder &kb, int buffer) {
    if (buffer < 0)
      return kb.nullPtr();
    auto *it = llvm::find(kernel.buffers, buffer);
    assert(it != kernel.buffers.end() && "scratch has no base");
    return kb.arg(it - kernel.buffers.begin());
  }
  /// Row `row` of a buffer.
  Value rowOf(KernelBuilder &kb, int index, Value row) {
    if (index < 0)
      return kb.nullPtr();
    const Buffer &buffer = plan.buffers[index];
    if (buffer.place == Buffer::Place::Scratch)
      return kb.offset(kb.arg(scratchArg()), scratchOffsets.lookup(index));
    return kb.offset(base(kb, index), kb.mul(row, buffer.rowBytes));
  }

  /// The number of a step's cache among those of the kernel.
  size_t cacheNumber(const Step &step) {
    return llvm::find(kernel.caches, std::pair(step.cache, step.cacheEvents)) -
           kernel.caches.begin();
  }

  /// Whether the kernel is told how many rows a step reads from.
  static bool countsSourceRows(const Step &step) {
    return step.kind == Step::Kind::Embed || step.kind == Step::Kind::Gather ||
           step.kind == Step::Kind::Pool ||
           step.kind == Step::Kind::TokenOrder ||
           step.kind == Step::Kind::TokenStays;
  }
  /// The number of a step's source rows among the counts of the kernel.
  size_t countNumber(const Step &step) {
    return llvm::find(kernel.counts, step.sourceRows) - kernel.counts.begin();
  }

  static constexpr unsigned kCacheArgs = 6;
  unsigned countsArg() const {
    return kernel.buffers.size() + kCacheArgs * kernel.caches.size();
  }
  unsigned rowsArg() const { return countsArg() + kernel.counts.size(); }
  unsigned scratchArg() const { return rowsArg() + 1; }

  ModuleOp module;
  const Target &target;
  const EntryPlan &plan;
  ArrayRef<const Step *> steps;
  RowKernel kernel;
  DenseMap<int, int64_t> scratchOffsets;
};

} // namespace

void RowKernelEmitter::collectOperands() {
  for (const Step *step : steps) {
    for (int buffer : llvm::concat<const int>(step->inputs, step->outputs)) {
      if (buffer < 0)
        continue;
      if (plan.buffers[buffer].place == Buffer::Place::Scratch) {
        if (scratchOffsets.insert({buffer, kernel.scratchBytes}).second)
          kernel.scratchBytes +=
              llvm::alignTo(plan.buffers[buffer].rowBytes, 64);
      } else if (!llvm::is_contained(kernel.buffers, buffer)) {
        kernel.buffers.push_back(buffer);
      }
    }
    if (step->cache >= 0 && cacheNumber(*step) == kernel.caches.size())
      kernel.caches.push_back({step->cache, step->cacheEvents});
    if (countsSourceRows(*step) &&
        !llvm::is_contained(kernel.counts, step->sourceRows))
      kernel.counts.push_back(step->sourceRows);
  }
}

std::string RowKernelEmitter::key() {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto printBuffer = [&](int index) {
    if (index < 0) {
      os << "- ";
      return;
    }
    const Buffer &buffer = plan.buffers[index];
    if (buffer.place == Buffer::Place::Scratch)
      os << "s" << scratchOffsets.lookup(index);
    else
      os << "b" << llvm::find(kernel.buffers, index) - kernel.buffers.begin();
    os << ":" << buffer.rowBytes << " ";
  };
  for (const Step *step : steps) {
    os << nameOf(step->kind) << " ";
    llvm::for_each(step->inputs, printBuffer);
    os << "-> ";
    llvm::for_each(step->outputs, printBuffer);
    if (step->cache >= 0)
      os << "c" << cacheNumber(*step) << plan.caches[step->cache].type;
    if (countsSourceRows(*step))
      os << "n" << countNumber(*step);
    if (auto map = dyn_cast<linalg::MapOp>(step->op)) {
      printBody(*map.getBody(), os);
      os << rowElements(map->getResult(0));
    } else if (step->kind != Step::Kind::Copy) {
      os << step->op->getAttrDictionary();
      llvm::interleave(step->op->getOperandTypes(), os, "");
      llvm::interleave(step->op->getResultTypes(), os, "");
    }
    os << "\n";
  }
  return text;
}

void RowKernelEmitter::emitAppend(KernelBuilder &kb, const Step &step,
                                  Value row) {
  const CachePlan &cachePlan = plan.caches[step.cache];
  KvShape shape{cachePlan.type.getHeads(), cachePlan.type.getKeyDim(),
                cachePlan.type.getValueDim()};
  unsigned first = kernel.buffers.size() + kCacheArgs * cacheNumber(step);
  KvPointers cache;
  cache.keys = kb.arg(first);
  cache.values = kb.arg(first + 1);
  cache.positions = kb.arg(first + 2);
  cache.segments = kb.arg(first + 3);
  cache.capacity = kb.arg(first + 4);
  cache.length = kb.arg(first + 5);
  Value position = kb.load(kb.i32Type(), rowOf(kb, step.inputs[2], row), 4);
  Value segment =
      step.inputs[3] < 0
          ? kb.i32(0)
          : kb.load(kb.i32Type(), rowOf(kb, step.inputs[3], row), 4);
  Value slot = kb.add(cache.length, row);
  if (step.inputs.size() > 4)
    slot = kb.sext(kb.load(kb.i32Type(), rowOf(kb, step.inputs[4], row), 4),
                   kb.i64Type());
  emitKvAppendRow(kb, shape, cache, slot, rowOf(kb, step.inputs[0], row),
                  rowOf(kb, step.inputs[1], row), position, segment);
}

LogicalResult RowKernelEmitter::emitEmbed(KernelBuilder &kb, const Step &step,
                                          Value row, Value id) {
  auto op = cast<EmbedOp>(step.op);
  auto table = cast<RankedTensorType>(op.getTable().getType());
  int64_t width = table.getDimSize(1);
  float scale = op.getScale().convertToFloat();
  Value out = rowOf(kb, step.outputs[0], row);
  EncodingAttr encoding = getEncoding(table);
  if (!encoding) {
    Value source =
        kb.offset(base(kb, step.inputs[0]), kb.mul(id, width * sizeof(float)));
    emitScaledRow(kb, source, scale, out, width);
    return success();
  }
  if (encoding.getLayout() != "tile16")
    return op.emitOpError("expects a table in the layout tile16, found ")
           << table;
  if (llvm::Error error =
          emitEmbedRow(kb, encoding.getFormat(), base(kb, step.inputs[0]), id,
                       kb.i64(width), kb.f32(scale), out))
    return op.emitOpError() << llvm::toString(std::move(error));
  return success();
}

/// The row that an i32 operand chooses. Numbers are not trusted: one that is no
/// row becomes the nearest that is, and without any row the result is zero.
LogicalResult RowKernelEmitter::emitChosenRow(KernelBuilder &kb,
                                              const Step &step, Value row) {
  Value rows = kb.arg(countsArg() + countNumber(step));
  Value number = kb.sext(
      kb.load(kb.i32Type(), rowOf(kb, step.inputs[1], row), 4), kb.i64Type());
  Value chosen = kb.maxS(kb.minS(number, kb.add(rows, -1)), kb.i64(0));
  int64_t bytes = plan.buffers[step.outputs[0]].rowBytes;
  LogicalResult result = success();
  kb.ifElse(
      kb.equal(rows, kb.i64(0)), {},
      [&] {
        kb.memoryClear(rowOf(kb, step.outputs[0], row), kb.i64(bytes));
        return KernelBuilder::Values();
      },
      [&] {
        if (step.kind == Step::Kind::Embed)
          result = emitEmbed(kb, step, row, chosen);
        else
          kb.memoryCopy(
              rowOf(kb, step.outputs[0], row),
              kb.offset(base(kb, step.inputs[0]), kb.mul(chosen, bytes)),
              kb.i64(bytes));
        return KernelBuilder::Values();
      });
  return result;
}

void RowKernelEmitter::emitConcat(KernelBuilder &kb, const Step &step,
                                  Value row) {
  Value source;
  int64_t first = 0;
  for (int input : step.inputs) {
    Value ptr = rowOf(kb, input, kb.add(row, -first));
    source =
        source ? kb.select(kb.lessThan(row, kb.i64(first)), source, ptr) : ptr;
    first += plan.buffers[input].rows.constant;
  }
  kb.memoryCopy(rowOf(kb, step.outputs[0], row), source,
                kb.i64(plan.buffers[step.outputs[0]].rowBytes));
}

void RowKernelEmitter::emitPool(KernelBuilder &kb, const Step &step,
                                Value row) {
  auto op = cast<TokenPoolOp>(step.op);
  PoolOperands operands;
  operands.input = base(kb, step.inputs[0]);
  operands.segments = base(kb, step.inputs[1]);
  operands.wanted =
      kb.load(kb.i32Type(), rowOf(kb, step.inputs[Step::kPoolWanted], row), 4);
  if (step.inputs[3] >= 0)
    operands.weights = base(kb, step.inputs[3]);
  operands.rows = kb.arg(countsArg() + countNumber(step));
  emitPoolRow(kb, op.getKind(), rowElements(op.getInput()), operands,
              rowOf(kb, step.outputs[0], row));
}

void RowKernelEmitter::emitScore(KernelBuilder &kb, const Step &step,
                                 Value row) {
  auto op = cast<TokenScoreOp>(step.op);
  auto query = cast<RankedTensorType>(op.getQuery().getType());
  auto key = cast<RankedTensorType>(op.getKey().getType());
  TokenScoreSpec spec{query.getDimSize(1), key.getDimSize(1),
                      query.getDimSize(2), op.getScale().convertToFloat()};
  TokenScoreOperands operands{
      base(kb, step.inputs[0]), base(kb, step.inputs[1]),
      base(kb, step.inputs[2]),
      step.inputs[3] < 0 ? Value() : base(kb, step.inputs[3])};
  emitTokenScoreRow(kb, spec, operands, row, rowOf(kb, step.outputs[0], row));
}

/// The first or the second step of a selection.
void RowKernelEmitter::emitSelect(KernelBuilder &kb, const Step &step,
                                  Value row) {
  auto op = cast<TokenSelectOp>(step.op);
  TokenSelectOperands operands;
  if (step.inputs[1] >= 0)
    operands.segments = base(kb, step.inputs[1]);
  operands.rows = kb.arg(countsArg() + countNumber(step));
  Value out = rowOf(kb, step.outputs[0], row);
  if (step.kind == Step::Kind::TokenOrder) {
    operands.scores = base(kb, step.inputs[0]);
    emitTokenOrderRow(kb, op.getPolicy(), operands, row, out,
                      rowOf(kb, step.outputs[1], row));
    return;
  }
  emitTokenStaysRow(kb, operands, base(kb, step.inputs[0]),
                    rowOf(kb, step.inputs[Step::kStaysLimit], row), row, out);
}

LogicalResult RowKernelEmitter::emitStep(KernelBuilder &kb, const Step &step,
                                         Value row) {
  auto in = [&](unsigned i) { return rowOf(kb, step.inputs[i], row); };
  auto out = [&] { return rowOf(kb, step.outputs[0], row); };
  switch (step.kind) {
  case Step::Kind::RopeTable: {
    auto op = cast<RopeOp>(step.op);
    RopeFrequencies frequencies = ropeFrequencies(
        op.getBase().convertToDouble(), op.getDims(), op.getScalingAttr());
    emitRopeTableRow(kb, frequencies, kb.load(kb.i32Type(), in(0), 4),
                     step.inputs[1] < 0 ? Value() : base(kb, step.inputs[1]),
                     out());
    return success();
  }
  case Step::Kind::Copy:
    kb.memoryCopy(out(), in(0), kb.i64(plan.buffers[step.outputs[0]].rowBytes));
    return success();
  case Step::Kind::Embed:
  case Step::Kind::Gather:
    return emitChosenRow(kb, step, row);
  case Step::Kind::Concat:
    emitConcat(kb, step, row);
    return success();
  case Step::Kind::Pool:
    emitPool(kb, step, row);
    return success();
  case Step::Kind::Patches: {
    auto op = cast<ImagePatchesOp>(step.op);
    auto image = cast<RankedTensorType>(op.getInput().getType());
    emitPatchRow(kb, image.getShape(), op.getSize(), base(kb, step.inputs[0]),
                 row, out());
    return success();
  }
  case Step::Kind::TokenScore:
    emitScore(kb, step, row);
    return success();
  case Step::Kind::TokenOrder:
  case Step::Kind::TokenStays:
    emitSelect(kb, step, row);
    return success();
  case Step::Kind::Norm: {
    auto op = cast<NormOp>(step.op);
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(op.getInput().getType()).getShape();
    NormSpec spec{op.getKind(), op.getEpsilon().convertToFloat(),
                  op.getWeightOffset().convertToFloat(),
                  ShapedType::getNumElements(shape.drop_front().drop_back()),
                  shape.back()};
    emitNormRow(kb, spec, in(0),
                step.inputs[1] < 0 ? Value() : base(kb, step.inputs[1]),
                step.inputs[2] < 0 ? Value() : base(kb, step.inputs[2]), out());
    return success();
  }
  case Step::Kind::Rope: {
    auto op = cast<RopeOp>(step.op);
    auto type = cast<RankedTensorType>(op.getInput().getType());
    RopeSpec spec{type.getDimSize(1), type.getDimSize(2),
                  static_cast<int64_t>(op.getDims()), op.getLayout()};
    emitRopeRow(kb, spec, in(0), in(1), out());
    return success();
  }
  case Step::Kind::Map: {
    auto op = cast<linalg::MapOp>(step.op);
    KernelBuilder::Values inputs;
    for (unsigned i = 0; i < step.inputs.size(); ++i)
      inputs.push_back(in(i));
    return emitMapRow(kb, *op.getBody(), inputs, out(),
                      rowElements(op->getResult(0)));
  }
  case Step::Kind::Recode: {
    auto op = cast<RecodeOp>(step.op);
    Activations activations =
        activationsOf(getEncoding(op.getType()).getFormat());
    emitRecodeRow(kb, activations, in(0), base(kb, step.outputs[0]), row,
                  kb.arg(rowsArg()), kb.i64(rowElements(op.getInput())));
    return success();
  }
  case Step::Kind::KvAppend:
    emitAppend(kb, step, row);
    return success();
  case Step::Kind::Linear:
  case Step::Kind::Attention:
  case Step::Kind::Runs:
  case Step::Kind::Select:
    break;
  }
  llvm_unreachable("not a row step");
}

FailureOr<func::FuncOp> RowKernelEmitter::emit(StringRef name) {
  MLIRContext *context = module.getContext();
  Type ptr = LLVM::LLVMPointerType::get(context);
  Type i64 = IntegerType::get(context, 64);
  SmallVector<Type> types(kernel.buffers.size(), ptr);
  for (size_t cache = 0; cache < kernel.caches.size(); ++cache)
    types.append({ptr, ptr, ptr, ptr, i64, i64});
  types.append(kernel.counts.size(), i64);
  types.append({i64, ptr, i64, i64});
  KernelBuilder kb(module, target, name, types);
  Value rows = kb.arg(rowsArg());
  auto [firstTile, lastTile] =
      kb.share(kb.ceilDivU(rows, kRowTile), kb.arg(scratchArg() + 1),
               kb.arg(scratchArg() + 2));
  LogicalResult result = success();
  kb.forLoop(
      kb.mul(firstTile, kRowTile), kb.minS(kb.mul(lastTile, kRowTile), rows),
      kb.i64(1),
      [&](Value row) {
        for (const Step *step : steps)
          if (succeeded(result))
            result = emitStep(kb, *step, row);
      },
      /*unroll=*/false);
  func::FuncOp function = kb.finish();
  if (failed(result))
    return failure();
  return function;
}

FailureOr<RowKernel>
RowKernelEmitter::run(llvm::StringMap<func::FuncOp> &known) {
  func::FuncOp &function = known[key()];
  if (!function) {
    // Row kernels are numbered; the rest of the name is for people.
    std::string name = "rows" + llvm::utostr(known.size());
    StringRef last;
    for (const Step *step : steps)
      if (StringRef kind = nameOf(step->kind); kind != last) {
        name += ("_" + kind).str();
        last = kind;
      }
    FailureOr<func::FuncOp> emitted = emit(name);
    if (failed(emitted))
      return failure();
    function = *emitted;
  }
  kernel.function = function;
  return kernel;
}

FailureOr<RowKernel> getRowKernel(ModuleOp module, const Target &target,
                                  const EntryPlan &plan,
                                  ArrayRef<const Step *> steps,
                                  llvm::StringMap<func::FuncOp> &known) {
  return RowKernelEmitter(module, target, plan, steps).run(known);
}

} // namespace winnow::cpu
