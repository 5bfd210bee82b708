//===- Random.cpp - Tokens chosen by chance -------------------------------===//
//
// The baseline of a study of routers (Duo-LLM, arXiv 2410.10846): a number in
// [0, 1) that depends on seed, layer and position alone, so that a run can be
// repeated whatever it is cut into.
//
//===----------------------------------------------------------------------===//

#include "GateCriterion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace winnow;

/// The positions of `rows`, found on the way back to what the function is
/// given. Null where they are lost.
static Value findPositions(OpBuilder &builder, func::FuncOp function,
                           Value rows) {
  Operation *op = rows.getDefiningOp();
  if (auto layer = dyn_cast_or_null<LayerOp>(op))
    return findPositions(builder, function, layer.getResidual());
  if (auto norm = dyn_cast_or_null<NormOp>(op))
    return findPositions(builder, function, norm.getInput());
  if (auto restore = dyn_cast_or_null<TokenRestoreOp>(op))
    return findPositions(builder, function, restore.getBase());
  if (auto gather = dyn_cast_or_null<TokenGatherOp>(op)) {
    Value all = findPositions(builder, function, gather.getInput());
    if (!all)
      return nullptr;
    return TokenGatherOp::create(
        builder, gather.getLoc(),
        oneEach(gather.getOutput(), builder.getI32Type()), all,
        gather.getIndices());
  }
  if (isa_and_present<TokenMergeOp>(op))
    return nullptr;
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      kNameAttr);
    if (name && name.getValue() == "positions" &&
        argument.getType() == oneEach(rows, builder.getI32Type()))
      return argument;
  }
  return nullptr;
}

/// The finish of MurmurHash3.
static uint32_t mix(uint32_t h) {
  h = (h ^ h >> 16) * 0x85ebca6bU;
  h = (h ^ h >> 13) * 0xc2b2ae35U;
  return h ^ h >> 16;
}

static FailureOr<Value> scoreByChance(OpBuilder &builder,
                                      const GateSite &site) {
  Value positions = findPositions(builder, site.function, site.tokens);
  if (!positions)
    return emitError(site.location) << "has tokens without positions, by which "
                                       "winnow-gate could choose at random";
  uint64_t seed = site.options.seed;
  uint32_t key = mix(mix(uint32_t(seed) ^ mix(uint32_t(seed >> 32))) +
                     uint32_t(site.number));
  Type f32 = builder.getF32Type();
  return createMap(
      builder, site.location, positions, f32,
      [&](OpBuilder &nested, Location inner, Value position) -> Value {
        auto number = [&](uint32_t bits) -> Value {
          return arith::ConstantOp::create(
              nested, inner, nested.getI32IntegerAttr(int32_t(bits)));
        };
        auto shifted = [&](Value bits, uint32_t by) -> Value {
          return arith::ShRUIOp::create(nested, inner, bits, number(by));
        };
        // mix(position + key), and 24 bits of that.
        Value h = arith::AddIOp::create(nested, inner, position, number(key));
        for (auto [by, factor] :
             {std::pair(16U, 0x85ebca6bU), std::pair(13U, 0xc2b2ae35U)}) {
          h = arith::XOrIOp::create(nested, inner, h, shifted(h, by));
          h = arith::MulIOp::create(nested, inner, h, number(factor));
        }
        h = arith::XOrIOp::create(nested, inner, h, shifted(h, 16));
        Value whole =
            arith::SIToFPOp::create(nested, inner, f32, shifted(h, 8));
        Value scale = arith::ConstantOp::create(
            nested, inner, nested.getF32FloatAttr(0x1p-24F));
        return arith::MulFOp::create(nested, inner, whole, scale);
      });
}

const GateCriterion winnow::kGateRandom = {"random", /*quantiles=*/"",
                                           scoreByChance};
