//===- TokenPruning.cpp - The meaning of ops that choose tokens -----------===//

#include "Rules.h"

#include "llvm/ADT/MapVector.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

/// The rows of each segment, in their order.
static FailureOr<SmallVector<SmallVector<int64_t>>>
groupRows(Operation *op, int64_t rows, const Tensor *segments) {
  if (segments && segments->dim(0) != rows)
    return op->emitOpError("expects a segment for each of ") << rows << " rows";
  llvm::MapVector<int64_t, SmallVector<int64_t>> groups;
  for (int64_t t = 0; t < rows; ++t)
    groups[segments ? segments->integers()[t] : 0].push_back(t);
  SmallVector<SmallVector<int64_t>> lists;
  for (auto &group : groups)
    lists.push_back(std::move(group.second));
  return lists;
}

FailureOr<Tensor> winnow::evaluateTokenScore(TokenScoreOp op,
                                             const TokenScoreInputs &inputs) {
  const Tensor &query = *inputs.query, &key = *inputs.key;
  const Tensor *lse = inputs.lse;
  int64_t rows = query.dim(0), heads = query.dim(1), width = query.dim(2);
  int64_t keyHeads = key.dim(1);
  if (key.dim(0) != rows ||
      (lse && (lse->dim(0) != rows || lse->dim(1) != heads)))
    return op.emitOpError("expects a key and logarithms of ")
           << heads << " heads for each of " << rows << " queries";
  for (const Tensor *vector : {inputs.bias, inputs.positions})
    if (vector && vector->dim(0) != rows)
      return op.emitOpError("expects a bias and a position for each of ")
             << rows << " queries";
  if (const Tensor *table = inputs.relativeBias;
      table && (table->dim(1) != heads ||
                table->dim(0) != 2 * (int64_t(op.getDistances().size()) + 1)))
    return op.emitOpError("expects a relative bias for each of ")
           << heads << " heads and two sides of " << op.getDistances().size()
           << " distances";
  FailureOr<SmallVector<SmallVector<int64_t>>> groups =
      groupRows(op, rows, inputs.segments);
  if (failed(groups))
    return failure();
  double scale = op.getScale().convertToFloat();
  Tensor output(ElementKind::F32, {rows});
  MutableArrayRef<float> scores = output.mutableFloats();
  for (ArrayRef<int64_t> group : *groups) {
    int64_t first = op.getLast() ? group.back() : group.front();
    auto scoreOf = [&](int64_t t, int64_t head) {
      int64_t from = (first * heads + head) * width;
      int64_t to = (t * keyHeads + head / (heads / keyHeads)) * width;
      double dot = 0;
      for (int64_t c = 0; c < width; ++c)
        dot += double(query.floats()[from + c]) * double(key.floats()[to + c]);
      double score = scale * dot;
      if (inputs.bias)
        score += inputs.bias->floats()[t];
      if (inputs.relativeBias)
        score += getRelativeBias(*inputs.relativeBias, op.getDistances(),
                                 inputs.positions->integers()[t] -
                                     inputs.positions->integers()[first],
                                 head);
      return score;
    };
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    SmallVector<double> totals;
    for (int64_t head = 0; head < heads; ++head) {
      if (lse) {
        totals.push_back(lse->floats()[first * heads + head]);
        continue;
      }
      double largest = nothing, sum = 0;
      for (int64_t t : group)
        largest = std::max(largest, scoreOf(t, head));
      for (int64_t t : group)
        sum += std::exp(scoreOf(t, head) - largest);
      totals.push_back(largest == nothing ? nothing : largest + std::log(sum));
    }
    for (int64_t t : group) {
      double sum = 0;
      for (int64_t head = 0; head < heads; ++head)
        if (totals[head] != nothing)
          sum += std::exp(scoreOf(t, head) - totals[head]);
      scores[t] = sum / heads;
    }
  }
  return output;
}

FailureOr<Tensor> winnow::evaluateTokenChange(TokenChangeOp op,
                                              const Tensor &before,
                                              const Tensor &after) {
  int64_t rows = before.dim(0), width = before.dim(1);
  if (after.dim(0) != rows)
    return op.emitOpError("expects as many rows after as the ")
           << rows << " before";
  Tensor output(ElementKind::F32, {rows});
  for (int64_t t = 0; t < rows; ++t) {
    double dot = 0, xx = 0, yy = 0, dd = 0;
    for (int64_t c = 0; c < width; ++c) {
      double x = before.floats()[t * width + c];
      double y = after.floats()[t * width + c];
      dot += x * y;
      xx += x * x;
      yy += y * y;
      dd += (y - x) * (y - x);
    }
    double change;
    if (xx == 0 && yy == 0)
      change = 0;
    else if (op.getKind() == ChangeKind::Norm)
      change = std::sqrt(dd) / std::sqrt(xx);
    else if (xx == 0 || yy == 0)
      change = 1;
    else
      change = 1 - dot / (std::sqrt(xx) * std::sqrt(yy));
    output.mutableFloats()[t] = change;
  }
  return output;
}

/// Rises with the number in the total order of IEEE 754.
static int32_t orderOf(float number) {
  auto bits = llvm::bit_cast<int32_t>(number);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

FailureOr<SmallVector<Tensor>>
winnow::evaluateTokenSelect(TokenSelectOp op, const Tensor &scores,
                            const Tensor *segments, const Tensor *prunable) {
  TokenPolicyAttr policy = op.getPolicy();
  FailureOr<SmallVector<SmallVector<int64_t>>> groups =
      groupRows(op, scores.dim(0), segments);
  if (failed(groups))
    return failure();
  if (prunable && prunable->dim(0) != scores.dim(0))
    return op.emitOpError("expects a mark for each of ")
           << scores.dim(0) << " tokens";
  SmallVector<int64_t> kept;
  Tensor into(ElementKind::I32, {scores.dim(0)});
  Tensor weights(ElementKind::F32, {scores.dim(0)});
  for (int64_t t = 0; t < scores.dim(0); ++t) {
    into.mutableIntegers()[t] = t;
    weights.mutableFloats()[t] = 1;
  }
  for (SmallVector<int64_t> &group : *groups) {
    int64_t count = group.size();
    SmallVector<int64_t> others;
    for (auto [number, t] : llvm::enumerate(group)) {
      int64_t place = number;
      if (place < policy.getFirst() || place >= count - policy.getLast() ||
          (prunable && prunable->integers()[t] == 0))
        kept.push_back(t);
      else
        others.push_back(t);
    }
    if (FloatAttr least = policy.getLeast()) {
      // No NaN is below.
      llvm::copy_if(others, std::back_inserter(kept), [&](int64_t t) {
        return !(scores.floats()[t] < least.getValue().convertToFloat());
      });
      continue;
    }
    llvm::sort(others, [&](int64_t a, int64_t b) {
      int32_t first = orderOf(scores.floats()[a]);
      int32_t second = orderOf(scores.floats()[b]);
      return first != second ? first > second : a < b;
    });
    int64_t always = count - static_cast<int64_t>(others.size());
    int64_t best = policy.countKept(count, always) - always;
    llvm::append_range(kept, ArrayRef(others).take_front(best));
    ArrayRef<int64_t> leaving = ArrayRef(others).drop_front(best);
    if (!op.getInto() || leaving.empty())
      continue;
    kept.push_back(leaving.front());
    for (int64_t t : leaving) {
      into.mutableIntegers()[t] = leaving.front();
      weights.mutableFloats()[t] = scores.floats()[t];
    }
  }
  llvm::sort(kept);
  Tensor output(ElementKind::I32, {static_cast<int64_t>(kept.size())});
  llvm::copy(kept, output.mutableIntegers().begin());
  SmallVector<Tensor> results = {output};
  if (op.getInto())
    results.append({into, weights});
  return results;
}

FailureOr<SmallVector<Tensor>>
winnow::evaluateTokenMatch(TokenMatchOp op, const Tensor &key,
                           const Tensor *segments) {
  int64_t rows = key.dim(0), heads = key.dim(1), width = key.dim(2);
  FailureOr<SmallVector<SmallVector<int64_t>>> groups =
      groupRows(op, rows, segments);
  if (failed(groups))
    return failure();
  std::vector<double> units(rows * width);
  for (int64_t t = 0; t < rows; ++t) {
    MutableArrayRef<double> unit(&units[t * width], width);
    double squares = 0;
    for (int64_t c = 0; c < width; ++c) {
      for (int64_t head = 0; head < heads; ++head)
        unit[c] += key.floats()[(t * heads + head) * width + c];
      unit[c] /= heads;
      squares += unit[c] * unit[c];
    }
    for (double &number : unit)
      number /= std::max(std::sqrt(squares), 1e-12);
  }
  Tensor into(ElementKind::I32, {rows}), scores(ElementKind::F32, {rows});
  for (int64_t t = 0; t < rows; ++t) {
    into.mutableIntegers()[t] = t;
    scores.mutableFloats()[t] = std::numeric_limits<float>::infinity();
  }
  for (ArrayRef<int64_t> group : *groups) {
    int64_t first = op.getFirst();
    int64_t end = static_cast<int64_t>(group.size()) - op.getLast();
    for (int64_t source = first + first % 2; source < end; source += 2) {
      int64_t t = group[source];
      for (int64_t number = first | 1; number < end; number += 2) {
        double product = 0;
        for (int64_t c = 0; c < width; ++c)
          product += units[t * width + c] * units[group[number] * width + c];
        float score = -product;
        if (score < scores.floats()[t]) {
          scores.mutableFloats()[t] = score;
          into.mutableIntegers()[t] = group[number];
        }
      }
    }
  }
  return SmallVector<Tensor>{into, scores};
}

/// Checks that indices rise within [0, count).
static LogicalResult checkRising(Operation *op, const Tensor &kept,
                                 int64_t count) {
  int64_t before = -1;
  for (int64_t index : kept.integers()) {
    if (index <= before || index >= count)
      return op->emitOpError("expects kept tokens to rise within [0, ")
             << count << "), found " << index << " behind " << before;
    before = index;
  }
  return success();
}

FailureOr<SmallVector<Tensor>> winnow::evaluateTokenMerge(TokenMergeOp op,
                                                          const Tensor &input,
                                                          const Tensor *sizes,
                                                          const Tensor &into,
                                                          const Tensor &kept) {
  int64_t tokens = input.dim(0), width = input.dim(1), count = kept.dim(0);
  if (into.dim(0) != tokens || (sizes && sizes->dim(0) != tokens))
    return op.emitOpError("expects an index (and a size) for each of ")
           << tokens << " rows";
  if (failed(checkRising(op, kept, tokens)))
    return failure();
  Tensor output(ElementKind::F32, {count, width});
  Tensor totals(ElementKind::F32, {count}), rows(ElementKind::I32, {tokens});
  std::vector<double> sums(count * width), weights(count);
  for (int64_t t = 0; t < tokens; ++t) {
    ArrayRef<int64_t> stays = kept.integers();
    const auto *row = llvm::lower_bound(stays, t);
    if (row == stays.end() || *row != t)
      row = llvm::lower_bound(stays, into.integers()[t]);
    if (row == stays.end() || (*row != t && *row != into.integers()[t]))
      return op.emitOpError("expects token ")
             << t << ", or the one that it goes into, " << into.integers()[t]
             << ", to stay";
    int64_t r = row - stays.begin();
    rows.mutableIntegers()[t] = r;
    double size = sizes ? sizes->floats()[t] : 1;
    weights[r] += size;
    for (int64_t c = 0; c < width; ++c)
      sums[r * width + c] += size * input.floats()[t * width + c];
  }
  for (int64_t r = 0; r < count; ++r) {
    totals.mutableFloats()[r] = weights[r];
    for (int64_t c = 0; c < width; ++c)
      output.mutableFloats()[r * width + c] =
          sums[r * width + c] / (op.getSum() ? 1 : weights[r]);
  }
  return SmallVector<Tensor>{output, totals, rows};
}

FailureOr<Tensor> winnow::evaluateTokenRestore(TokenRestoreOp op,
                                               const Tensor &input,
                                               const Tensor &kept,
                                               const Tensor &base) {
  int64_t width = base.dim(1);
  if (kept.dim(0) != input.dim(0) || input.dim(1) != width)
    return op.emitOpError("expects an index for each of ")
           << input.dim(0) << " rows, and rows as wide as those of base";
  if (failed(checkRising(op, kept, base.dim(0))))
    return failure();
  Tensor output = base;
  for (auto [r, t] : llvm::enumerate(kept.integers()))
    llvm::copy(input.floats().slice(r * width, width),
               output.mutableFloats().begin() + t * width);
  return output;
}
