//===- LowRank.cpp - Two narrow layers for what codes have lost -----------===//

#include "NamePattern.h"

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Analysis/WeightReader.h"
#include "winnow/Compress/Passes.h"
#include "winnow/Formats/LowRank.h"
#include "winnow/Formats/NumberFormat.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWLOWRANK
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

namespace {

struct LowRank : public winnow::impl::WinnowLowRankBase<LowRank> {
  using WinnowLowRankBase::WinnowLowRankBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  LogicalResult approximate(LinearOp linear, OfflineWeight weight);
};

} // namespace

LogicalResult LowRank::verifyOptions() {
  Location location = getOperation().getLoc();
  if (method != "eora")
    return emitError(location)
           << "expects 'method' of winnow-low-rank to be eora; found '"
           << method << "'";
  if (rank < 0)
    return emitError(location)
           << "expects 'rank' of winnow-low-rank to be at least 0; found "
           << rank.getValue();
  return success();
}

/// A param of numbers that were computed, behind `last`, and its value.
static Value createParam(OpBuilder &builder, Location location, ParamOp &last,
                         const Twine &name, ArrayRef<int64_t> shape,
                         ArrayRef<float> numbers) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  OpBuilder symbols(builder.getContext());
  symbols.setInsertionPointAfter(last);
  auto source = symbols.getDictionaryAttr(
      symbols.getNamedAttr("values", DenseElementsAttr::get(type, numbers)));
  last = ParamOp::create(symbols, last.getLoc(), name.str(), type, source);
  return ParamRefOp::create(builder, location, type,
                            FlatSymbolRefAttr::get(last.getSymNameAttr()));
}

static Value createSum(OpBuilder &builder, Location location, Value a,
                       Value b) {
  auto type = cast<RankedTensorType>(a.getType());
  Value empty = tensor::EmptyOp::create(
      builder, location, tensor::getMixedSizes(builder, location, a),
      type.getElementType());
  auto sum = [](OpBuilder &nested, Location inner, ValueRange arguments) {
    Value result =
        arith::AddFOp::create(nested, inner, arguments[0], arguments[1]);
    linalg::YieldOp::create(nested, inner, result);
  };
  return linalg::MapOp::create(builder, location, ValueRange{a, b}, empty, sum)
      ->getResult(0);
}

LogicalResult LowRank::approximate(LinearOp linear, OfflineWeight weight) {
  StringRef name = weight.use.getParam();
  auto options = remark::RemarkOpts::name(name).category("low-rank");
  auto type = cast<RankedTensorType>(linear.getWeight().getType());
  int64_t rows = type.getDimSize(0), width = type.getDimSize(1);
  Statistics statistics(getOperation());
  std::optional<Gram> gram = statistics.lookupGram(name, width);
  if (!gram)
    return linear.emitOpError("needs the statistics '")
           << getStatisticKey("gram.mean", name)
           << "' of its width for winnow-low-rank: --statistics=FILE, written "
              "by winnow-compile --calibrate --observe=gram";
  FailureOr<std::vector<float>> before = readWeight(weight.encode.getInput());
  FailureOr<std::vector<float>> after = readWeight(linear.getWeight());
  if (failed(before) || failed(after))
    return failure();
  for (auto [was, is] : llvm::zip_equal(*before, *after))
    was -= is;
  llvm::Expected<LowRankFactors> factors =
      approximateLowRank(*before, width, gram->evaluate(), rank);
  if (!factors)
    return linear.emitOpError(llvm::toString(factors.takeError()));

  Location location = linear.getLoc();
  OpBuilder builder(linear);
  builder.setInsertionPointAfter(linear);
  auto last = SymbolTable::lookupNearestSymbolFrom<ParamOp>(
      weight.use, weight.use.getParamAttr());
  Value a = createParam(builder, location, last, name + ".low_rank_a",
                        {factors->rank, width}, factors->a);
  Value b = createParam(builder, location, last, name + ".low_rank_b",
                        {rows, factors->rank}, factors->b);
  auto output = cast<RankedTensorType>(linear.getType());
  auto narrow = RankedTensorType::get({output.getDimSize(0), factors->rank},
                                      output.getElementType());
  Value inner = LinearOp::create(builder, location, narrow, linear.getInput(),
                                 a, Value());
  Value rest = LinearOp::create(builder, location, output, inner, b, Value());
  Value sum = createSum(builder, location, linear.getOutput(), rest);
  // The sum itself reads it, and its size.
  llvm::SmallPtrSet<Operation *, 4> kept = {sum.getDefiningOp()};
  for (Operation *user : linear.getOutput().getUsers())
    if (isa<tensor::DimOp>(user))
      kept.insert(user);
  linear.getOutput().replaceAllUsesExcept(sum, kept);
  ++numAdded;
  remark::passed(location, options)
      << formatv("rank {0}: products lose {1:f6} of what they lost",
                 factors->rank,
                 factors->squaredError > 0
                     ? std::sqrt(factors->squaredRest / factors->squaredError)
                     : 0)
             .str();
  return success();
}

void LowRank::runOnOperation() {
  if (failed(verifyOptions()))
    return signalPassFailure();
  if (rank == 0)
    return markAllAnalysesPreserved();
  Location location = getOperation().getLoc();
  NamePattern names(only);
  if (failed(names.verify(location, "only")))
    return signalPassFailure();
  SmallVector<LinearOp> layers;
  llvm::StringMap<unsigned> readers;
  getOperation().walk([&](Operation *op) {
    if (auto linear = dyn_cast<LinearOp>(op))
      layers.push_back(linear);
    if (auto use = dyn_cast<ParamRefOp>(op))
      forEachOfflineRead(use, [&](OpOperand &) { ++readers[use.getParam()]; });
  });
  bool isNamed = false;
  for (LinearOp linear : layers) {
    std::optional<OfflineWeight> weight =
        matchOfflineWeight(linear.getWeight());
    if (!weight)
      continue;
    StringRef name = weight->use.getParam();
    if (!names.matches(name, true))
      continue;
    isNamed = true;
    ++numSeen;
    StringRef why;
    if (!weight->encode ||
        lookupFormat(getEncoding(weight->encode.getType()).getFormat())
            ->isFloat())
      why = "it has lost nothing to a format of blocks";
    else if (readers[name] != 1)
      why = "it is read elsewhere, too";
    if (why.empty() && failed(approximate(linear, *weight)))
      return signalPassFailure();
    if (!why.empty())
      remark::missed(linear.getLoc(),
                     remark::RemarkOpts::name(name).category("low-rank"))
          << ("stays alone: " + why).str();
  }
  if (!isNamed && !only.empty()) {
    emitError(location) << "has no linear layer whose weight matches 'only' of "
                           "winnow-low-rank, '"
                        << only << "'";
    signalPassFailure();
  }
}
