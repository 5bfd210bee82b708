//===- FewerRows.cpp - Ops that go on with fewer rows ---------------------===//

#include "FewerRows.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace winnow {

RankedTensorType withRows(Value rows, int64_t count) {
  auto type = cast<RankedTensorType>(rows.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = count;
  return type.clone(shape);
}

void FewerRows::require(MutableOperandRange operands) {
  for (OpOperand &operand : operands)
    require(operand);
}

void FewerRows::makeFewer(Value result) {
  result.setType(withRows(result, ShapedType::kDynamic));
  replacements[result] = result;
}

LogicalResult FewerRows::changeMap(linalg::MapOp map) {
  require(map.getInputsMutable());
  OpBuilder builder(map);
  auto type = cast<RankedTensorType>(map.getInit().getType());
  Value init = tensor::EmptyOp::create(
      builder, map.getLoc(),
      tensor::getMixedSizes(builder, map.getLoc(), map.getInputs().front()),
      type.getElementType());
  map.getInitMutable().assign(init);
  makeFewer(map->getResult(0));
  return success();
}

LogicalResult FewerRows::changeReshape(tensor::ExpandShapeOp reshape) {
  auto groups = reshape.getReassociationIndices();
  if (groups.empty() || groups.front().size() != 1)
    return reshape.emitOpError(
        "cannot go on with fewer tokens: it splits them");
  SmallVector<OpFoldResult> sizes = reshape.getMixedOutputShape();
  require(reshape.getSrcMutable());
  OpBuilder builder(reshape);
  Value source = reshape.getSrc();
  sizes[0] = tensor::getMixedSizes(builder, reshape.getLoc(), source)[0];
  auto expanded = tensor::ExpandShapeOp::create(
      builder, reshape.getLoc(),
      withRows(reshape.getResult(), ShapedType::kDynamic), source, groups,
      sizes);
  makeFewer(expanded);
  reshape.replaceAllUsesWith(expanded.getResult());
  reshape.erase();
  return success();
}

LogicalResult FewerRows::changeRows(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](linalg::MapOp map) { return changeMap(map); })
      .Case(
          [&](tensor::ExpandShapeOp reshape) { return changeReshape(reshape); })
      .Case<NormOp, LinearOp, RecodeOp, tensor::CollapseShapeOp>(
          [&](auto rows) {
            require(rows->getOpOperand(0));
            makeFewer(rows->getResult(0));
            return success();
          })
      .Case([&](RopeOp rope) {
        require(rope.getInputMutable());
        require(rope.getPositionsMutable());
        makeFewer(rope.getOutput());
        return success();
      })
      .Case([&](tensor::DimOp dim) {
        require(dim.getSourceMutable());
        return success();
      })
      .Default([](Operation *other) {
        return other->emitOpError("cannot go on with fewer tokens");
      });
}

} // namespace winnow
