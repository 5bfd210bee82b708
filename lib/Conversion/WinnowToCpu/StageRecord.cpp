//===- StageRecord.cpp - What a profile says of a stage -------------------===//

#include "StageRecord.h"

#include "winnow/Codegen/Cpu/Linear.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

#include <cmath>

using namespace mlir;

namespace winnow::cpu {

namespace {

/// A cost that is a polynomial in rows and keys (see describeStage).
struct StageCost {
  int rows = -1, keys = -1;
  bool past = false, integer = false;
  int64_t window = 0;
  double operations[3] = {}, bytes[3] = {};

  bool sameVariables(const StageCost &other) const {
    return rows == other.rows && keys == other.keys && past == other.past &&
           integer == other.integer && window == other.window;
  }
};

} // namespace

/// More keys than any window.
static constexpr int64_t kManyKeys = int64_t(1) << 40;

/// Whether a dimension of `value` counts keys, not rows.
static bool countsKeys(Operation *op, Value value) {
  auto attention = dyn_cast<AttentionOp>(op);
  return attention &&
         (value == attention.getKey() || value == attention.getValue());
}

/// The polynomial, by asking the interface at a few points.
static StageCost costOf(const EntryPlan &plan, const Step &step) {
  StageCost cost;
  auto op = dyn_cast<CostOpInterface>(step.op);
  if (!op)
    return cost;
  cost.rows = step.rows.symbol;
  auto at = [&](int64_t rows, int64_t keys, auto method) {
    return (op.*method)([&](Value value, unsigned) {
      return countsKeys(step.op, value) ? keys : rows;
    });
  };
  auto operations = &CostOpInterface::getFlops;
  auto bytes = &CostOpInterface::getStoredBytes;
  cost.operations[0] = at(0, 0, operations);
  cost.operations[1] = at(1, 0, operations) - cost.operations[0];
  cost.operations[2] = at(1, 1, operations) - at(1, 0, operations);
  cost.bytes[0] = at(0, 0, bytes);
  cost.bytes[1] = at(1, 0, bytes) - cost.bytes[0];
  cost.bytes[2] = at(0, 1, bytes) - cost.bytes[0];
  if (cost.operations[2]) {
    double most = (at(1, kManyKeys, operations) - at(1, 0, operations)) /
                  cost.operations[2];
    cost.window = most < kManyKeys ? std::llround(most) : 0;
  }
  if (auto linear = dyn_cast<LinearOp>(step.op))
    if (EncodingAttr encoding = getEncoding(linear.getInput().getType()))
      cost.integer = activationsOf(encoding.getFormat()) == Activations::A8B32;
  if (step.cache >= 0 && (cost.operations[2] || cost.bytes[2])) {
    const CachePlan &cache = plan.caches[step.cache];
    cost.past = cache.argument >= 0;
    for (const CachePlan::Event &event : cache.events)
      if (event.appended.symbol >= 0)
        cost.keys = event.appended.symbol;
  }
  return cost;
}

static DictionaryAttr toAttribute(Builder &builder, const StageCost &cost) {
  auto numbers = [&](ArrayRef<double> values) {
    SmallVector<int64_t> rounded;
    for (double value : values)
      rounded.push_back(std::llround(value));
    return builder.getDenseI64ArrayAttr(rounded);
  };
  return builder.getDictionaryAttr({
      builder.getNamedAttr("rows", builder.getI64IntegerAttr(cost.rows)),
      builder.getNamedAttr("keys", builder.getI64IntegerAttr(cost.keys)),
      builder.getNamedAttr("past", builder.getBoolAttr(cost.past)),
      builder.getNamedAttr("window", builder.getI64IntegerAttr(cost.window)),
      builder.getNamedAttr("integer", builder.getBoolAttr(cost.integer)),
      builder.getNamedAttr("operations", numbers(cost.operations)),
      builder.getNamedAttr("bytes", numbers(cost.bytes)),
  });
}

/// Adds the params that `value` is made of.
static void addWeights(Value value, llvm::SetVector<StringRef> &weights) {
  while (Operation *op = value ? value.getDefiningOp() : nullptr) {
    if (auto use = dyn_cast<ParamRefOp>(op))
      weights.insert(use.getParam());
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
      return;
    value = op->getOperand(0);
  }
}

DictionaryAttr describeStage(Builder &builder, const EntryPlan &plan,
                             const StageRecord &record) {
  SmallVector<StageCost> costs;
  llvm::SetVector<StringRef> weights;
  StringRef name;
  for (const Step *step : record.steps) {
    for (Value operand : step->op->getOperands())
      addWeights(operand, weights);
    if (auto location = step->op->getLoc()->findInstanceOf<NameLoc>();
        location && name.empty())
      name = location.getName().getValue();
    StageCost cost = costOf(plan, *step);
    auto *known = llvm::find_if(costs, [&](const StageCost &other) {
      return other.sameVariables(cost);
    });
    if (known == costs.end()) {
      costs.push_back(cost);
      continue;
    }
    for (int i = 0; i < 3; ++i) {
      known->operations[i] += cost.operations[i];
      known->bytes[i] += cost.bytes[i];
    }
  }
  SmallVector<Attribute> kernels, weightNames, costAttributes;
  for (StringRef weight : weights)
    weightNames.push_back(builder.getStringAttr(weight));
  for (const std::string &kernel : record.kernels)
    kernels.push_back(builder.getStringAttr(kernel));
  for (const StageCost &cost : costs)
    if (llvm::any_of(cost.operations, [](double x) { return x != 0; }) ||
        llvm::any_of(cost.bytes, [](double x) { return x != 0; }))
      costAttributes.push_back(toAttribute(builder, cost));
  return builder.getDictionaryAttr({
      builder.getNamedAttr("name", builder.getStringAttr(name)),
      builder.getNamedAttr("kernels", builder.getArrayAttr(kernels)),
      builder.getNamedAttr("weights", builder.getArrayAttr(weightNames)),
      builder.getNamedAttr("costs", builder.getArrayAttr(costAttributes)),
  });
}

} // namespace winnow::cpu
