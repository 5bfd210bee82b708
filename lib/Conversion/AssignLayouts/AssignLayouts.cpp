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

namespace {

struct AssignLayouts
    : public winnow::impl::WinnowAssignLayoutsBase<AssignLayouts> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::MapVector<StringRef, SmallVector<ParamRefOp>> uses;
    module.walk([&](ParamRefOp use) { uses[use.getParam()].push_back(use); });
    for (ParamOp param : llvm::make_early_inc_range(module.getOps<ParamOp>())) {
      auto it = uses.find(param.getSymName());
      if (it == uses.end()) {
        param.erase();
        ++numUnused;
        continue;
      }
      auto type = cast<RankedTensorType>(param.getType());
      EncodingAttr encoding = getEncoding(type);
      RankedTensorType laidOut = withEncoding(type, nullptr);
      int64_t tiled = 0, plain = 0, tables = 0;
      for (ParamRefOp use : it->second)
        for (OpOperand &operand : use.getOutput().getUses())
          ++(isTableUse(operand) && !encoding ? tables
             : isTiledUse(operand)            ? tiled
                                              : plain);
      if (tiled)
        tiled += tables;
      if (tiled) {
        if (plain) {
          param.emitOpError("is read both as a matrix of a linear layer and "
                            "as a plain tensor");
          return signalPassFailure();
        }
        laidOut = withEncoding(
            type, EncodingAttr::get(&getContext(),
                                    encoding ? encoding.getFormat() : "f32",
                                    "tile16"));
        ++numTiled;
      } else if (laidOut != type) {
        ++numDecoded;
      }
      // The writer of the weights has to know how the source is stored.
      param->setAttr(kStoredTypeAttr, TypeAttr::get(type));
      param.setTypeAttr(TypeAttr::get(laidOut));
      for (ParamRefOp use : it->second) {
        use.getOutput().setType(laidOut);
        // Decoding a weight on the spot has become the weight itself.
        for (Operation *user :
             llvm::make_early_inc_range(use.getOutput().getUsers()))
          if (auto recode = dyn_cast<RecodeOp>(user);
              recode && recode.getType() == laidOut) {
            recode.getOutput().replaceAllUsesWith(use.getOutput());
            recode.erase();
          }
      }
    }
  }
};

} // namespace
