//===- ChannelSlicer.cpp - Takes channels out of a model ------------------===//

#include "ChannelSlicer.h"

#include "../WeightEncoding.h"

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Formats/Encode.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace winnow {

SmallVector<int64_t> getPlaces(ArrayRef<int64_t> units, int64_t perUnit) {
  SmallVector<int64_t> places;
  for (int64_t unit : units)
    llvm::append_range(places, llvm::seq(unit * perUnit, (unit + 1) * perUnit));
  return places;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// What gives a weight its codes, if a pass has chosen them.
static RecodeOp getEncode(Value weight) {
  auto recode = weight.getDefiningOp<RecodeOp>();
  return recode && getEncoding(recode.getType()) ? recode : RecodeOp();
}

const NumberFormat &getReadFormat(OpOperand &weight) {
  return *formatOf(weight.get().getType());
}

ColumnFormat getColumnFormat(OpOperand &weight, ArrayRef<int64_t> columns) {
  Value value = weight.get();
  const NumberFormat *format = formatOf(value.getType());
  auto width = static_cast<int64_t>(columns.size());
  // Numbers that a pass encodes are rounded once, as before.
  if (getEncode(value))
    return {findFittingFormat(format, width), false};
  if (areWholeBlocks(columns, format->blockElements))
    return {format, false};
  const NumberFormat *fitting = findFittingFormat(format, width);
  if (!fitting || !canEncodeWeights(*fitting))
    return {nullptr, true};
  return {fitting, true};
}

static RankedTensorType withFormat(Value numbers, const NumberFormat &format) {
  return withEncoding(
      cast<RankedTensorType>(numbers.getType()),
      EncodingAttr::get(numbers.getContext(), format.name, "rows"));
}

/// Leaves some rows or columns of the weight that an operand is, in front of a
/// change of its format.
static void take(OpOperand &operand, unsigned axis, ArrayRef<int64_t> indices) {
  Value weight = operand.get();
  auto type = cast<RankedTensorType>(weight.getType());
  bool ofColumns = axis + 1 == type.getRank();
  Location location = operand.getOwner()->getLoc();
  OpBuilder builder(operand.getOwner());
  ColumnFormat target{formatOf(type), false};
  if (ofColumns)
    target = getColumnFormat(operand, indices);
  RecodeOp encode = getEncode(weight);
  Value numbers = encode ? encode.getInput() : weight;
  if (ofColumns &&
      !areWholeBlocks(indices, formatOf(numbers.getType())->blockElements))
    numbers = decodeWeight(builder, location, numbers);
  Value taken = takeFromWeight(builder, location, numbers, axis, indices);
  if (encode || target.rounded)
    taken =
        RecodeOp::create(builder, location, withFormat(taken, *target.format),
                         taken, encode ? encode.getCodesAttr() : CodesAttr());
  operand.set(taken);
  if (encode && encode.use_empty())
    encode.erase();
}

/// A relative bias that layers share becomes the layer's own.
static void takeRelativeBias(AttentionOp attention, ArrayRef<int64_t> heads) {
  auto layer = cast<LayerOp>(attention->getParentOp());
  auto argument = cast<BlockArgument>(attention.getRelativeBias());
  unsigned number = argument.getArgNumber();
  OfflineWeight shared = *matchOfflineWeight(layer.getInputs()[number]);
  auto param = SymbolTable::lookupNearestSymbolFrom<ParamOp>(
      shared.use, shared.use.getParamAttr());
  // A copy of its own: params are stored as all that read them need it.
  SymbolTable table(param->getParentOp());
  ParamOp own = param.clone();
  auto name = dyn_cast<NameLoc>(layer.getLoc());
  own.setSymName((param.getSymName() + "." +
                  (name ? name.getName().getValue() : StringRef("layer")))
                     .str());
  table.insert(own, std::next(Block::iterator(param)));
  OpBuilder builder(attention);
  Value use = ParamRefOp::create(builder, attention.getLoc(), own.getType(),
                                 FlatSymbolRefAttr::get(own.getSymNameAttr()));
  attention.getRelativeBiasMutable().assign(
      takeFromWeight(builder, attention.getLoc(),
                     decodeWeight(builder, attention.getLoc(), use), 1, heads));
  if (!argument.use_empty())
    return;
  layer.getBody().front().eraseArgument(number);
  layer.getInputsMutable().erase(number);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static void shrink(const ChannelSite::Dimension &dimension, int64_t units) {
  auto type = cast<RankedTensorType>(dimension.value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[dimension.dim] = units * dimension.perUnit;
  Value value = dimension.value;
  value.setType(type.clone(shape));
  if (auto expand = value.getDefiningOp<tensor::ExpandShapeOp>())
    expand.setStaticOutputShape(shape);
}

/// Entry points have the types of their caches.
static void updateType(func::FuncOp function) {
  Operation *terminator = function.getBody().front().getTerminator();
  function.setFunctionType(FunctionType::get(
      function.getContext(), function.getBody().front().getArgumentTypes(),
      terminator->getOperandTypes()));
}

static void shrinkCaches(const ChannelSite &site, int64_t units) {
  for (Value cache : site.caches) {
    auto type = cast<KvCacheType>(cache.getType());
    cache.setType(KvCacheType::get(type.getContext(), units, type.getKeyDim(),
                                   type.getValueDim(), type.getKeyType(),
                                   type.getValueType(), type.getCapacity()));
  }
  LayerOp layer = site.layer;
  if (!site.caches.empty())
    updateType(layer->getParentOfType<func::FuncOp>());
}

void sliceChannels(const ChannelGroup &group, ArrayRef<int64_t> kept) {
  auto units = static_cast<int64_t>(kept.size());
  SmallVector<StringRef> readers = group.getReaderNames();
  for (const ChannelSite &site : group.sites) {
    if (site.biased)
      takeRelativeBias(
          site.biased,
          getPlaces(kept, cast<RankedTensorType>(
                              AttentionOp(site.biased).getQuery().getType())
                                  .getDimSize(1) /
                              site.units));
    for (const ChannelSite::Axis &axis : site.weights)
      take(*axis.weight, axis.axis, getPlaces(kept, axis.perUnit));
    for (const ChannelSite::Dimension &dimension : site.values)
      shrink(dimension, units);
    shrinkCaches(site, units);
  }
  auto module =
      LinearOp(group.first().readers.front())->getParentOfType<ModuleOp>();
  keepStatistics(module, readers, getPlaces(kept, group.first().channels));
}

int64_t getStoredBytes(const ChannelGroup &group) {
  int64_t bytes = 0;
  for (const ChannelSite::Axis &axis : group.first().weights) {
    auto type = cast<RankedTensorType>(axis.weight->get().getType());
    double bits = getReadFormat(*axis.weight).bitsPerWeight();
    bytes += static_cast<int64_t>(double(type.getNumElements()) * bits / 8);
  }
  return bytes;
}

} // namespace winnow
