//===- PromptEntry.cpp - The entry point that prunes prompts --------------===//

#include "PromptEntry.h"

#include "winnow/Analysis/CacheFlow.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace winnow {

static constexpr StringLiteral kPrunable = "prunable";

bool isDecoder(func::FuncOp function) {
  return llvm::any_of(function.getArgumentTypes(), llvm::IsaPred<KvCacheType>);
}

/// The argument of that name.
static BlockArgument findArgument(func::FuncOp function, StringRef name) {
  for (BlockArgument argument : function.getArguments()) {
    auto found = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                       kNameAttr);
    if (found && found.getValue() == name)
      return argument;
  }
  return BlockArgument();
}

Value getPrunable(func::FuncOp entry) {
  TokenSelectOp last;
  for (auto select : entry.getOps<TokenSelectOp>())
    last = select;
  if (!last || !last.getPrunable())
    return findArgument(entry, kPrunable);
  OpBuilder builder(entry.getContext());
  builder.setInsertionPointAfter(last);
  return TokenGatherOp::create(builder, last.getLoc(),
                               last.getPrunable().getType(), last.getPrunable(),
                               last.getKept());
}

func::FuncOp getPromptEntry(func::FuncOp decoder) {
  auto module = decoder->getParentOfType<ModuleOp>();
  if (auto known = module.lookupSymbol<func::FuncOp>(kPromptEntry))
    return known;
  OpBuilder builder(decoder->getContext());
  builder.setInsertionPointAfter(decoder);
  auto entry = cast<func::FuncOp>(builder.clone(*decoder));
  entry.setSymName(kPromptEntry);
  SmallVector<NamedAttribute> attributes = {
      builder.getNamedAttr(kNameAttr, builder.getStringAttr(kPrunable))};
  // As many as there are positions.
  if (BlockArgument positions = findArgument(entry, "positions"))
    if (Attribute dims = entry.getArgAttr(positions.getArgNumber(), kDimsAttr))
      attributes.push_back(builder.getNamedAttr(kDimsAttr, dims));
  auto ids =
      RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  // Cannot fail: the function has a body.
  (void)entry.insertArgument(entry.getNumArguments(), ids,
                             builder.getDictionaryAttr(attributes),
                             decoder.getLoc());
  return entry;
}

void markShorterCaches(func::FuncOp entry, Operation *point) {
  auto module = entry->getParentOfType<ModuleOp>();
  auto unit = UnitAttr::get(entry.getContext());
  for (auto layer : entry.getOps<LayerOp>()) {
    if (!point->isBeforeInBlock(layer))
      continue;
    for (Value input : layer.getInputs()) {
      auto cache = dyn_cast<BlockArgument>(input);
      if (!cache || !isa<KvCacheType>(cache.getType()))
        continue;
      // The decoders of a module have equal arguments.
      for (auto function : module.getOps<func::FuncOp>())
        if (isDecoder(function))
          function.setArgAttr(cache.getArgNumber(), kShorterCacheAttr, unit);
    }
  }
}

} // namespace winnow
