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

/// Whether rows are chosen ones of others.
static TokenSelectOp getChoice(TokenGatherOp gather) {
  return gather ? gather.getIndices().getDefiningOp<TokenSelectOp>()
                : TokenSelectOp();
}

/// The choices that have left `rows`, in the order of the program.
static SmallVector<Value> findChoices(Value rows) {
  SmallVector<Value> choices;
  for (Operation *op = rows.getDefiningOp(); op; op = rows.getDefiningOp()) {
    if (auto layer = dyn_cast<LayerOp>(op)) {
      rows = layer.getResidual();
    } else if (auto norm = dyn_cast<NormOp>(op)) {
      rows = norm.getInput();
    } else if (auto gather = dyn_cast<TokenGatherOp>(op); getChoice(gather)) {
      choices.push_back(gather.getIndices());
      rows = gather.getInput();
    } else {
      break;
    }
  }
  std::reverse(choices.begin(), choices.end());
  return choices;
}

/// What the chosen tokens have of `all`.
static Value gatherOnce(Value all, Value kept) {
  for (Operation *user : all.getUsers())
    if (auto known = dyn_cast<TokenGatherOp>(user);
        known && known.getIndices() == kept)
      return known.getOutput();
  OpBuilder builder(kept.getContext());
  builder.setInsertionPointAfterValue(kept);
  return TokenGatherOp::create(builder, kept.getLoc(), all.getType(), all,
                               kept);
}

Value getPrunable(func::FuncOp entry, Value rows) {
  Value marks = findArgument(entry, kPrunable);
  if (marks)
    for (Value kept : findChoices(rows))
      marks = gatherOnce(marks, kept);
  return marks;
}

WholePrompt findWholePrompt(func::FuncOp entry, Value rows, Value segments) {
  WholePrompt whole;
  whole.prunable = findArgument(entry, kPrunable);
  for (whole.segments = segments; whole.segments;) {
    auto gather = whole.segments.getDefiningOp<TokenGatherOp>();
    if (!getChoice(gather))
      break;
    whole.segments = gather.getInput();
  }
  for (Value kept : findChoices(rows))
    whole.indices = whole.indices ? gatherOnce(whole.indices, kept) : kept;
  return whole;
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
