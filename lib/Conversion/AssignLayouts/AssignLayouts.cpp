//===- AssignLayouts.cpp - Give each weight its kernels' layout -----------===//

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Conversion/Passes.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace winnow {
#define GEN_PASS_DEF_WINNOWASSIGNLAYOUTS
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace winnow;

/// Whether this operand is a table of which rows are taken: float rows as they
/// are in the file are the fastest, where no linear layer needs another layout.
static bool isTableUse(OpOperand &operand) {
  auto embed = dyn_cast<EmbedOp>(operand.getOwner());
  return embed && operand.get() == embed.getTable();
}

namespace {

/// What the kernels read of a param.
struct Layout {
  RankedTensorType type;
  /// The `gptq` and the `clip` of the recodes that are left to the writer of
  /// the weights, or null.
  StringAttr gptq, clip;
  /// The steps that are left to it, or null.
  ArrayAttr steps;
};

struct AssignLayouts
    : public winnow::impl::WinnowAssignLayoutsBase<AssignLayouts> {
  void runOnOperation() override;

private:
  FailureOr<Layout> layOut(ParamOp param, ArrayRef<ParamRefOp> uses);
};

} // namespace

FailureOr<Layout> AssignLayouts::layOut(ParamOp param,
                                        ArrayRef<ParamRefOp> uses) {
  auto type = cast<RankedTensorType>(param.getType());
  RankedTensorType read;
  StringAttr gptq, clip;
  ArrayAttr steps;
  bool tiled = false, plain = false, agree = true, sameSteps = true;
  bool first = true;
  auto visit = [&](OpOperand &operand) {
    OfflineWeight weight = *matchOfflineWeight(operand.get());
    ArrayAttr stepsHere = toAttribute(&getContext(), weight.steps);
    sameSteps &= first || stepsHere == steps;
    steps = stepsHere;
    first = false;
    if (!isMatrixRead(operand)) {
      plain = true;
      return;
    }
    auto here = cast<RankedTensorType>(operand.get().getType());
    // Plain tables are tiled only for the sake of other readers.
    tiled |= !isTableUse(operand) || getEncoding(here);
    RecodeOp encode = weight.encode;
    StringAttr gptqHere = encode ? encode.getGptqAttr() : StringAttr();
    StringAttr clipHere = encode ? encode.getClipAttr() : StringAttr();
    agree &= !read || (read == here && gptq == gptqHere && clip == clipHere);
    read = here;
    gptq = gptqHere;
    clip = clipHere;
  };
  for (ParamRefOp use : uses)
    forEachOfflineRead(use, visit);
  if (!sameSteps)
    return param.emitOpError("is read with different arithmetic on it, which "
                             "cannot be left to the writer of the weights");
  if (!tiled) {
    numDecoded += bool(getEncoding(type));
    return Layout{withEncoding(type, nullptr), gptq, clip, steps};
  }
  if (plain)
    param.emitOpError("is read both as a matrix of a linear layer and as a "
                      "plain tensor");
  else if (!agree)
    param.emitOpError("is read in two number formats, or with two kinds of "
                      "codes");
  if (plain || !agree)
    return failure();
  ++numTiled;
  EncodingAttr encoding = getEncoding(read);
  auto tiled16 = EncodingAttr::get(
      &getContext(), encoding ? encoding.getFormat() : "f32", "tile16");
  return Layout{withEncoding(type, tiled16), gptq, clip, steps};
}

/// Erases ops that nothing reads, and what only they needed.
static void eraseDead(SetVector<Operation *> ops) {
  while (!ops.empty()) {
    Operation *op = ops.pop_back_val();
    if (isa<ParamRefOp>(op) || !isOpTriviallyDead(op))
      continue;
    for (Value operand : op->getOperands())
      if (Operation *needed = operand.getDefiningOp())
        ops.insert(needed);
    op->erase();
  }
}

void AssignLayouts::runOnOperation() {
  ModuleOp module = getOperation();
  llvm::MapVector<StringRef, SmallVector<ParamRefOp>> uses;
  module.walk([&](ParamRefOp use) { uses[use.getParam()].push_back(use); });
  for (ParamOp param : llvm::make_early_inc_range(module.getOps<ParamOp>())) {
    auto *it = uses.find(param.getSymName());
    if (it == uses.end()) {
      param.erase();
      ++numUnused;
      continue;
    }
    FailureOr<Layout> layout = layOut(param, it->second);
    if (failed(layout))
      return signalPassFailure();
    // The writer of the weights has to know how the source is stored.
    param->setAttr(kStoredTypeAttr, TypeAttr::get(param.getType()));
    param.setTypeAttr(TypeAttr::get(layout->type));
    if (layout->gptq)
      param->setAttr(kGptqAttr, layout->gptq);
    if (layout->clip)
      param->setAttr(kClipAttr, layout->clip);
    if (layout->steps)
      param->setAttr(kStepsAttr, layout->steps);
    for (ParamRefOp use : it->second) {
      // What is done to a weight has become the weight itself.
      SetVector<Operation *> replaced;
      forEachOfflineRead(use, [&](OpOperand &operand) {
        replaced.insert(operand.get().getDefiningOp());
        operand.set(use.getOutput());
      });
      eraseDead(std::move(replaced));
      use.getOutput().setType(layout->type);
    }
  }
}
