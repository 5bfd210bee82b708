//===- AssignLayouts.cpp - Give each weight its kernels' layout -----------===//

#include "winnow/Conversion/Passes.h"

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

/// Whether a kernel reads this operand as a matrix of rows of 16.
static bool isTiledUse(OpOperand &operand) {
  if (auto linear = dyn_cast<LinearOp>(operand.getOwner()))
    return operand.get() == linear.getWeight();
  return isTableUse(operand);
}

/// The recode that `user` is if it only changes the number format of a param,
/// which is work for the writer of the weights.
static RecodeOp getOfflineRecode(Operation *user) {
  auto recode = dyn_cast<RecodeOp>(user);
  if (!recode || !getEncoding(recode.getType()))
    return recode;
  bool isWeight = llvm::all_of(recode.getOutput().getUses(), isTiledUse);
  return isWeight ? recode : nullptr;
}

/// Calls `visit` with each operand that reads the param, through recodes.
static void forEachRead(ArrayRef<ParamRefOp> uses,
                        function_ref<void(OpOperand &)> visit) {
  for (ParamRefOp use : uses)
    for (OpOperand &operand : use.getOutput().getUses()) {
      if (RecodeOp recode = getOfflineRecode(operand.getOwner()))
        for (OpOperand &read : recode.getOutput().getUses())
          visit(read);
      else
        visit(operand);
    }
}

namespace {

/// What the kernels read of a param.
struct Layout {
  RankedTensorType type;
  /// The `gptq` of the recodes that are left to the writer of the weights, or
  /// null.
  StringAttr gptq;
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
  StringAttr gptq;
  bool tiled = false, plain = false, agree = true;
  forEachRead(uses, [&](OpOperand &operand) {
    if (!isTiledUse(operand)) {
      plain = true;
      return;
    }
    auto here = cast<RankedTensorType>(operand.get().getType());
    // Plain tables are tiled only for the sake of other readers.
    tiled |= !isTableUse(operand) || getEncoding(here);
    auto recode = operand.get().getDefiningOp<RecodeOp>();
    StringAttr tap = recode ? recode.getGptqAttr() : StringAttr();
    agree &= !read || (read == here && gptq == tap);
    read = here;
    gptq = tap;
  });
  if (!tiled) {
    numDecoded += bool(getEncoding(type));
    return Layout{withEncoding(type, nullptr), gptq};
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
  return Layout{withEncoding(type, tiled16), gptq};
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
    for (ParamRefOp use : it->second) {
      use.getOutput().setType(layout->type);
      // What a weight was recoded to has become the weight itself.
      for (Operation *user :
           llvm::make_early_inc_range(use.getOutput().getUsers()))
        if (RecodeOp recode = getOfflineRecode(user)) {
          recode.getOutput().replaceAllUsesWith(use.getOutput());
          recode.erase();
        }
    }
  }
}
