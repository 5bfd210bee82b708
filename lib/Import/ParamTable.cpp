//===- ParamTable.cpp - The weights of a module ---------------------------===//

#include "ParamTable.h"

#include "winnow/Analysis/ParamSource.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace winnow;

std::string winnow::getLayerTensorName(int64_t layer, StringRef suffix) {
  return ("blk." + Twine(layer) + "." + suffix).str();
}

static int64_t evaluate(Extent extent, const ModelConfig &config,
                        const LayerConfig &layer) {
  switch (extent) {
  case Extent::None:
    return 0;
  case Extent::Vocabulary:
    return config.vocabulary;
  case Extent::Width:
    return config.width;
  case Extent::QueryChannels:
    return layer.heads * config.keyLength;
  case Extent::KeyChannels:
    return layer.keyValueHeads * config.keyLength;
  case Extent::ValueChannels:
    return layer.keyValueHeads * config.valueLength;
  case Extent::AttentionChannels:
    return layer.heads * config.valueLength;
  case Extent::FeedForward:
    return layer.feedForward;
  case Extent::KeyLength:
    return config.keyLength;
  case Extent::RopePairs:
    return config.ropeDims / 2;
  }
  llvm_unreachable("all extents are handled");
}

static std::string printShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(shape, os, "x");
  return text;
}

namespace {

class ParamDeclarer {
public:
  ParamDeclarer(ModuleOp module, const Checkpoint &checkpoint,
                const Family &family, const Naming &naming,
                const ModelConfig &config)
      : checkpoint(checkpoint), family(family), naming(naming), config(config),
        builder(OpBuilder::atBlockEnd(module.getBody())) {}

  llvm::Error run() {
    for (const TensorSlot &slot : getTensorSlots())
      if (!slot.inLayer)
        if (llvm::Error error = declare(slot, -1))
          return error;
    for (size_t layer = 0; layer < config.layers.size(); ++layer)
      for (const TensorSlot &slot : getTensorSlots())
        if (slot.inLayer)
          if (llvm::Error error = declare(slot, layer))
            return error;
    return checkUnknown();
  }

private:
  /// The slots that share a stored tensor with `slot`, itself among them, and
  /// the tensor's name behind that of the layer; empty if files have no such
  /// tensor.
  std::pair<SmallVector<const TensorSlot *, 4>, std::string>
  findStack(const TensorSlot &slot) {
    auto [stem, suffix] = StringRef(slot.name).rsplit('.');
    SmallVector<const TensorSlot *, 4> slots;
    std::string stored;
    for (const TensorAlias &alias : naming.findStack(stem)) {
      std::string name = (alias.slot + "." + suffix).str();
      slots.push_back(llvm::find_if(getTensorSlots(), [&](const auto &other) {
        return other.name == name;
      }));
      stored = (alias.stored + "." + suffix).str();
    }
    return {slots, stored};
  }

  llvm::Error declare(const TensorSlot &slot, int64_t layerIndex);
  llvm::Error checkUnknown();

  /// Where the rows of `slot` lie in a tensor that several slots share.
  DictionaryAttr getSource(StringRef name, const TensorSlot &slot,
                           ArrayRef<const TensorSlot *> stack,
                           const LayerConfig &layer);

  std::string listKnown() {
    SmallVector<std::string> names;
    for (const TensorSlot &slot : getTensorSlots()) {
      auto [slots, stored] = findStack(slot);
      if (slots.empty() || slots.front() != &slot ||
          family.getPresence(slot.feature) == Presence::Absent)
        continue;
      if (slot.inLayer)
        stored = (naming.layerPrefix + "N." + stored).str();
      names.push_back(stored);
    }
    return llvm::join(names, ", ");
  }

  llvm::Error fail(const Twine &message) {
    return llvm::createStringError(Twine(checkpoint.getFiles().front()) + ": " +
                                   message);
  }

  const Checkpoint &checkpoint;
  const Family &family;
  const Naming &naming;
  const ModelConfig &config;
  OpBuilder builder;
  llvm::StringSet<> known;
};

} // namespace

llvm::Error ParamDeclarer::declare(const TensorSlot &slot, int64_t layerIndex) {
  Presence presence = family.getPresence(slot.feature);
  auto [stack, stored] = findStack(slot);
  if (presence == Presence::Absent || stack.empty())
    return llvm::Error::success();
  std::string symbol = slot.name.str();
  if (slot.inLayer) {
    symbol = getLayerTensorName(layerIndex, slot.name);
    stored = (naming.layerPrefix + Twine(layerIndex) + "." + stored).str();
  }
  if (slot.feature == Feature::Head && config.tiedHead) {
    presence = Presence::Required;
    if (*config.tiedHead) {
      // Some files have a copy.
      known.insert(stored);
      return llvm::Error::success();
    }
  }
  const CheckpointTensor *tensor = checkpoint.find(stored);
  if (!tensor) {
    auto unusable = checkpoint.getUnusable().find(stored);
    if (unusable != checkpoint.getUnusable().end())
      return fail("tensor '" + stored + "' " + unusable->second);
    if (presence == Presence::Optional)
      return llvm::Error::success();
    return fail("tensor '" + stored + "' is missing; " + family.name +
                " models need it");
  }
  known.insert(stored);

  const LayerConfig &layer = config.layers[std::max<int64_t>(layerIndex, 0)];
  auto withRows = [&](int64_t rows) {
    SmallVector<int64_t, 2> shape = {rows};
    if (slot.columns != Extent::None)
      shape.push_back(evaluate(slot.columns, config, layer));
    return shape;
  };
  int64_t rows = 0;
  for (const TensorSlot *part : stack)
    rows += evaluate(part->rows, config, layer);
  if (ArrayRef(tensor->shape) != ArrayRef(withRows(rows)))
    return fail("tensor '" + stored + "' has shape " +
                printShape(tensor->shape) + ", expects " +
                printShape(withRows(rows)));

  Attribute encoding;
  if (tensor->format->name != "f32")
    encoding =
        EncodingAttr::get(builder.getContext(), tensor->format->name, "rows");
  auto type =
      RankedTensorType::get(withRows(evaluate(slot.rows, config, layer)),
                            builder.getF32Type(), encoding);
  ParamOp::create(builder, NameLoc::get(builder.getStringAttr(stored)), symbol,
                  type, getSource(stored, slot, stack, layer));
  return llvm::Error::success();
}

DictionaryAttr ParamDeclarer::getSource(StringRef name, const TensorSlot &slot,
                                        ArrayRef<const TensorSlot *> stack,
                                        const LayerConfig &layer) {
  NamedAttrList source;
  source.set(kFileSource, builder.getStringAttr(name));
  if (stack.size() > 1) {
    int64_t heads = naming.stacksByHead ? layer.heads : 1;
    FileRows rows;
    for (const TensorSlot *part : stack) {
      int64_t count = evaluate(part->rows, config, layer) / heads;
      if (part == &slot) {
        rows.first = rows.stride;
        rows.group = count;
      }
      rows.stride += count;
    }
    source.set(kRowsSource, rows.toAttribute(builder.getContext()));
  }
  return source.getDictionary(builder.getContext());
}

llvm::Error ParamDeclarer::checkUnknown() {
  auto isIgnored = [&](StringRef name) {
    return known.contains(name) || isForPasses(name) ||
           llvm::any_of(naming.ignored,
                        [&](StringRef end) { return name.ends_with(end); });
  };
  for (const CheckpointTensor &tensor : checkpoint.getTensors())
    if (!isIgnored(tensor.name))
      return fail("tensor '" + tensor.name + "' is not part of a " +
                  family.name + " model with " + Twine(config.layers.size()) +
                  " layers; known are " + listKnown());
  for (const auto &entry : checkpoint.getUnusable())
    if (!isIgnored(entry.first()))
      return fail("tensor '" + entry.first() + "' " + entry.second);
  return llvm::Error::success();
}

llvm::Error winnow::declareParams(ModuleOp module, const Checkpoint &checkpoint,
                                  const Family &family, const Naming &naming,
                                  const ModelConfig &config) {
  return ParamDeclarer(module, checkpoint, family, naming, config).run();
}
