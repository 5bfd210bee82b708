//===- Linalg.cpp - The meaning of elementwise linalg ops -----------------===//
//
// A linalg op whose iterators are all parallel applies its body at each point
// of an iteration space independently. So the body runs once, on tensors that
// hold the values of all points.
//
//===----------------------------------------------------------------------===//

#include "Rules.h"

using namespace mlir;
using namespace winnow;

/// The index into a tensor of `shape` at `point`, by a projected permutation.
static int64_t linearIndex(AffineMap map, ArrayRef<int64_t> shape,
                           ArrayRef<int64_t> point) {
  int64_t index = 0;
  for (auto [result, size] : llvm::zip(map.getResults(), shape)) {
    auto dim = dyn_cast<AffineDimExpr>(result);
    index = index * size + (dim ? point[dim.getPosition()] : 0);
  }
  return index;
}

/// Steps to the next point in row-major order.
static void advance(MutableArrayRef<int64_t> point, ArrayRef<int64_t> space) {
  for (int64_t d = space.size() - 1; d >= 0 && ++point[d] == space[d]; --d)
    point[d] = 0;
}

Tensor winnow::makeIndexTensor(ArrayRef<int64_t> space, unsigned dim) {
  Tensor result(ElementKind::Index, space);
  SmallVector<int64_t> point(space.size(), 0);
  for (int64_t &element : result.mutableIntegers()) {
    element = point[dim];
    advance(point, space);
  }
  return result;
}

/// The size of each loop, from the shapes of all operands.
static FailureOr<SmallVector<int64_t>>
findIterationSpace(linalg::LinalgOp op, ArrayRef<AffineMap> maps,
                   ArrayRef<const Tensor *> operands) {
  SmallVector<int64_t> space(op.getNumLoops(), -1);
  for (auto [map, operand] : llvm::zip(maps, operands)) {
    if (!map.isProjectedPermutation(/*allowZeroInResults=*/true))
      return op.emitOpError("expects indexing maps that are projected "
                            "permutations to be interpreted");
    for (auto [result, size] : llvm::zip(map.getResults(), operand->shape())) {
      auto dim = dyn_cast<AffineDimExpr>(result);
      if (!dim)
        continue;
      int64_t &loop = space[dim.getPosition()];
      if (loop >= 0 && loop != size)
        return op.emitOpError("expects operand sizes that agree, found ")
               << loop << " and " << size << " along loop "
               << dim.getPosition();
      loop = size;
    }
  }
  if (llvm::is_contained(space, -1) || !getElementCount(space))
    return op.emitOpError("expects an iteration space of known size and at "
                          "most ")
           << kMaxElements << " points";
  return space;
}

FailureOr<SmallVector<Tensor>>
winnow::evaluateLinalg(linalg::LinalgOp op, ArrayRef<const Tensor *> operands,
                       BodyEvaluator evaluateBody) {
  if (op.getNumParallelLoops() != op.getNumLoops())
    return op.emitOpError("expects parallel iterators alone to be interpreted");
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  FailureOr<SmallVector<int64_t>> space =
      findIterationSpace(op, maps, operands);
  if (failed(space))
    return failure();

  // Operands as the body sees them: one element for each point.
  SmallVector<RuntimeValue> arguments;
  Block &body = *op.getBlock();
  for (auto [map, operand] : llvm::zip(maps, operands)) {
    if (arguments.size() == body.getNumArguments())
      break; // linalg.map may leave out the argument of its init
    Tensor spread(operand->kind(), *space);
    SmallVector<int64_t> point(space->size(), 0);
    for (int64_t i = 0; i < spread.size(); ++i) {
      int64_t from = linearIndex(map, operand->shape(), point);
      if (operand->isFloat())
        spread.mutableFloats()[i] = operand->floats()[from];
      else
        spread.mutableIntegers()[i] = operand->integers()[from];
      advance(point, *space);
    }
    arguments.push_back(spread);
  }
  FailureOr<SmallVector<RuntimeValue>> yielded =
      evaluateBody(body, arguments, *space);
  if (failed(yielded))
    return failure();

  SmallVector<Tensor> results;
  int64_t inputs = op.getNumDpsInputs();
  for (auto [number, value] : llvm::enumerate(*yielded)) {
    const Tensor &elements = std::get<Tensor>(value);
    AffineMap map = maps[inputs + number];
    Tensor result = *operands[inputs + number];
    SmallVector<int64_t> point(space->size(), 0);
    int64_t points = *getElementCount(*space);
    for (int64_t i = 0; i < points; ++i) {
      int64_t to = linearIndex(map, result.shape(), point);
      // What does not depend on the point is a scalar.
      int64_t from = elements.rank() == 0 ? 0 : i;
      if (result.isFloat())
        result.mutableFloats()[to] = elements.floats()[from];
      else
        result.mutableIntegers()[to] = elements.integers()[from];
      advance(point, *space);
    }
    results.push_back(result);
  }
  return results;
}
