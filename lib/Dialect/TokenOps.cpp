//===- TokenOps.cpp - Ops that change the set of tokens -------------------===//

#include "Checks.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// TokenGatherOp
//===----------------------------------------------------------------------===//

LogicalResult TokenGatherOp::verify() {
  // C2: an output row per index.
  if (failed(expectEqual(*this,
                         Size::of("number of output rows", getOutput(), 0),
                         Size::of("number of indices", getIndices(), 0))))
    return failure();
  // C3: rows are kept whole.
  auto input = cast<RankedTensorType>(getInput().getType());
  auto output = cast<RankedTensorType>(getOutput().getType());
  if (input.getRank() != output.getRank() ||
      input.getElementType() != output.getElementType())
    return emitOpError("expects rows of the type of input, ")
           << input << ", found " << output;
  if (input.getRank() == 1)
    return success();
  return expectEqual(*this, Size::of("width of output", getOutput(), 1),
                     Size::of("width of input", getInput(), 1));
}

double TokenGatherOp::getFlops(DimFunction dims) { return 0; }

double TokenGatherOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenGatherOp::getTokenFlow() { return TokenFlow::ChangesTokenSet; }

void TokenGatherOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "rows");
}

//===----------------------------------------------------------------------===//
// TokenPoolOp
//===----------------------------------------------------------------------===//

LogicalResult TokenPoolOp::verify() {
  // C2: a row per wanted segment.
  if (failed(
          expectEqual(*this, Size::of("number of output rows", getOutput(), 0),
                      Size::of("number of wanted segments", getWanted(), 0))))
    return failure();
  // C3: rows keep their width.
  if (failed(expectEqual(*this, Size::of("width of output", getOutput(), 1),
                         Size::of("width of input", getInput(), 1))))
    return failure();
  // C4: a segment per row.
  Size rows = Size::of("number of input rows", getInput(), 0);
  if (failed(expectEqual(
          *this, Size::of("number of segments", getSegments(), 0), rows)))
    return failure();
  if (!getWeights())
    return success();
  // C5: a weight per row.
  if (failed(expectEqual(*this, Size::of("number of weights", getWeights(), 0),
                         rows)))
    return failure();
  // C6: weights are those of a mean.
  if (getKind() != PoolKind::Mean)
    return emitOpError("expects no weights for the kind '")
           << stringifyPoolKind(getKind()) << "'";
  return success();
}

double TokenPoolOp::getFlops(DimFunction dims) {
  bool adds = getKind() == PoolKind::Mean;
  return adds ? (getWeights() ? 2 : 1) * elementsOf(getInput(), dims) : 0;
}

double TokenPoolOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenPoolOp::getTokenFlow() { return TokenFlow::ChangesTokenSet; }

void TokenPoolOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "pooled");
}

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
      failed(expectEqual(*this, Size::of("number of rows of lse", getLse(), 0),
                         rows)) ||
      failed(expectEqual(*this, Size::of("number of scores", getOutput(), 0),
                         rows)))
    return failure();
  if (getSegments() &&
      failed(expectEqual(
          *this, Size::of("number of segments", getSegments(), 0), rows)))
    return failure();
  // C5: a logarithm for each head.
  if (failed(expectEqual(*this, Size::of("width of lse", getLse(), 1),
                         Size::of("number of query heads", getQuery(), 1))))
    return failure();
  // C6: scale is a number.
  return expectFinite(*this, "scale", getScale());
}

double TokenScoreOp::getFlops(DimFunction dims) {
  return 2 * elementsOf(getQuery(), dims);
}

double TokenScoreOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow TokenScoreOp::getTokenFlow() { return TokenFlow::MixesTokens; }

void TokenScoreOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "scores");
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
}

//===----------------------------------------------------------------------===//
// ImagePatchesOp
//===----------------------------------------------------------------------===//

LogicalResult ImagePatchesOp::verify() {
  // C2: patches have a side.
  int64_t size = getSize();
  if (size < 1)
    return emitOpError("expects size to be positive, found ") << size;
  // C3: whole patches.
  auto image = cast<RankedTensorType>(getInput().getType());
  if (!image.hasStaticShape() || image.getDimSize(1) % size ||
      image.getDimSize(2) % size)
    return emitOpError("expects an image of static shape whose sides are "
                       "multiples of ")
           << size << ", found " << image;
  // C4: a row per patch.
  int64_t rows = (image.getDimSize(1) / size) * (image.getDimSize(2) / size);
  if (failed(expectEqual(*this,
                         Size::of("number of output rows", getOutput(), 0),
                         Size{"number of patches", rows})))
    return failure();
  // A patch is a part of the image, so its size fits.
  return expectEqual(
      *this, Size::of("width of output", getOutput(), 1),
      Size{"numbers of a patch", image.getDimSize(0) * size * size});
}

double ImagePatchesOp::getFlops(DimFunction dims) { return 0; }

double ImagePatchesOp::getStoredBytes(DimFunction dims) { return 0; }

TokenFlow ImagePatchesOp::getTokenFlow() { return TokenFlow::ChangesTokenSet; }

void ImagePatchesOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "patches");
}
