//===- InlineLayers.cpp - Replace layers by their bodies ------------------===//

#include "winnow/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace winnow {
#define GEN_PASS_DEF_WINNOWINLINELAYERS
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace winnow;

/// r + f, or fma(m, f, r) for a multiplier m other than one.
static Value createResidualSum(OpBuilder &builder, LayerOp layer,
                               Value branch) {
  Location loc = layer.getLoc();
  Value residual = layer.getResidual();
  auto type = cast<RankedTensorType>(residual.getType());
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, residual);
  Value empty =
      tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
  llvm::APFloat multiplier = layer.getMultiplier();
  auto sum = [&](OpBuilder &nested, Location loc, ValueRange args) {
    Value result;
    if (multiplier.isExactlyValue(1.0)) {
      result = arith::AddFOp::create(nested, loc, args[0], args[1]);
    } else {
      Value m = arith::ConstantOp::create(
          nested, loc, nested.getFloatAttr(nested.getF32Type(), multiplier));
      result = math::FmaOp::create(nested, loc, m, args[1], args[0]);
    }
    linalg::YieldOp::create(nested, loc, result);
  };
  return linalg::MapOp::create(builder, loc, ValueRange{residual, branch},
                               empty, sum)
      ->getResult(0);
}

namespace {

struct InlineLayers
    : public winnow::impl::WinnowInlineLayersBase<InlineLayers> {
  void runOnOperation() override {
    SmallVector<LayerOp> layers;
    getOperation().walk([&](LayerOp layer) { layers.push_back(layer); });
    for (LayerOp layer : layers) {
      Block &body = layer.getBody().front();
      Operation *yield = body.getTerminator();
      Block *block = layer->getBlock();
      for (auto [argument, input] :
           llvm::zip_equal(body.getArguments(), layer.getInputs()))
        argument.replaceAllUsesWith(input);
      block->getOperations().splice(layer->getIterator(), body.getOperations());
      OpBuilder builder(layer);
      SmallVector<Value> results = {
          createResidualSum(builder, layer, yield->getOperand(0))};
      llvm::append_range(results, yield->getOperands().drop_front());
      layer->replaceAllUsesWith(results);
      yield->erase();
      layer->erase();
      ++numInlined;
    }
  }
};

} // namespace
