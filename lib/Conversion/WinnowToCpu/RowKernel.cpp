//===- RowKernel.cpp - Fused kernels over single rows ---------------------===//

#include "RowKernelEmitter.h"

#include "winnow/Codegen/Cpu/Linear.h"

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
  case Step::Kind::TokenLse:
    return "tokenlse";
  case Step::Kind::TokenScore:
    return "tokenscore";
  case Step::Kind::TokenChange:
    return "tokenchange";
  case Step::Kind::TokenOrder:
    return "tokenorder";
  case Step::Kind::TokenStays:
    return "tokenstays";
  case Step::Kind::TokenFuse:
    return "tokenfuse";
  case Step::Kind::TokenPasses:
    return "tokenpasses";
  case Step::Kind::TokenUnit:
    return "tokenunit";
  case Step::Kind::TokenMatch:
    return "tokenmatch";
  case Step::Kind::MergedRow:
    return "mergedrow";
  case Step::Kind::TokenMerge:
    return "tokenmerge";
  case Step::Kind::TokenRestore:
    return "tokenrestore";
  case Step::Kind::NextPositions:
    return "nextpositions";
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

KvPointers RowKernelEmitter::loadCache(KernelBuilder &kb, const Step &step) {
  unsigned first = kernel.buffers.size() + kCacheArgs * cacheNumber(step);
  KvPointers cache;
  cache.keys = kb.arg(first);
  cache.values = kb.arg(first + 1);
  cache.positions = kb.arg(first + 2);
  cache.segments = kb.arg(first + 3);
  cache.capacity = kb.arg(first + 4);
  cache.length = kb.arg(first + 5);
  return cache;
}

void RowKernelEmitter::emitAppend(KernelBuilder &kb, const Step &step,
                                  Value row) {
  const CachePlan &cachePlan = plan.caches[step.cache];
  KvShape shape{cachePlan.type.getHeads(), cachePlan.type.getKeyDim(),
                cachePlan.type.getValueDim(),
                getCacheFormat(cachePlan.type.getKeyType()),
                getCacheFormat(cachePlan.type.getValueType())};
  KvPointers cache = loadCache(kb, step);
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
  case Step::Kind::TokenLse:
  case Step::Kind::TokenScore:
    emitScore(kb, step, row);
    return success();
  case Step::Kind::TokenChange: {
    auto op = cast<TokenChangeOp>(step.op);
    emitTokenChangeRow(kb, op.getKind(), rowElements(op.getBefore()), in(0),
                       in(1), out());
    return success();
  }
  case Step::Kind::TokenOrder:
  case Step::Kind::TokenStays:
  case Step::Kind::TokenFuse:
  case Step::Kind::TokenPasses:
    emitSelect(kb, step, row);
    return success();
  case Step::Kind::TokenUnit:
  case Step::Kind::TokenMatch:
    emitMatch(kb, step, row);
    return success();
  case Step::Kind::MergedRow:
  case Step::Kind::TokenMerge:
  case Step::Kind::TokenRestore:
    emitMerge(kb, step, row);
    return success();
  case Step::Kind::NextPositions:
    kb.store(emitNextPosition(kb, loadCache(kb, step), base(kb, step.inputs[0]),
                              row),
             out(), 4);
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
