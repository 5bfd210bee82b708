//===- Attention.cpp - The meaning of winnow.attention --------------------===//

#include "Rules.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

/// floor(a / b) and the remainder that belongs to it, for b > 0 and any a.
static int64_t floorDivide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}
static int64_t floorModulo(int64_t a, int64_t b) {
  return a - floorDivide(a, b) * b;
}

namespace {
/// A query and a key as the mask sees them.
struct Pair {
  int64_t queryIndex, keyIndex;
  int64_t queryPosition, keyPosition;
};
} // namespace

/// The predicate of `mask`, without segments.
static bool isVisible(MaskAttr mask, const Pair &pair, int64_t queries,
                      int64_t keys, const Tensor *operand) {
  int64_t qp = pair.queryPosition, kp = pair.keyPosition;
  switch (mask.getKind()) {
  case MaskKind::Full:
    return true;
  case MaskKind::Causal:
    return kp <= qp;
  case MaskKind::SlidingWindow:
    return kp <= qp && (kp < mask.getSinks() || qp - kp < mask.getWindow());
  case MaskKind::Prefix:
    return kp < mask.getPrefix() || kp <= qp;
  case MaskKind::Tree: {
    int64_t node = pair.keyIndex - (keys - queries);
    if (node < 0)
      return true;
    int64_t words = operand->dim(1);
    uint64_t word = operand->integers()[pair.queryIndex * words + node / 64];
    return (word >> (node % 64)) & 1;
  }
  case MaskKind::Grid: {
    int64_t width = mask.getWidth(), first = mask.getSinks();
    if (first > 0 && (qp < first || kp < first))
      return true;
    qp -= first;
    kp -= first;
    int64_t rows = floorDivide(qp, width) - floorDivide(kp, width);
    int64_t columns = floorModulo(qp, width) - floorModulo(kp, width);
    return std::abs(rows) <= mask.getWindow() &&
           std::abs(columns) <= mask.getWindow();
  }
  case MaskKind::Explicit:
    return operand->integers()[pair.queryIndex * keys + pair.keyIndex] != 0;
  }
  llvm_unreachable("all mask kinds are covered");
}

/// The bias of a score: `bias` is [Tk], [Tq, Tk] or [Hq, Tq, Tk].
static double getBias(const Tensor *bias, int64_t head, int64_t query,
                      int64_t queries, int64_t key, int64_t keys) {
  if (!bias)
    return 0;
  if (bias->rank() == 1)
    return bias->floats()[key];
  if (bias->rank() == 2)
    return bias->floats()[query * keys + key];
  return bias->floats()[(head * queries + query) * keys + key];
}

double winnow::getRelativeBias(const Tensor &table, ArrayRef<int64_t> distances,
                               int64_t offset, int64_t head) {
  int64_t bucket = llvm::count_if(distances, [&](int64_t distance) {
    return distance <= std::abs(offset);
  });
  if (offset > 0)
    bucket += distances.size() + 1;
  return table.floats()[bucket * table.dim(1) + head];
}

/// Checks that the sizes of all operands fit together.
static LogicalResult checkSizes(AttentionOp op, const AttentionOperands &o) {
  int64_t queries = o.query->dim(0), heads = o.query->dim(1);
  int64_t keys = o.key->dim(0), keyHeads = o.key->dim(1);
  auto expect = [&](StringRef what, int64_t found,
                    int64_t expected) -> LogicalResult {
    if (found == expected)
      return success();
    return op.emitOpError("expects ")
           << what << " to be " << expected << ", found " << found;
  };
  if (failed(expect("the head size of keys", o.key->dim(2), o.query->dim(2))) ||
      failed(expect("the number of values", o.value->dim(0), keys)) ||
      failed(expect("the number of value heads", o.value->dim(1), keyHeads)) ||
      failed(expect("the number of query positions", o.queryPositions->dim(0),
                    queries)) ||
      failed(
          expect("the number of key positions", o.keyPositions->dim(0), keys)))
    return failure();
  if (keyHeads == 0 || heads % keyHeads != 0)
    return op.emitOpError("expects the number of key heads (")
           << keyHeads << ") to divide the number of query heads (" << heads
           << ")";
  if (bool(o.querySegments) != bool(o.keySegments))
    return op.emitOpError("expects segments for queries and keys or for none");
  if (o.querySegments && (failed(expect("the number of query segments",
                                        o.querySegments->dim(0), queries)) ||
                          failed(expect("the number of key segments",
                                        o.keySegments->dim(0), keys))))
    return failure();
  if (o.sinks && failed(expect("the number of sinks", o.sinks->dim(0), heads)))
    return failure();
  if (o.bias) {
    SmallVector<int64_t> expected = {heads, queries, keys};
    int64_t rank = o.bias->rank();
    if (o.bias->shape() != ArrayRef<int64_t>(expected).take_back(rank))
      return op.emitOpError("expects the bias to be the last ")
             << rank << " of heads, queries and keys";
  }
  if (o.relativeBias &&
      (failed(expect("the number of relative bias rows", o.relativeBias->dim(0),
                     2 * (op.getDistances().size() + 1))) ||
       failed(expect("the number of relative bias columns",
                     o.relativeBias->dim(1), heads))))
    return failure();
  MaskKind kind = op.getMask().getKind();
  if (kind == MaskKind::Grid && op.getMask().getWidth() <= 0)
    return op.emitOpError("expects a grid mask of positive width");
  if (kind != MaskKind::Tree && kind != MaskKind::Explicit)
    return success();
  if (!o.mask)
    return op.emitOpError("expects a mask operand for this kind of mask");
  if (failed(expect("the number of mask rows", o.mask->dim(0), queries)))
    return failure();
  if (kind == MaskKind::Explicit) {
    if (o.mask->kind() != ElementKind::I1)
      return op.emitOpError("expects an explicit mask of i1");
    return expect("the number of mask columns", o.mask->dim(1), keys);
  }
  if (o.mask->kind() != ElementKind::I64)
    return op.emitOpError("expects ancestor words of i64");
  if (keys < queries)
    return op.emitOpError("expects at least as many keys (")
           << keys << ") as queries (" << queries << ") for a tree mask";
  if (o.mask->dim(1) < int64_t(llvm::divideCeil(queries, 64)))
    return op.emitOpError("expects an ancestor word per 64 queries, found ")
           << o.mask->dim(1) << " for " << queries;
  return success();
}

FailureOr<AttentionResults>
winnow::evaluateAttention(AttentionOp op, const AttentionOperands &o) {
  if (failed(checkSizes(op, o)))
    return failure();
  int64_t queries = o.query->dim(0), heads = o.query->dim(1);
  int64_t keys = o.key->dim(0), keyHeads = o.key->dim(1);
  int64_t keyDim = o.query->dim(2), valueDim = o.value->dim(2);
  int64_t group = heads / keyHeads;
  double scale = op.getScale().convertToFloat();
  double softcap = op.getSoftcap().convertToFloat();
  ArrayRef<float> query = o.query->floats(), key = o.key->floats(),
                  value = o.value->floats();

  AttentionResults results = {
      Tensor(ElementKind::F32, {queries, heads, valueDim}),
      Tensor(ElementKind::F32, {queries, heads}),
      Tensor(ElementKind::F32, {keys, keyHeads})};
  MutableArrayRef<float> output = results.output.mutableFloats();
  MutableArrayRef<float> lse = results.lse.mutableFloats();
  std::vector<double> mass(keys * keyHeads, 0.0);

  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> weights(keys);
  for (int64_t i = 0; i < queries; ++i) {
    for (int64_t head = 0; head < heads; ++head) {
      int64_t keyHead = head / group;
      // Scores; an invisible key has minus infinity and so no weight.
      double maximum = -infinity;
      for (int64_t j = 0; j < keys; ++j) {
        weights[j] = -infinity;
        Pair pair = {i, j, o.queryPositions->integers()[i],
                     o.keyPositions->integers()[j]};
        if (!isVisible(op.getMask(), pair, queries, keys, o.mask))
          continue;
        if (o.querySegments &&
            o.querySegments->integers()[i] != o.keySegments->integers()[j])
          continue;
        double dot = 0;
        for (int64_t c = 0; c < keyDim; ++c)
          dot += double(query[(i * heads + head) * keyDim + c]) *
                 double(key[(j * keyHeads + keyHead) * keyDim + c]);
        double score = scale * dot;
        if (softcap != 0)
          score = softcap * std::tanh(score / softcap);
        weights[j] = score + getBias(o.bias, head, i, queries, j, keys);
        if (o.relativeBias)
          weights[j] +=
              getRelativeBias(*o.relativeBias, op.getDistances(),
                              pair.keyPosition - pair.queryPosition, head);
        // NaN has to win, so that it reaches the output.
        if (!(weights[j] <= maximum))
          maximum = weights[j];
      }
      float &rowLse = lse[i * heads + head];
      if (maximum == -infinity) {
        // Nothing is visible: the output stays zero.
        rowLse = -infinity;
        continue;
      }
      double sum = 0;
      for (double &weight : weights) {
        weight = std::exp(weight - maximum);
        sum += weight;
      }
      rowLse = maximum + std::log(sum);
      // A sink takes part in the denominator alone, not in lse. One far above
      // all scores makes it infinite, and the output 0.
      double denominator = sum;
      if (o.sinks)
        denominator += std::exp(double(o.sinks->floats()[head]) - maximum);
      for (int64_t j = 0; j < keys; ++j)
        mass[j * keyHeads + keyHead] += weights[j] / denominator;
      for (int64_t c = 0; c < valueDim; ++c) {
        double dot = 0;
        for (int64_t j = 0; j < keys; ++j)
          // An invisible key does not count, whatever its value is.
          if (weights[j] != 0)
            dot += weights[j] *
                   double(value[(j * keyHeads + keyHead) * valueDim + c]);
        output[(i * heads + head) * valueDim + c] = dot / denominator;
      }
    }
  }
  llvm::copy(mass, results.scores.mutableFloats().begin());
  return results;
}
