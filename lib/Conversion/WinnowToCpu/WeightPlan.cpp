//===- WeightPlan.cpp - Where weights lie ---------------------------------===//

#include "winnow/Conversion/Passes.h"
#include "winnow/Formats/Tile16.h"

using namespace mlir;
using namespace winnow;

/// Each weight starts at a multiple of this (NAME.weights pads inside).
static constexpr int64_t kWeightAlignment = 64;

/// Bytes of a weight as kernels read it.
static FailureOr<int64_t> weightBytes(ParamOp param) {
  auto type = cast<RankedTensorType>(param.getType());
  if (!type.hasStaticShape())
    return param.emitOpError("expects a static shape, found ") << type;
  EncodingAttr encoding = getEncoding(type);
  if (!encoding)
    return type.getNumElements() * type.getElementTypeBitWidth() / 8;
  if (encoding.getLayout() != "tile16" || type.getRank() != 2)
    return param.emitOpError("expects the layout tile16, found ") << type;
  llvm::Expected<int64_t> bytes =
      tile16Bytes(encoding.getFormat(), type.getDimSize(0), type.getDimSize(1));
  if (!bytes)
    return param.emitOpError() << llvm::toString(bytes.takeError());
  return *bytes;
}

FailureOr<ArrayAttr> winnow::layOutWeights(ModuleOp module) {
  Builder builder(module.getContext());
  SmallVector<Attribute> entries;
  int64_t offset = 0;
  for (ParamOp param : module.getOps<ParamOp>()) {
    FailureOr<int64_t> bytes = weightBytes(param);
    if (failed(bytes))
      return failure();
    NamedAttrList entry({
        builder.getNamedAttr("name", param.getSymNameAttr()),
        builder.getNamedAttr("type", param.getTypeAttr()),
        builder.getNamedAttr("source", param.getSourceAttr()),
        builder.getNamedAttr("stored", param->hasAttr(kStoredTypeAttr)
                                           ? param->getAttr(kStoredTypeAttr)
                                           : param.getTypeAttr()),
        builder.getNamedAttr("offset", builder.getI64IntegerAttr(offset)),
        builder.getNamedAttr("size", builder.getI64IntegerAttr(*bytes)),
    });
    for (auto [key, name] :
         {std::pair("codes", kCodesAttr), std::pair("steps", kStepsAttr),
          std::pair("rows", kRowsAttr), std::pair("columns", kColumnsAttr),
          std::pair("recoded", kRecodedAttr)})
      if (Attribute value = param->getAttr(name))
        entry.append(key, value);
    entries.push_back(entry.getDictionary(module.getContext()));
    offset += llvm::alignTo(*bytes, kWeightAlignment);
  }
  return builder.getArrayAttr(entries);
}
