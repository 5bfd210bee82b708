//===- AttentionOps.cpp - Attention, rope and norms -----------------------===//

#include "Checks.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// AttentionOp
//===----------------------------------------------------------------------===//

namespace {
/// The sizes that the operands of an attention share.
struct AttentionSizes {
  explicit AttentionSizes(AttentionOp op)
      : queries(Size::of("number of queries", op.getQuery(), 0)),
        heads(Size::of("number of query heads", op.getQuery(), 1)),
        keys(Size::of("number of keys", op.getKey(), 0)),
        keyHeads(Size::of("number of key heads", op.getKey(), 1)) {}
  Size queries, heads, keys, keyHeads;
};
} // namespace

/// Checks C7 to C10: who may see whom.
static LogicalResult verifyVisibility(AttentionOp op,
                                      const AttentionSizes &sizes) {
  // C7: segments of both sides or of neither.
  Value querySegments = op.getQuerySegments();
  Value keySegments = op.getKeySegments();
  if (bool(querySegments) != bool(keySegments))
    return op.emitOpError("expects segments for queries and keys or for none, "
                          "found them for ")
           << (querySegments ? "queries" : "keys") << " alone";
  // C6: one segment per token.
  if (querySegments &&
      (failed(expectEqual(
           op, Size::of("number of query segments", querySegments, 0),
           sizes.queries)) ||
       failed(expectEqual(op,
                          Size::of("number of key segments", keySegments, 0),
                          sizes.keys))))
    return failure();

  // C8: a mask operand exactly where the mask needs one.
  MaskKind kind = op.getMask().getKind();
  bool tree = kind == MaskKind::Tree;
  bool needed = tree || kind == MaskKind::Explicit;
  Value operand = op.getMaskOperand();
  if (bool(operand) != needed)
    return op.emitOpError("expects ")
           << (needed ? "a" : "no") << " mask_operand for a mask of kind '"
           << stringifyMaskKind(kind) << "'";
  if (!operand)
    return success();
  Type element = cast<RankedTensorType>(operand.getType()).getElementType();
  if (!element.isInteger(tree ? 64 : 1))
    return op.emitOpError("expects a mask_operand of ")
           << (tree ? "'i64'" : "'i1'") << " for a mask of kind '"
           << stringifyMaskKind(kind) << "', found " << element;
  if (failed(expectEqual(op,
                         Size::of("number of mask_operand rows", operand, 0),
                         sizes.queries)))
    return failure();
  Size columns = Size::of("number of mask_operand columns", operand, 1);
  if (!tree) // C9: explicit.
    return expectEqual(op, columns, sizes.keys);
  // C10: tree.
  if (ShapedType::isDynamic(sizes.queries.value))
    return success();
  if (!ShapedType::isDynamic(sizes.keys.value) &&
      sizes.keys.value < sizes.queries.value)
    return op.emitOpError("expects a tree mask to have at least as many keys (")
           << sizes.keys.value << ") as queries (" << sizes.queries.value
           << ")";
  int64_t words = llvm::divideCeil(sizes.queries.value, 64);
  if (!ShapedType::isDynamic(columns.value) && columns.value < words)
    return op.emitOpError("expects number of mask_operand columns (")
           << columns.value << ") to be at least a word per 64 queries ("
           << words << ")";
  return success();
}

LogicalResult winnow::verifyRelativeBias(Operation *op, Value relativeBias,
                                         ArrayRef<int64_t> distances,
                                         Size heads) {
  // They go together.
  if (bool(relativeBias) == distances.empty())
    return op->emitOpError("expects relative_bias and distances or neither");
  // A row for each side and bucket.
  if (relativeBias &&
      (failed(expectEqual(
           op, Size::of("number of relative_bias rows", relativeBias, 0),
           Size{"twice the number of buckets",
                2 * (int64_t(distances.size()) + 1)})) ||
       failed(expectEqual(
           op, Size::of("number of relative_bias columns", relativeBias, 1),
           heads))))
    return failure();
  // Buckets are ranges of distances.
  if (!distances.empty() && (distances.front() < 1 ||
                             !llvm::is_sorted(distances, std::less_equal<>())))
    return op->emitOpError("expects distances to be positive and to rise");
  return success();
}

/// Checks C11, C12 and C16 to C18: what is added to the scores.
static LogicalResult verifyScoreTerms(AttentionOp op,
                                      const AttentionSizes &sizes) {
  // C11: a bias per key, per pair, or per head and pair.
  if (Value bias = op.getBias()) {
    auto type = cast<RankedTensorType>(bias.getType());
    int64_t rank = type.getRank();
    if (rank == 3 &&
        failed(expectEqual(op, Size::of("number of bias heads", bias, 0),
                           sizes.heads)))
      return failure();
    if ((rank > 1 &&
         failed(expectEqual(op, Size::of("number of bias rows", bias, rank - 2),
                            sizes.queries))) ||
        failed(expectEqual(op,
                           Size::of("number of bias columns", bias, rank - 1),
                           sizes.keys)))
      return failure();
  }
  // C16 to C18.
  if (failed(verifyRelativeBias(op, op.getRelativeBias(), op.getDistances(),
                                sizes.heads)))
    return failure();
  // C12: a sink per query head.
  if (Value sinks = op.getSinks())
    return expectEqual(op, Size::of("number of sinks", sinks, 0), sizes.heads);
  return success();
}

LogicalResult AttentionOp::verify() {
  AttentionSizes sizes(*this);
  // C2: head grouping.
  int64_t heads = sizes.heads.value, keyHeads = sizes.keyHeads.value;
  if (!ShapedType::isDynamic(keyHeads) &&
      (keyHeads == 0 ||
       (!ShapedType::isDynamic(heads) && heads % keyHeads != 0)))
    return emitOpError("expects number of key heads (")
           << keyHeads << ") to divide number of query heads ("
           << (ShapedType::isDynamic(heads) ? "?" : std::to_string(heads))
           << ")";
  // C3: queries and keys have the same channels.
  if (failed(expectEqual(*this, Size::of("head size of keys", getKey(), 2),
                         Size::of("head size of queries", getQuery(), 2))))
    return failure();
  // C4: a value per key and head.
  if (failed(expectEqual(*this, Size::of("number of values", getValue(), 0),
                         sizes.keys)) ||
      failed(expectEqual(*this,
                         Size::of("number of value heads", getValue(), 1),
                         sizes.keyHeads)))
    return failure();
  // C5: the output has the queries' tokens and heads, the values' channels.
  if (failed(expectEqual(*this, Size::of("number of outputs", getOutput(), 0),
                         sizes.queries)) ||
      failed(expectEqual(*this,
                         Size::of("number of output heads", getOutput(), 1),
                         sizes.heads)) ||
      failed(expectEqual(*this,
                         Size::of("head size of outputs", getOutput(), 2),
                         Size::of("head size of values", getValue(), 2))))
    return failure();
  // C6: one position per token.
  if (failed(expectEqual(
          *this, Size::of("number of query positions", getQueryPositions(), 0),
          sizes.queries)) ||
      failed(expectEqual(
          *this, Size::of("number of key positions", getKeyPositions(), 0),
          sizes.keys)))
    return failure();
  if (failed(verifyVisibility(*this, sizes)) ||
      failed(verifyScoreTerms(*this, sizes)))
    return failure();
  // C13: lse is [queries, query heads].
  if (Value lse = getLse())
    if (failed(expectEqual(*this, Size::of("number of lse rows", lse, 0),
                           sizes.queries)) ||
        failed(expectEqual(*this, Size::of("number of lse columns", lse, 1),
                           sizes.heads)))
      return failure();
  // C14: scores are [keys, key heads].
  if (Value scores = getScores())
    if (failed(expectEqual(*this, Size::of("number of scores rows", scores, 0),
                           sizes.keys)) ||
        failed(expectEqual(*this,
                           Size::of("number of scores columns", scores, 1),
                           sizes.keyHeads)))
      return failure();
  // C15: scale is finite, softcap too and not negative.
  if (failed(expectFinite(*this, "scale", getScale())) ||
      failed(expectFinite(*this, "softcap", getSoftcap())))
    return failure();
  if (getSoftcap().convertToFloat() < 0)
    return emitOpError("expects softcap to be at least 0, found ")
           << getSoftcapAttr();
  return success();
}

double AttentionOp::getFlops(DimFunction dims) {
  double queries = sizeOf(getQuery(), 0, dims),
         keys = sizeOf(getKey(), 0, dims);
  // How many keys a mask can show at most to one query.
  MaskAttr mask = getMask();
  if (mask.getKind() == MaskKind::SlidingWindow)
    keys = std::min(keys, double(mask.getWindow()) + double(mask.getSinks()));
  if (mask.getKind() == MaskKind::Grid)
    keys = std::min(keys, std::pow(2.0 * double(mask.getWindow()) + 1, 2) +
                              double(mask.getSinks()));
  return 2 * queries * keys * sizeOf(getQuery(), 1, dims) *
         (sizeOf(getQuery(), 2, dims) + sizeOf(getValue(), 2, dims));
}

double AttentionOp::getStoredBytes(DimFunction dims) {
  // Keys and values that were computed in this call are not stored.
  double bytes = 0;
  if (auto view = getKey().getDefiningOp<KvViewOp>()) {
    KvCacheType cache = view.getCache().getType();
    bytes += sizeOf(getKey(), 0, dims) *
             double(cache.getHeads() * cache.getKeyBytes());
  }
  if (auto view = getValue().getDefiningOp<KvViewOp>()) {
    KvCacheType cache = view.getCache().getType();
    bytes += sizeOf(getValue(), 0, dims) *
             double(cache.getHeads() * cache.getValueBytes());
  }
  return bytes;
}

TokenFlow AttentionOp::getTokenFlow() { return TokenFlow::MixesTokens; }

void AttentionOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "attn");
  if (getLse())
    setName(getLse(), "lse");
  if (getScores())
    setName(getScores(), "scores");
}

//===----------------------------------------------------------------------===//
// RopeOp
//===----------------------------------------------------------------------===//

LogicalResult RopeOp::verify() {
  int64_t dims = getDims();
  // C3: channels turn in pairs.
  if (dims < 0 || dims % 2 != 0)
    return emitOpError("expects dims to be even and at least 0, found ")
           << dims;
  // C4: inside the head.
  int64_t width = getInput().getType().getDimSize(2);
  if (!ShapedType::isDynamic(width) && dims > width)
    return emitOpError("expects dims (")
           << dims << ") to be at most the head size (" << width << ")";
  // C5: one position per token.
  if (failed(expectEqual(*this,
                         Size::of("number of positions", getPositions(), 0),
                         Size::of("number of tokens", getInput(), 0))))
    return failure();
  // C6: one factor per pair.
  if (getFactors() &&
      failed(expectEqual(*this, Size::of("number of factors", getFactors(), 0),
                         {"dims / 2", dims / 2})))
    return failure();
  // C8: the same of factors in the scaling.
  DenseF64ArrayAttr listed =
      getScalingAttr() ? getScalingAttr().getFactors() : nullptr;
  if (listed && listed.size() != dims / 2)
    return emitOpError("expects as many factors of the scaling (")
           << listed.size() << ") as dims / 2 (" << dims / 2 << ")";
  // C7: powers of the base are frequencies.
  if (!getBase().isFinite() || getBase().convertToDouble() <= 0)
    return emitOpError("expects base to be positive and finite, found ")
           << getBaseAttr();
  return success();
}

OpFoldResult RopeOp::fold(FoldAdaptor) {
  return getDims() == 0 ? OpFoldResult(getInput()) : OpFoldResult();
}

double RopeOp::getFlops(DimFunction dims) {
  // Four multiplications and two additions a pair.
  return 3.0 * double(getDims()) * sizeOf(getInput(), 0, dims) *
         sizeOf(getInput(), 1, dims);
}

double RopeOp::getStoredBytes(DimFunction dims) {
  return storedBytes(getFactors(), dims);
}

TokenFlow RopeOp::getTokenFlow() { return TokenFlow::PerToken; }

void RopeOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "rope");
}

//===----------------------------------------------------------------------===//
// NormOp
//===----------------------------------------------------------------------===//

LogicalResult NormOp::verify() {
  Size width = Size::of("size of the last dimension", getInput(),
                        getInput().getType().getRank() - 1);
  // C3, C4: a weight and a bias per channel.
  if (getWeight() &&
      failed(expectEqual(*this, Size::of("size of weight", getWeight(), 0),
                         width)))
    return failure();
  if (getBias() &&
      failed(expectEqual(*this, Size::of("size of bias", getBias(), 0), width)))
    return failure();
  // C5: epsilon keeps the divisor away from zero.
  if (!getEpsilon().isFinite() || getEpsilon().convertToFloat() < 0)
    return emitOpError("expects epsilon to be finite and at least 0, found ")
           << getEpsilonAttr();
  // C6: a finite offset.
  return expectFinite(*this, "weight_offset", getWeightOffset());
}

double NormOp::getFlops(DimFunction dims) {
  // Square and add, multiply by the reciprocal; layer: the mean and taking it
  // off; weight and bias.
  double perElement =
      3 + (getKind() == NormKind::Layer ? 2 : 0) + (getWeight() ? 1 : 0) +
      (getWeightOffset().isZero() ? 0 : 1) + (getBias() ? 1 : 0);
  return perElement * elementsOf(getInput(), dims);
}

double NormOp::getStoredBytes(DimFunction dims) {
  return storedBytes(getWeight(), dims) + storedBytes(getBias(), dims);
}

TokenFlow NormOp::getTokenFlow() { return TokenFlow::PerToken; }

void NormOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "norm");
}
