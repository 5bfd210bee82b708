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
                                             const Tensor &query,
                                             const Tensor &key,
                                             const Tensor &lse,
                                             const Tensor *segments) {
  int64_t rows = query.dim(0), heads = query.dim(1), width = query.dim(2);
  int64_t keyHeads = key.dim(1);
  if (key.dim(0) != rows || lse.dim(0) != rows || lse.dim(1) != heads)
    return op.emitOpError("expects a key and logarithms of ")
           << heads << " heads for each of " << rows << " queries";
  FailureOr<SmallVector<SmallVector<int64_t>>> groups =
      groupRows(op, rows, segments);
  if (failed(groups))
    return failure();
  double scale = op.getScale().convertToFloat();
  Tensor output(ElementKind::F32, {rows});
  MutableArrayRef<float> scores = output.mutableFloats();
  for (ArrayRef<int64_t> group : *groups)
    for (int64_t t : group) {
      double sum = 0;
      for (int64_t head = 0; head < heads; ++head) {
        double total = lse.floats()[group.front() * heads + head];
        if (total == -std::numeric_limits<double>::infinity())
          continue;
        int64_t from = (group.front() * heads + head) * width;
        int64_t to = (t * keyHeads + head / (heads / keyHeads)) * width;
        double dot = 0;
        for (int64_t c = 0; c < width; ++c)
          dot +=
              double(query.floats()[from + c]) * double(key.floats()[to + c]);
        sum += std::exp(scale * dot - total);
      }
      scores[t] = sum / heads;
    }
  return output;
}

/// Rises with the number in the total order of IEEE 754.
static int32_t orderOf(float number) {
  auto bits = llvm::bit_cast<int32_t>(number);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

FailureOr<Tensor> winnow::evaluateTokenSelect(TokenSelectOp op,
                                              const Tensor &scores,
                                              const Tensor *segments) {
  TokenPolicyAttr policy = op.getPolicy();
  FailureOr<SmallVector<SmallVector<int64_t>>> groups =
      groupRows(op, scores.dim(0), segments);
  if (failed(groups))
    return failure();
  SmallVector<int64_t> kept;
  for (SmallVector<int64_t> &group : *groups) {
    int64_t count = group.size();
    int64_t first = std::min(count, policy.getFirst());
    int64_t last = std::min(count - first, policy.getLast());
    SmallVector<int64_t> others(
        ArrayRef(group).drop_front(first).drop_back(last));
    llvm::stable_sort(others, [&](int64_t a, int64_t b) {
      return orderOf(scores.floats()[a]) > orderOf(scores.floats()[b]);
    });
    llvm::append_range(kept, ArrayRef(group).take_front(first));
    llvm::append_range(kept, ArrayRef(group).take_back(last));
    llvm::append_range(kept, ArrayRef(others).take_front(
                                 policy.countKept(count) - first - last));
  }
  llvm::sort(kept);
  Tensor output(ElementKind::I32, {static_cast<int64_t>(kept.size())});
  llvm::copy(kept, output.mutableIntegers().begin());
  return output;
}
