//===- Router.cpp - A trained router per layer ----------------------------===//
//
// As in Duo-LLM (arXiv 2410.10846): the sigmoid of a linear function of a
// token's residual stream, whose weight [1, D] the checkpoint has.
//
//===----------------------------------------------------------------------===//

#include "GateCriterion.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace winnow;

/// The weight of that name, declared if it is not yet.
static FailureOr<ParamRefOp> useParam(OpBuilder &builder, const GateSite &site,
                                      StringRef name, RankedTensorType type) {
  auto module = site.function->getParentOfType<ModuleOp>();
  if (Operation *symbol = module.lookupSymbol(name)) {
    auto param = dyn_cast<ParamOp>(symbol);
    if (!param || param.getType() != type)
      return emitError(site.location) << "expects '" << name << "' of type "
                                      << type << " for winnow-gate";
  } else {
    OpBuilder symbols(site.function);
    auto source = symbols.getDictionaryAttr(
        symbols.getNamedAttr("file", symbols.getStringAttr(name)));
    ParamOp::create(symbols, site.location, name, type, source);
  }
  return ParamRefOp::create(builder, site.location, type,
                            FlatSymbolRefAttr::get(builder.getContext(), name));
}

static FailureOr<Value> scoreByRouter(OpBuilder &builder,
                                      const GateSite &site) {
  Location location = site.location;
  auto [front, back] = site.options.router.split('*');
  if (site.options.router.count('*') != 1)
    return emitError(location) << "expects 'router' of winnow-gate to be the "
                                  "name of a weight with * for the number; "
                                  "found '"
                               << site.options.router << "'";
  auto rows = cast<RankedTensorType>(site.tokens.getType());
  Type f32 = rows.getElementType();
  FailureOr<ParamRefOp> weight =
      useParam(builder, site, (front + Twine(site.number) + back).str(),
               RankedTensorType::get({1, rows.getDimSize(1)}, f32));
  if (failed(weight))
    return failure();
  Value logits = LinearOp::create(
      builder, location, RankedTensorType::get({rows.getDimSize(0), 1}, f32),
      site.tokens, weight->getOutput(), Value());
  SmallVector<ReassociationIndices> joined = {{0, 1}};
  logits = tensor::CollapseShapeOp::create(
      builder, location, oneEach(site.tokens, f32), logits, joined);
  return createMap(
      builder, location, logits, f32,
      [&](OpBuilder &nested, Location inner, Value logit) -> Value {
        Value one =
            arith::ConstantOp::create(nested, inner, nested.getF32FloatAttr(1));
        Value negated = arith::NegFOp::create(nested, inner, logit);
        Value power = math::ExpOp::create(nested, inner, negated);
        Value sum = arith::AddFOp::create(nested, inner, one, power);
        return arith::DivFOp::create(nested, inner, one, sum);
      });
}

const GateCriterion winnow::kGateRouter = {"router", /*quantiles=*/"",
                                           scoreByRouter};
