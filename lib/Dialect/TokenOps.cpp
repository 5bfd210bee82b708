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
