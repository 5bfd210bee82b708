//===- WinnowToCpu.cpp - Entry points to kernels and calls ----------------===//
//
// The pass is the table of contents: lay out the weights, then for each entry
// point plan (EntryPlan), write its function and kernels (EntryFunction,
// RowKernel, lib/Codegen/Cpu), and describe it for the runtime.
//
//===----------------------------------------------------------------------===//

#include "EntryFunction.h"
#include "EntryPlan.h"

#include "winnow/Artifact.h"
#include "winnow/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace winnow {
#define GEN_PASS_DEF_CONVERTWINNOWTOCPU
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace winnow;
using namespace winnow::cpu;

namespace {

struct ConvertWinnowToCpu
    : public winnow::impl::ConvertWinnowToCpuBase<ConvertWinnowToCpu> {
  using ConvertWinnowToCpuBase::ConvertWinnowToCpuBase;

  void runOnOperation() override;

private:
  DictionaryAttr describe(const EntryPlan &plan, EntryFunction entry);
};

} // namespace

/// The dtype of Artifact.h for an element type.
static int32_t dtypeOf(Type element) {
  if (element.isF32())
    return WINNOW_F32;
  if (element.isInteger(1))
    return WINNOW_I1;
  return element.isInteger(64) ? WINNOW_I64 : WINNOW_I32;
}

DictionaryAttr ConvertWinnowToCpu::describe(const EntryPlan &plan,
                                            EntryFunction entry) {
  Builder builder(&getContext());
  func::FuncOp function = plan.function;
  auto tensorInfo = [&](Value value, DictionaryAttr attributes,
                        RowCount rows) -> Attribute {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    if (type.getRank() && type.isDynamicDim(0))
      shape[0] = -1 - rows.symbol;
    // Further dynamic dimensions are those of an argument, by name.
    ArrayAttr names =
        attributes ? attributes.getAs<ArrayAttr>(kDimsAttr) : ArrayAttr();
    int64_t named = 0;
    for (auto [axis, size] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(size))
        continue;
      if (axis)
        shape[axis] =
            -1 - (llvm::find(plan.dimNames,
                             cast<StringAttr>(names[named]).getValue()) -
                  plan.dimNames.begin());
      ++named;
    }
    StringAttr name =
        attributes ? attributes.getAs<StringAttr>(kNameAttr) : StringAttr();
    return builder.getDictionaryAttr({
        builder.getNamedAttr("name", name ? name : builder.getStringAttr("")),
        builder.getNamedAttr(
            "dtype", builder.getI32IntegerAttr(dtypeOf(type.getElementType()))),
        builder.getNamedAttr("shape", builder.getDenseI64ArrayAttr(shape)),
    });
  };
  SmallVector<Attribute> inputs, outputs, caches, dims;
  for (const Buffer &buffer : plan.buffers)
    if (buffer.place == Buffer::Place::Input) {
      BlockArgument arg = plan.inputs[buffer.location];
      inputs.push_back(tensorInfo(
          arg, function.getArgAttrDict(arg.getArgNumber()), buffer.rows));
    }
  outputs.resize(plan.outputs.size());
  SmallVector<unsigned> resultNumbers;
  for (auto [number, type] : llvm::enumerate(function.getResultTypes()))
    if (!isa<KvCacheType>(type))
      resultNumbers.push_back(number);
  for (const Buffer &buffer : plan.buffers)
    if (buffer.place == Buffer::Place::Output)
      outputs[buffer.location] =
          tensorInfo(plan.outputs[buffer.location],
                     function.getResultAttrDict(resultNumbers[buffer.location]),
                     buffer.rows);
  SmallVector<int64_t> cacheBytes;
  for (BlockArgument cache : plan.cacheArguments) {
    caches.push_back(TypeAttr::get(cache.getType()));
    cacheBytes.push_back(cast<KvCacheType>(cache.getType()).getSlotBytes());
  }
  SmallVector<bool> chunked;
  for (const CachePlan &cache : plan.caches)
    if (cache.argument >= 0)
      chunked.push_back(cache.chunked);
  for (StringRef name : plan.dimNames)
    dims.push_back(builder.getStringAttr(name));
  SmallVector<Attribute> bounds;
  for (const IndexBound &bound : plan.indexBounds) {
    int64_t rows =
        bound.rows.symbol < 0 ? bound.rows.constant : -1 - bound.rows.symbol;
    bounds.push_back(builder.getDictionaryAttr({
        builder.getNamedAttr("input", builder.getI64IntegerAttr(bound.input)),
        builder.getNamedAttr("rows", builder.getI64IntegerAttr(rows)),
    }));
  }
  SmallVector<Attribute> stages;
  for (const StageRecord &stage : entry.stages)
    stages.push_back(describeStage(builder, plan, stage));
  SmallVector<int64_t> arenaPerDim(plan.arena.perDim);
  for (auto [bytes, shared] : llvm::zip_equal(arenaPerDim, plan.shared.perDim))
    bytes += shared;
  return builder.getDictionaryAttr({
      builder.getNamedAttr("name", function.getSymNameAttr()),
      builder.getNamedAttr(
          "function",
          FlatSymbolRefAttr::get(&getContext(), entry.function.getSymName())),
      builder.getNamedAttr("inputs", builder.getArrayAttr(inputs)),
      builder.getNamedAttr("outputs", builder.getArrayAttr(outputs)),
      builder.getNamedAttr("bounds", builder.getArrayAttr(bounds)),
      builder.getNamedAttr("caches", builder.getArrayAttr(caches)),
      builder.getNamedAttr("cache_bytes_per_token",
                           builder.getDenseI64ArrayAttr(cacheBytes)),
      builder.getNamedAttr("chunked", builder.getDenseBoolArrayAttr(chunked)),
      builder.getNamedAttr(
          "segments_input",
          builder.getI64IntegerAttr(plan.segmentsInput.value_or(0))),
      builder.getNamedAttr("dims", builder.getArrayAttr(dims)),
      builder.getNamedAttr("arena_bytes_per",
                           builder.getDenseI64ArrayAttr(arenaPerDim)),
      builder.getNamedAttr("arena_bytes",
                           builder.getI64IntegerAttr(plan.arena.constant +
                                                     plan.shared.constant)),
      builder.getNamedAttr("stages", builder.getArrayAttr(stages)),
      builder.getNamedAttr("scratch_bytes_per",
                           builder.getDenseI64ArrayAttr(entry.scratch.perDim)),
      builder.getNamedAttr("scratch_bytes",
                           builder.getI64IntegerAttr(entry.scratch.constant)),
  });
}

void ConvertWinnowToCpu::runOnOperation() {
  ModuleOp module = getOperation();
  llvm::Expected<cpu::Target> target = cpu::Target::get(targetCpu);
  if (!target) {
    module.emitError() << llvm::toString(target.takeError());
    return signalPassFailure();
  }
  FailureOr<ArrayAttr> weights = layOutWeights(module);
  if (failed(weights))
    return signalPassFailure();
  llvm::StringMap<int64_t> offsets;
  for (auto weight : weights->getAsRange<DictionaryAttr>())
    offsets[weight.getAs<StringAttr>("name").getValue()] =
        weight.getAs<IntegerAttr>("offset").getInt();

  SmallVector<func::FuncOp> entries;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(kEntryAttr))
      entries.push_back(function);
  if (entries.empty()) {
    module.emitError("expects an entry point: a function with the attribute '")
        << kEntryAttr << "'";
    return signalPassFailure();
  }

  llvm::StringMap<func::FuncOp> kernels;
  SmallVector<Attribute> descriptions;
  for (func::FuncOp function : entries) {
    FailureOr<EntryPlan> plan =
        planEntry(function, *target,
                  [&](StringRef name) { return offsets.lookup(name); });
    if (failed(plan))
      return signalPassFailure();
    FailureOr<EntryFunction> entry = emitEntryFunction(
        module, *target, *plan, ("winnow_entry_" + function.getSymName()).str(),
        kernels);
    if (failed(entry))
      return signalPassFailure();
    descriptions.push_back(describe(*plan, *entry));
    numCalls += entry->calls;
    numStages += plan->stages;
  }
  numKernels += llvm::count_if(module.getOps<func::FuncOp>(),
                               [](func::FuncOp f) { return f.isPrivate(); }) -
                entries.size();

  for (func::FuncOp function : entries)
    function.erase();
  for (ParamOp param : llvm::make_early_inc_range(module.getOps<ParamOp>()))
    param.erase();
  Builder builder(&getContext());
  module->setAttr(kEntriesAttr, builder.getArrayAttr(descriptions));
  module->setAttr(kWeightsAttr, *weights);
}
