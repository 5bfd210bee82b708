//===- RowMaps.cpp - A number for each token ------------------------------===//

#include "RowMaps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace winnow {

RankedTensorType oneEach(Value rows, Type element) {
  auto type = cast<RankedTensorType>(rows.getType());
  return RankedTensorType::get({type.getDimSize(0)}, element);
}

Value createMap(OpBuilder &builder, Location location, Value input,
                Type element,
                function_ref<Value(OpBuilder &, Location, Value)> body) {
  Value init = tensor::EmptyOp::create(
      builder, location, tensor::getMixedSizes(builder, location, input),
      element);
  return linalg::MapOp::create(
             builder, location, input, init,
             [&](OpBuilder &nested, Location inner, ValueRange of) {
               linalg::YieldOp::create(nested, inner,
                                       body(nested, inner, of[0]));
             })
      ->getResult(0);
}

} // namespace winnow
