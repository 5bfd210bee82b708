//===- AddEmbeddingsEntry.cpp - Decoders that take rows instead of ids ----===//

#include "winnow/Conversion/Passes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace winnow {
#define GEN_PASS_DEF_WINNOWADDEMBEDDINGSENTRY
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

/// The embedding of `ids`, if nothing but that reads them. Asking for their
/// number is no reading: there are as many rows.
static EmbedOp findEmbed(Value ids) {
  EmbedOp embed;
  for (Operation *user : ids.getUsers()) {
    if (isa<tensor::DimOp>(user))
      continue;
    if (embed || !isa<EmbedOp>(user))
      return EmbedOp();
    embed = cast<EmbedOp>(user);
  }
  return embed;
}

/// The argument that holds the token ids of a decoder, or null.
static BlockArgument findIds(func::FuncOp function) {
  bool hasCache = llvm::any_of(function.getArgumentTypes(), [](Type type) {
    return isa<KvCacheType>(type);
  });
  if (!hasCache || !function->hasAttr(kEntryAttr))
    return BlockArgument();
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      kNameAttr);
    if (name && name.getValue() == "ids")
      return findEmbed(argument) ? argument : BlockArgument();
  }
  return BlockArgument();
}

namespace {
struct AddEmbeddingsEntry
    : public winnow::impl::WinnowAddEmbeddingsEntryBase<AddEmbeddingsEntry> {
  void runOnOperation() override;
};
} // namespace

void AddEmbeddingsEntry::runOnOperation() {
  ModuleOp module = getOperation();
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  if (!forward || module.lookupSymbol(kEmbeddingsEntry))
    return;
  BlockArgument ids = findIds(forward);
  if (!ids)
    return;

  OpBuilder builder(forward->getContext());
  builder.setInsertionPointAfter(forward);
  auto function = cast<func::FuncOp>(builder.clone(*forward));
  function.setSymName(kEmbeddingsEntry);
  unsigned number = ids.getArgNumber();
  BlockArgument rows = function.getArgument(number);
  EmbedOp embed = findEmbed(rows);
  Type type = embed.getOutput().getType();
  embed.getOutput().replaceAllUsesWith(rows);
  embed.erase();
  rows.setType(type);
  function.setArgAttr(number, kNameAttr, builder.getStringAttr("embeddings"));
  function.setFunctionType(builder.getFunctionType(
      function.getBody().getArgumentTypes(), function.getResultTypes()));
  ++numAdded;
}
