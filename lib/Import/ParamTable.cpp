//===- ParamTable.cpp - The weights of a module ---------------------------===//

#include "ParamTable.h"

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
                const Family &family, const ModelConfig &config)
      : checkpoint(checkpoint), family(family), config(config),
        builder(OpBuilder::atBlockEnd(module.getBody())) {}

  llvm::Error run() {
    for (const TensorSlot &slot : getTensorSlots())
      if (!slot.inLayer)
        if (llvm::Error error = declare(slot, slot.name, config.layers.front()))
          return error;
    for (auto [index, layer] : llvm::enumerate(config.layers))
      for (const TensorSlot &slot : getTensorSlots())
        if (slot.inLayer)
          if (llvm::Error error =
                  declare(slot, getLayerTensorName(index, slot.name), layer))
            return error;
    return checkUnknown();
  }

private:
  llvm::Error declare(const TensorSlot &slot, StringRef name,
                      const LayerConfig &layer) {
    Presence presence = family.getPresence(slot.feature);
    if (presence == Presence::Absent)
      return llvm::Error::success();
    const CheckpointTensor *tensor = checkpoint.find(name);
    if (!tensor) {
      if (presence == Presence::Optional)
        return llvm::Error::success();
      return fail("tensor '" + name + "' is missing; " + family.architecture +
                  " models need it");
    }
    SmallVector<int64_t, 2> expected = {evaluate(slot.rows, config, layer)};
    if (slot.columns != Extent::None)
      expected.push_back(evaluate(slot.columns, config, layer));
    if (ArrayRef(tensor->shape) != ArrayRef(expected))
      return fail("tensor '" + name + "' has shape " +
                  printShape(tensor->shape) + ", expects " +
                  printShape(expected));

    Attribute encoding;
    if (tensor->format->name != "f32")
      encoding =
          EncodingAttr::get(builder.getContext(), tensor->format->name, "rows");
    auto type =
        RankedTensorType::get(tensor->shape, builder.getF32Type(), encoding);
    ParamOp::create(builder, NameLoc::get(builder.getStringAttr(name)), name,
                    type,
                    builder.getDictionaryAttr(builder.getNamedAttr(
                        "file", builder.getStringAttr(name))));
    known.insert(name);
    return llvm::Error::success();
  }

  llvm::Error checkUnknown() {
    for (const CheckpointTensor &tensor : checkpoint.getTensors()) {
      if (known.contains(tensor.name))
        continue;
      SmallVector<std::string> names;
      for (const TensorSlot &slot : getTensorSlots())
        if (family.getPresence(slot.feature) != Presence::Absent)
          names.push_back(
              ((slot.inLayer ? "blk.N." : "") + StringRef(slot.name)).str());
      return fail("tensor '" + tensor.name + "' is not part of a " +
                  family.architecture + " model with " +
                  Twine(config.layers.size()) + " layers; known are " +
                  llvm::join(names, ", "));
    }
    return llvm::Error::success();
  }

  llvm::Error fail(const Twine &message) {
    return llvm::createStringError(Twine(checkpoint.getFiles().front()) + ": " +
                                   message);
  }

  const Checkpoint &checkpoint;
  const Family &family;
  const ModelConfig &config;
  OpBuilder builder;
  llvm::StringSet<> known;
};

} // namespace

llvm::Error winnow::declareParams(ModuleOp module, const Checkpoint &checkpoint,
                                  const Family &family,
                                  const ModelConfig &config) {
  return ParamDeclarer(module, checkpoint, family, config).run();
}
