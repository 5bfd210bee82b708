//===- ChannelScaling.cpp - Factors between producers and readers ---------===//

#include "ChannelScaling.h"

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Analysis/Statistics.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace winnow {

int64_t ScalableInput::getWidth() const {
  return cast<RankedTensorType>(input.getType()).getShape().back();
}

int64_t ScalableInput::getFactor(int64_t channel) const {
  int64_t dim = getWidth() / heads;
  return channel / dim / (heads / valueHeads) * dim + channel % dim;
}

static StringRef getParamName(Value weight) {
  std::optional<OfflineWeight> found =
      weight ? matchOfflineWeight(weight) : std::nullopt;
  return found ? found->use.getParam() : StringRef();
}

StringRef getWeightName(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return getParamName(linear.getWeight());
  if (auto norm = dyn_cast<NormOp>(op))
    return getParamName(norm.getWeight());
  return "";
}

StringRef ScalableInput::getTap() const {
  return getWeightName(readers.front());
}

//===----------------------------------------------------------------------===//
// Producers
//===----------------------------------------------------------------------===//

/// Whether a scalar of an elementwise body is `argument` times something that
/// does not depend on it.
static bool isProportional(Value value, Value argument) {
  if (value == argument)
    return true;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != argument.getParentBlock())
    return false;
  auto dependsOn = [&](Value start) {
    SmallVector<Value> open = {start};
    while (!open.empty()) {
      Value next = open.pop_back_val();
      if (next == argument)
        return true;
      if (Operation *from = next.getDefiningOp())
        llvm::append_range(open, from->getOperands());
    }
    return false;
  };
  if (isa<arith::NegFOp>(op))
    return isProportional(op->getOperand(0), argument);
  if (!isa<arith::MulFOp, arith::DivFOp>(op))
    return false;
  Value a = op->getOperand(0), b = op->getOperand(1);
  if (isProportional(a, argument) && !dependsOn(b))
    return true;
  return isa<arith::MulFOp>(op) && isProportional(b, argument) && !dependsOn(a);
}

/// The layer that makes the factor of an elementwise product.
static LinearOp findFactor(linalg::MapOp map) {
  Block &body = map.getMapper().front();
  Value yielded = body.getTerminator()->getOperand(0);
  for (auto [number, operand] : llvm::enumerate(map.getInputs())) {
    auto linear = operand.getDefiningOp<LinearOp>();
    if (linear && operand.hasOneUse() &&
        isProportional(yielded, body.getArgument(number)))
      return linear;
  }
  return nullptr;
}

/// Whether nothing but one attention sees what a cache gets in this state: the
/// layer hands it on to the entry point's results, and what is in it when the
/// layer begins was put there by the same code.
static bool isPrivateState(Value state, KvViewOp view) {
  auto append = state.getDefiningOp<KvAppendOp>();
  auto inner =
      append ? dyn_cast<BlockArgument>(append.getCache()) : BlockArgument();
  if (!inner || !inner.hasOneUse())
    return false;
  auto leavesTheEntry = [](Value value) {
    return llvm::all_of(value.getUses(), [](OpOperand &use) {
      return isa<func::ReturnOp>(use.getOwner());
    });
  };
  for (OpOperand &use : state.getUses()) {
    if (use.getOwner() == view || isa<func::ReturnOp>(use.getOwner()))
      continue;
    auto layer = dyn_cast<LayerOp>(use.getOwner()->getParentOp());
    if (!isa<YieldOp>(use.getOwner()) || !layer ||
        !leavesTheEntry(layer->getResult(use.getOperandNumber())))
      return false;
  }
  auto layer = dyn_cast<LayerOp>(inner.getOwner()->getParentOp());
  if (!layer)
    return true;
  auto outer = dyn_cast<BlockArgument>(layer.getInputs()[inner.getArgNumber()]);
  return outer && outer.hasOneUse() &&
         isa<func::FuncOp>(outer.getOwner()->getParentOp());
}

/// Finds the layer that makes the values of an attention; null, with a reason,
/// where others see them.
static LinearOp findValues(AttentionOp attention, ScalableInput &found) {
  Value values = attention.getValue();
  if (auto view = values.getDefiningOp<KvViewOp>()) {
    if (!values.hasOneUse() || !isPrivateState(view.getCache(), view)) {
      found.obstacle = "others see the cache of its values";
      return nullptr;
    }
    values = view.getCache().getDefiningOp<KvAppendOp>().getValue();
  }
  auto expand = values.getDefiningOp<tensor::ExpandShapeOp>();
  LinearOp linear =
      expand ? expand.getSrc().getDefiningOp<LinearOp>() : nullptr;
  // The size of a dimension may be taken of the layer, too.
  auto isRead = [&](OpOperand &use) {
    return use.getOwner() == expand || isa<tensor::DimOp>(use.getOwner());
  };
  if (!linear || !values.hasOneUse() ||
      !llvm::all_of(linear.getOutput().getUses(), isRead)) {
    found.obstacle = "its values are not those of one linear layer";
    return nullptr;
  }
  found.isOfHeads = true;
  found.heads =
      cast<RankedTensorType>(attention.getQuery().getType()).getDimSize(1);
  found.valueHeads =
      cast<RankedTensorType>(attention.getValue().getType()).getDimSize(1);
  return linear;
}

/// Fills in the producer or the obstacle.
static void findProducer(ScalableInput &found) {
  Operation *op = found.input.getDefiningOp();
  bool onlyLinear = llvm::all_of(found.input.getUses(), [](OpOperand &use) {
    return isa<ObserveOp>(use.getOwner()) ||
           (isa<LinearOp>(use.getOwner()) && use.getOperandNumber() == 0);
  });
  if (!onlyLinear) {
    found.obstacle = "other ops than linear layers read the value";
  } else if (auto norm = dyn_cast_or_null<NormOp>(op)) {
    if (norm.getWeight())
      found.producer = norm;
    else
      found.obstacle = "the norm in front has no weight";
  } else if (auto map = dyn_cast_or_null<linalg::MapOp>(op)) {
    found.producer = findFactor(map);
    if (!found.producer)
      found.obstacle = "the value is not a product with what a linear layer "
                       "makes";
  } else if (auto collapse = dyn_cast_or_null<tensor::CollapseShapeOp>(op)) {
    auto attention = collapse.getSrc().getDefiningOp<AttentionOp>();
    if (attention && collapse.getSrc().hasOneUse())
      found.producer = findValues(attention, found);
    else
      found.obstacle = "nothing in front can be divided";
  } else {
    found.obstacle = "nothing in front can be divided";
  }
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

SmallVector<ScalableInput> findScalableInputs(ModuleOp module) {
  llvm::StringMap<unsigned> uses;
  module.walk([&](ParamRefOp use) { ++uses[use.getParam()]; });
  /// Whether a weight is a param that nothing else reads.
  auto isOwn = [&](Value weight) {
    std::optional<OfflineWeight> found = matchOfflineWeight(weight);
    if (!found || uses[found->use.getParam()] != 1)
      return false;
    unsigned reads = 0;
    forEachOfflineRead(found->use, [&](OpOperand &) { ++reads; });
    return reads == 1;
  };
  llvm::MapVector<Value, ScalableInput> inputs;
  module.walk([&](LinearOp linear) {
    if (!matchOfflineWeight(linear.getWeight()))
      return;
    ScalableInput &found = inputs[linear.getInput()];
    found.input = linear.getInput();
    found.readers.push_back(linear);
  });
  SmallVector<ScalableInput> result;
  for (auto &entry : inputs) {
    ScalableInput &found = entry.second;
    findProducer(found);
    auto check = [&](Value weight) {
      if (!weight || isOwn(weight) || !found.producer)
        return;
      StringRef name = getParamName(weight);
      found.producer = nullptr;
      found.obstacle = name.empty() ? "a weight that takes part is no param"
                                    : (name + " is read elsewhere, too").str();
    };
    for (LinearOp reader : found.readers)
      check(reader.getWeight());
    if (auto norm = dyn_cast_or_null<NormOp>(found.producer)) {
      check(norm.getWeight());
      check(norm.getBias());
    } else if (auto linear = dyn_cast_or_null<LinearOp>(found.producer)) {
      check(linear.getWeight());
      check(linear.getBias());
    }
    // Not every reader of the value may be one that was found.
    if (found.producer &&
        llvm::any_of(entry.first.getUses(), [&](OpOperand &use) {
          auto linear = dyn_cast<LinearOp>(use.getOwner());
          return linear && !llvm::is_contained(found.readers, linear);
        })) {
      found.producer = nullptr;
      found.obstacle = "a weight that takes part is no param";
    }
    result.push_back(std::move(found));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Scaling
//===----------------------------------------------------------------------===//

/// Makes `operand`, a weight, the result of `change`, in front of a change of
/// its number format if there is one.
static void changeWeight(OpOperand &operand, bool keepFormat,
                         function_ref<Value(OpBuilder &, Value)> change) {
  OpOperand *target = &operand;
  auto recode = operand.get().getDefiningOp<RecodeOp>();
  if (recode && getEncoding(recode.getType()))
    target = &recode.getInputMutable();
  OpBuilder builder(target->getOwner());
  auto type = cast<RankedTensorType>(target->get().getType());
  Value changed = change(builder, target->get());
  EncodingAttr encoding = getEncoding(type);
  // Powers of two do not round in bf16, whose exponents are those of f32.
  if (keepFormat && target == &operand && encoding &&
      encoding.getFormat() == "bf16")
    changed =
        RecodeOp::create(builder, operand.getOwner()->getLoc(), type, changed);
  target->set(changed);
}

void divideInput(const ScalableInput &input, ArrayRef<float> factors,
                 bool keepFormats) {
  std::vector<float> perChannel(input.getWidth());
  for (auto [channel, factor] : llvm::enumerate(perChannel))
    factor = factors[input.getFactor(channel)];
  std::vector<float> inverse;
  for (float factor : factors)
    inverse.push_back(1 / factor);
  Location location = input.producer->getLoc();
  divideStatistics(input.readers.front()->getParentOfType<ModuleOp>(),
                   input.getTap(), perChannel);
  for (LinearOp reader : input.readers)
    changeWeight(reader.getWeightMutable(), keepFormats,
                 [&](OpBuilder &builder, Value weight) {
                   return multiplyWeight(builder, reader.getLoc(), weight,
                                         perChannel);
                 });
  auto divideVector = [&](const MutableOperandRange &operand, float offset) {
    if (operand.empty())
      return;
    changeWeight(operand[0], /*keepFormat=*/false,
                 [&](OpBuilder &builder, Value vector) {
                   if (offset)
                     vector = addToWeight(builder, location, vector, offset);
                   return multiplyWeight(builder, location, vector, inverse);
                 });
  };
  if (auto norm = dyn_cast<NormOp>(input.producer)) {
    divideVector(norm.getWeightMutable(),
                 norm.getWeightOffset().convertToFloat());
    norm.setWeightOffset(APFloat(0.0f));
    divideVector(norm.getBiasMutable(), 0);
    return;
  }
  auto linear = cast<LinearOp>(input.producer);
  changeWeight(linear.getWeightMutable(), keepFormats,
               [&](OpBuilder &builder, Value weight) {
                 return multiplyWeight(builder, location, weight, inverse,
                                       /*perColumn=*/false);
               });
  divideVector(linear.getBiasMutable(), 0);
}

//===----------------------------------------------------------------------===//
// Rotating
//===----------------------------------------------------------------------===//

void rotateInput(const ScalableInput &input, int64_t size) {
  LinearOp first = input.readers.front();
  rotateStatistics(first->getParentOfType<ModuleOp>(), input.getTap(),
                   input.getWidth(), size);
  auto rotate = [&](OpOperand &operand, int64_t axis) {
    changeWeight(operand, /*keepFormat=*/false,
                 [&](OpBuilder &builder, Value weight) {
                   return rotateWeight(builder, operand.getOwner()->getLoc(),
                                       weight, axis, size);
                 });
  };
  for (LinearOp reader : input.readers)
    rotate(reader.getWeightMutable(), /*axis=*/1);
  auto producer = cast<LinearOp>(input.producer);
  rotate(producer.getWeightMutable(), /*axis=*/0);
  if (!producer.getBiasMutable().empty())
    rotate(producer.getBiasMutable()[0], /*axis=*/0);
}

} // namespace winnow
