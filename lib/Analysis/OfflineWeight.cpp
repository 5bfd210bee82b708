//===- OfflineWeight.cpp - Weights computed when they are written ---------===//

#include "winnow/Analysis/OfflineWeight.h"

#include "winnow/Formats/Hadamard.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace winnow {

//===----------------------------------------------------------------------===//
// Recognising
//===----------------------------------------------------------------------===//

bool isMatrixRead(OpOperand &operand) {
  if (auto linear = dyn_cast<LinearOp>(operand.getOwner()))
    return operand.get() == linear.getWeight();
  if (auto embed = dyn_cast<EmbedOp>(operand.getOwner()))
    return operand.get() == embed.getTable();
  return false;
}

/// Whether a recode makes a weight: decodes it, or encodes it for ops that read
/// matrices.
static bool isOfWeights(RecodeOp recode) {
  EncodingAttr target = getEncoding(recode.getType());
  if (!target)
    return true;
  return llvm::all_of(recode.getOutput().getUses(), isMatrixRead);
}

/// The constant step that `operand` of an elementwise op is, or nothing.
static std::optional<OfflineStep> matchStep(Operation *op, Value operand) {
  auto type = cast<RankedTensorType>(operand.getType());
  OfflineStep step;
  step.kind = isa<arith::MulFOp>(op) ? OfflineStep::Kind::Multiply
                                     : OfflineStep::Kind::Add;
  if (matchPattern(operand, m_Constant(&step.values))) {
    if (!step.values.isSplat() && type.getRank() != 1)
      return std::nullopt;
    return step;
  }
  auto broadcast = operand.getDefiningOp<linalg::BroadcastOp>();
  if (!broadcast || type.getRank() != 2 ||
      broadcast.getDimensions().size() != 1 ||
      !matchPattern(broadcast.getInput(), m_Constant(&step.values)))
    return std::nullopt;
  step.perColumn = broadcast.getDimensions()[0] == 0;
  return step;
}

/// Whether a value is a param, or a part of one, as it is stored.
static bool isStored(Value value) {
  while (auto take = value.getDefiningOp<TakeOp>())
    value = take.getInput();
  return static_cast<bool>(value.getDefiningOp<ParamRefOp>());
}

/// Leaves `indices` of what is left.
static void select(DenseI64ArrayAttr &left, DenseI64ArrayAttr indices) {
  if (left)
    indices = DenseI64ArrayAttr::get(
        indices.getContext(),
        llvm::map_to_vector(indices.asArrayRef(),
                            [&](int64_t index) { return left[index]; }));
  left = indices;
}

/// Leaves `indices` of a vector.
static DenseElementsAttr select(DenseElementsAttr values,
                                ArrayRef<int64_t> indices) {
  auto all = values.getValues<float>();
  auto left = llvm::map_to_vector(
      indices, [&](int64_t index) -> float { return all[index]; });
  auto type = RankedTensorType::get({static_cast<int64_t>(left.size())},
                                    values.getElementType());
  return DenseElementsAttr::get(type, ArrayRef<float>(left));
}

static std::optional<OfflineWeight> matchNumbers(Value value);

static std::optional<OfflineWeight> matchTake(TakeOp take) {
  std::optional<OfflineWeight> weight = matchNumbers(take.getInput());
  if (!weight)
    return std::nullopt;
  int64_t rank = cast<RankedTensorType>(take.getType()).getRank();
  bool ofColumns = static_cast<int64_t>(take.getAxis()) == rank - 1;
  select(ofColumns ? weight->columns : weight->rows, take.getIndicesAttr());
  // The steps before are done on what is left.
  for (OfflineStep &step : weight->steps) {
    if (step.perColumn != ofColumns)
      continue;
    if (step.kind == OfflineStep::Kind::Rotate) {
      // Parts of runs are not the runs of what is left.
      if (!areWholeBlocks(take.getIndices(), step.size))
        return std::nullopt;
    } else if (!step.values.isSplat()) {
      step.values = select(step.values, take.getIndices());
    }
  }
  return weight;
}

static std::optional<OfflineWeight> matchHadamard(HadamardOp hadamard) {
  std::optional<OfflineWeight> weight = matchNumbers(hadamard.getInput());
  if (!weight)
    return std::nullopt;
  OfflineStep &step = weight->steps.emplace_back();
  step.kind = OfflineStep::Kind::Rotate;
  int64_t rank = cast<RankedTensorType>(hadamard.getType()).getRank();
  step.perColumn = static_cast<int64_t>(hadamard.getAxis()) == rank - 1;
  step.size = hadamard.getSize();
  return weight;
}

static std::optional<OfflineWeight> matchNumbers(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto use = dyn_cast_or_null<ParamRefOp>(op))
    return OfflineWeight{use, {}, {}, {}, {}};
  if (auto take = dyn_cast_or_null<TakeOp>(op))
    return matchTake(take);
  if (auto hadamard = dyn_cast_or_null<HadamardOp>(op))
    return matchHadamard(hadamard);
  if (auto recode = dyn_cast_or_null<RecodeOp>(op)) {
    // A second rounding is not the writer's.
    if (getEncoding(recode.getType()) || !isStored(recode.getInput()))
      return std::nullopt;
    return matchNumbers(recode.getInput());
  }
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!isa_and_nonnull<arith::MulFOp, arith::AddFOp>(op) || !type ||
      type.getRank() > 2 || getEncoding(type))
    return std::nullopt;
  for (unsigned side : {0, 1}) {
    std::optional<OfflineStep> step = matchStep(op, op->getOperand(1 - side));
    if (!step)
      continue;
    std::optional<OfflineWeight> weight = matchNumbers(op->getOperand(side));
    if (!weight)
      continue;
    weight->steps.push_back(*step);
    return weight;
  }
  return std::nullopt;
}

std::optional<OfflineWeight> matchOfflineWeight(Value value) {
  auto recode = value.getDefiningOp<RecodeOp>();
  if (!recode || !getEncoding(recode.getType()))
    return matchNumbers(value);
  if (!isOfWeights(recode))
    return std::nullopt;
  std::optional<OfflineWeight> weight = matchNumbers(recode.getInput());
  if (weight)
    weight->encode = recode;
  return weight;
}

static void forEachRead(Value value, function_ref<void(OpOperand &)> visit) {
  for (OpOperand &operand : llvm::make_early_inc_range(value.getUses())) {
    Operation *user = operand.getOwner();
    if (isa<RecodeOp, TakeOp, HadamardOp, arith::MulFOp, arith::AddFOp>(user) &&
        matchOfflineWeight(user->getResult(0)))
      forEachRead(user->getResult(0), visit);
    else
      visit(operand);
  }
}

void forEachOfflineRead(ParamRefOp use, function_ref<void(OpOperand &)> visit) {
  forEachRead(use.getOutput(), visit);
}

//===----------------------------------------------------------------------===//
// As an attribute
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kOperation = "op", kAxis = "axis",
                               kValues = "values", kSize = "size";

/// What steps are called there.
static StringRef getName(OfflineStep::Kind kind) {
  switch (kind) {
  case OfflineStep::Kind::Multiply:
    return "mul";
  case OfflineStep::Kind::Add:
    return "add";
  case OfflineStep::Kind::Rotate:
    return "hadamard";
  }
  llvm_unreachable("a step of no kind");
}

ArrayAttr toAttribute(MLIRContext *context, ArrayRef<OfflineStep> steps) {
  if (steps.empty())
    return nullptr;
  Builder builder(context);
  return builder.getArrayAttr(
      llvm::map_to_vector(steps, [&](const OfflineStep &step) -> Attribute {
        return builder.getDictionaryAttr({
            builder.getNamedAttr(kOperation,
                                 builder.getStringAttr(getName(step.kind))),
            builder.getNamedAttr(
                kAxis,
                builder.getStringAttr(step.perColumn ? "columns" : "rows")),
            step.kind == OfflineStep::Kind::Rotate
                ? builder.getNamedAttr(kSize,
                                       builder.getI64IntegerAttr(step.size))
                : builder.getNamedAttr(kValues, step.values),
        });
      }));
}

SmallVector<OfflineStep> parseOfflineSteps(ArrayAttr attribute) {
  SmallVector<OfflineStep> steps;
  if (!attribute)
    return steps;
  for (auto entry : attribute.getAsRange<DictionaryAttr>()) {
    OfflineStep &step = steps.emplace_back();
    for (auto kind : {OfflineStep::Kind::Add, OfflineStep::Kind::Rotate})
      if (entry.getAs<StringAttr>(kOperation).getValue() == getName(kind))
        step.kind = kind;
    step.perColumn = entry.getAs<StringAttr>(kAxis).getValue() == "columns";
    step.values = entry.getAs<DenseElementsAttr>(kValues);
    if (auto size = entry.getAs<IntegerAttr>(kSize))
      step.size = size.getInt();
  }
  return steps;
}

//===----------------------------------------------------------------------===//
// Evaluating
//===----------------------------------------------------------------------===//

OfflineArithmetic::OfflineArithmetic(ArrayRef<OfflineStep> given) {
  for (const OfflineStep &step : given) {
    Step &added = steps.emplace_back();
    added.kind = step.kind;
    added.perColumn = step.perColumn;
    added.size = step.size;
    if (step.kind == OfflineStep::Kind::Rotate)
      rowsTogether = std::max(rowsTogether, step.perColumn ? 1 : step.size);
    else if (step.values.isSplat())
      added.values.push_back(step.values.getSplatValue<float>());
    else
      added.values.assign(step.values.value_begin<float>(),
                          step.values.value_end<float>());
  }
}

void OfflineArithmetic::apply(int64_t first, int64_t width,
                              MutableArrayRef<float> numbers) const {
  int64_t rows = width ? static_cast<int64_t>(numbers.size()) / width : 0;
  for (const Step &step : steps) {
    if (step.kind == OfflineStep::Kind::Rotate) {
      rotateRuns(numbers, width, step.size, /*alongRows=*/!step.perColumn);
      continue;
    }
    for (int64_t row = 0; row < rows; ++row) {
      auto operand = [&](size_t column) {
        if (step.values.size() == 1)
          return step.values.front();
        return step.values[step.perColumn ? column : first + row];
      };
      for (auto [column, number] :
           llvm::enumerate(numbers.slice(row * width, width)))
        number = step.kind == OfflineStep::Kind::Multiply
                     ? number * operand(column)
                     : number + operand(column);
    }
  }
}

void takeColumns(std::vector<float> &numbers, int64_t width,
                 ArrayRef<int64_t> columns) {
  size_t end = 0;
  // They rise, so that nothing is overwritten before it is read.
  for (size_t row = 0; row < numbers.size(); row += width)
    for (int64_t column : columns)
      numbers[end++] = numbers[row + column];
  numbers.resize(end);
}

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

Value decodeWeight(OpBuilder &builder, Location location, Value weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  if (!getEncoding(type))
    return weight;
  return RecodeOp::create(builder, location, withEncoding(type, nullptr),
                          weight);
}

Value multiplyWeight(OpBuilder &builder, Location location, Value weight,
                     ArrayRef<float> factors, bool perColumn) {
  weight = decodeWeight(builder, location, weight);
  auto type = cast<RankedTensorType>(weight.getType());
  auto vector = RankedTensorType::get({static_cast<int64_t>(factors.size())},
                                      builder.getF32Type());
  Value factor = arith::ConstantOp::create(
      builder, location, DenseElementsAttr::get(vector, factors));
  if (type.getRank() == 2) {
    Value empty = tensor::EmptyOp::create(builder, location, type.getShape(),
                                          type.getElementType());
    factor = linalg::BroadcastOp::create(builder, location, factor, empty,
                                         ArrayRef<int64_t>{perColumn ? 0 : 1})
                 ->getResult(0);
  }
  return arith::MulFOp::create(builder, location, weight, factor);
}

Value rotateWeight(OpBuilder &builder, Location location, Value weight,
                   int64_t axis, int64_t size) {
  weight = decodeWeight(builder, location, weight);
  return HadamardOp::create(builder, location, weight, size, axis);
}

Value takeFromWeight(OpBuilder &builder, Location location, Value weight,
                     int64_t axis, ArrayRef<int64_t> indices) {
  auto type = cast<RankedTensorType>(weight.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = static_cast<int64_t>(indices.size());
  auto taken =
      RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
  return TakeOp::create(builder, location, taken, weight, indices, axis);
}

Value addToWeight(OpBuilder &builder, Location location, Value weight,
                  float number) {
  weight = decodeWeight(builder, location, weight);
  auto type = cast<RankedTensorType>(weight.getType());
  Value addend = arith::ConstantOp::create(
      builder, location, DenseElementsAttr::get(type, number));
  return arith::AddFOp::create(builder, location, weight, addend);
}

} // namespace winnow
