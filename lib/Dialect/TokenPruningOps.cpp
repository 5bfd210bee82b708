//===- TokenPruningOps.cpp - Ops that choose tokens -----------------------===//

#include "Checks.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// TokenScoreOp
//===----------------------------------------------------------------------===//

LogicalResult TokenScoreOp::verify() {
  auto query = cast<RankedTensorType>(getQuery().getType());
  auto key = cast<RankedTensorType>(getKey().getType());
  // C3: heads of one size, all known.
  if (failed(expectEqual(*this, Size::of("head size of keys", getKey(), 2),
                         Size::of("head size of queries", getQuery(), 2))))
    return failure();
  for (RankedTensorType type : {query, key})
    if (type.isDynamicDim(1) || type.isDynamicDim(2))
      return emitOpError("expects heads of static number and size, found ")
             << type;
  // C2: heads in groups.
  int64_t heads = query.getDimSize(1), keyHeads = key.getDimSize(1);
  if (heads == 0 || keyHeads == 0 || heads % keyHeads != 0)
    return emitOpError("expects the number of key heads (")
           << keyHeads << ") to divide the number of query heads (" << heads
           << "), both positive";
  // C4: the rows are those of the tokens.
  Size rows = Size::of("number of queries", getQuery(), 0);
  if (failed(
          expectEqual(*this, Size::of("number of keys", getKey(), 0), rows)) ||
      failed(expectEqual(*this, Size::of("number of scores", getOutput(), 0),
                         rows)))
    return failure();
  if (getLse() &&
      failed(expectEqual(*this, Size::of("number of rows of lse", getLse(), 0),
                         rows)))
    return failure();
  if (getSegments() &&
      failed(expectEqual(
          *this, Size::of("number of segments", getSegments(), 0), rows)))
    return failure();
  // C5: a logarithm for each head.
  if (getLse() &&
      failed(expectEqual(*this, Size::of("width of lse", getLse(), 1),
                         Size::of("number of query heads", getQuery(), 1))))
    return failure();
  // C4 of what is optional.
  if (getBias() &&
      failed(
          expectEqual(*this, Size::of("number of biases", getBias(), 0), rows)))
    return failure();
  if (getPositions() &&
      failed(expectEqual(
          *this, Size::of("number of positions", getPositions(), 0), rows)))
    return failure();
  // C7: distances are between positions.
  if (bool(getPositions()) == getDistances().empty())
    return emitOpError("expects positions and distances or neither");
  // C7 to C9: the table.
  if (failed(
          verifyRelativeBias(*this, getRelativeBias(), getDistances(),
                             Size::of("number of query heads", getQuery(), 1))))
    return failure();
  // C6: scale is a number.
  return expectFinite(*this, "scale", getScale());
}

/// A dot product for each head of a key, and again for a softmax of its own.
double TokenScoreOp::getFlops(DimFunction dims) {
  return (getLse() ? 2 : 4) * elementsOf(getQuery(), dims);
}

double TokenScoreOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenScoreOp::getTokenFlow() { return TokenFlow::MixesTokens; }

void TokenScoreOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "scores");
}

//===----------------------------------------------------------------------===//
// TokenChangeOp
//===----------------------------------------------------------------------===//

LogicalResult TokenChangeOp::verify() {
  // C3: a number for each row of known width.
  auto type = cast<RankedTensorType>(getBefore().getType());
  if (type.isDynamicDim(1))
    return emitOpError("expects rows of static width, found ") << type;
  return expectEqual(*this, Size::of("number of results", getOutput(), 0),
                     Size::of("number of rows", getBefore(), 0));
}

/// Two or three sums of products.
double TokenChangeOp::getFlops(DimFunction dims) {
  double sums = getKind() == ChangeKind::Cosine ? 3 : 2;
  return 2 * sums * elementsOf(getBefore(), dims);
}

double TokenChangeOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenChangeOp::getTokenFlow() { return TokenFlow::PerToken; }

void TokenChangeOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "change");
}

//===----------------------------------------------------------------------===//
// TokenSelectOp
//===----------------------------------------------------------------------===//

LogicalResult TokenSelectOp::verify() {
  // C2: a segment per score.
  if (getSegments() &&
      failed(expectEqual(*this,
                         Size::of("number of segments", getSegments(), 0),
                         Size::of("number of scores", getScores(), 0))))
    return failure();
  if (getPrunable() &&
      failed(expectEqual(*this,
                         Size::of("number of prunable marks", getPrunable(), 0),
                         Size::of("number of scores", getScores(), 0))))
    return failure();
  for (Value ofTokens : {Value(getInto()), Value(getWeights())})
    if (ofTokens &&
        failed(expectEqual(*this,
                           Size::of("number of rows of a result", ofTokens, 0),
                           Size::of("number of scores", getScores(), 0))))
      return failure();
  // C4: what stays in place of others is the best of those.
  if (bool(getInto()) != bool(getWeights()))
    return emitOpError("expects both 'into' and 'weights' or neither");
  if (getInto() && !getPolicy().getKeep())
    return emitOpError("expects 'keep' where one token stays in place of those "
                       "that leave");
  // C3: only a run knows how many stay.
  if (!cast<RankedTensorType>(getKept().getType()).isDynamicDim(0))
    return emitOpError("expects a dynamic number of indices, found ")
           << getKept().getType();
  return success();
}

double TokenSelectOp::getFlops(DimFunction dims) { return 0; }

double TokenSelectOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenSelectOp::getTokenFlow() { return TokenFlow::ChangesTokenSet; }

void TokenSelectOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getKept(), "kept");
  if (getInto())
    setName(getInto(), "into");
  if (getWeights())
    setName(getWeights(), "weights");
}

//===----------------------------------------------------------------------===//
// TokenMatchOp
//===----------------------------------------------------------------------===//

LogicalResult TokenMatchOp::verify() {
  // C2: heads whose mean can be taken.
  auto key = cast<RankedTensorType>(getKey().getType());
  if (key.isDynamicDim(1) || key.isDynamicDim(2) || key.getDimSize(1) == 0)
    return emitOpError("expects heads of static number and size, at least one, "
                       "found ")
           << key;
  // C3: the rows are those of the tokens.
  Size rows = Size::of("number of keys", getKey(), 0);
  if (getSegments() &&
      failed(expectEqual(
          *this, Size::of("number of segments", getSegments(), 0), rows)))
    return failure();
  if (failed(expectEqual(*this, Size::of("number of indices", getInto(), 0),
                         rows)) ||
      failed(expectEqual(*this, Size::of("number of scores", getScores(), 0),
                         rows)))
    return failure();
  // C4: counts of tokens.
  for (int64_t count : {int64_t(getFirst()), int64_t(getLast())})
    if (count < 0 || count >= (int64_t(1) << 30))
      return emitOpError("expects first and last to be at least 0 and below "
                         "2^30, found ")
             << count;
  return success();
}

/// A dot product for each pair of a source and a destination.
double TokenMatchOp::getFlops(DimFunction dims) {
  double rows = sizeOf(getKey(), 0, dims);
  return rows * rows / 2 * sizeOf(getKey(), 2, dims);
}

double TokenMatchOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenMatchOp::getTokenFlow() { return TokenFlow::MixesTokens; }

void TokenMatchOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getInto(), "into");
  setName(getScores(), "scores");
}

//===----------------------------------------------------------------------===//
// TokenMergeOp
//===----------------------------------------------------------------------===//

LogicalResult TokenMergeOp::verify() {
  // C2: rows keep their width.
  if (failed(expectEqual(*this, Size::of("width of output", getOutput(), 1),
                         Size::of("width of input", getInput(), 1))))
    return failure();
  // C3: the rows are those of the tokens.
  Size tokens = Size::of("number of input rows", getInput(), 0);
  if (getSizes() &&
      failed(expectEqual(*this, Size::of("number of sizes", getSizes(), 0),
                         tokens)))
    return failure();
  if (failed(expectEqual(*this, Size::of("number of indices", getInto(), 0),
                         tokens)) ||
      failed(
          expectEqual(*this, Size::of("number of rows", getRows(), 0), tokens)))
    return failure();
  // C4: a row for each token that stays.
  Size kept = Size::of("number of kept tokens", getKept(), 0);
  if (failed(expectEqual(
          *this, Size::of("number of output rows", getOutput(), 0), kept)) ||
      failed(expectEqual(
          *this, Size::of("number of output sizes", getOutputSizes(), 0),
          kept)))
    return failure();
  return success();
}

double TokenMergeOp::getFlops(DimFunction dims) {
  return 2 * elementsOf(getInput(), dims);
}

double TokenMergeOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenMergeOp::getTokenFlow() { return TokenFlow::ChangesTokenSet; }

void TokenMergeOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "merged");
  setName(getOutputSizes(), "sizes");
  setName(getRows(), "rows");
}

//===----------------------------------------------------------------------===//
// TokenRestoreOp
//===----------------------------------------------------------------------===//

LogicalResult TokenRestoreOp::verify() {
  // C2: an index for each row.
  if (failed(expectEqual(*this, Size::of("number of indices", getKept(), 0),
                         Size::of("number of input rows", getInput(), 0))))
    return failure();
  // C4: rows keep their width.
  return expectEqual(*this, Size::of("width of input", getInput(), 1),
                     Size::of("width of base", getBase(), 1));
}

double TokenRestoreOp::getFlops(DimFunction dims) { return 0; }

double TokenRestoreOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenRestoreOp::getTokenFlow() { return TokenFlow::ChangesTokenSet; }

void TokenRestoreOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "restored");
}
