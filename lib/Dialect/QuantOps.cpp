//===- QuantOps.cpp - Ops on encoded numbers ------------------------------===//

#include "Checks.h"

#include "winnow/Formats/Activation.h"
#include "winnow/Formats/CodeMethod.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

double winnow::bytesPerElement(Type type) {
  EncodingAttr encoding = getEncoding(type);
  return encoding ? lookupFormat(encoding.getFormat())->bitsPerWeight() / 8
                  : sizeof(float);
}

/// Multiplications and additions that decode one element.
static double decodeFlops(Type type) {
  EncodingAttr encoding = getEncoding(type);
  if (!encoding)
    return 0;
  const NumberFormat *format = lookupFormat(encoding.getFormat());
  return format->isFloat() ? 0 : format->hasOffset() ? 2 : 1;
}

/// True for no encoding and for activations in the layout rows.
static bool isActivation(EncodingAttr encoding) {
  return !encoding || (encoding.getLayout() == "rows" &&
                       isActivationFormat(*lookupFormat(encoding.getFormat())));
}

//===----------------------------------------------------------------------===//
// LinearOp
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::verify() {
  // C2: the reduction.
  if (failed(expectEqual(*this, Size::of("width of weight", getWeight(), 1),
                         Size::of("width of input", getInput(), 1))))
    return failure();
  // C3: an output row per input row.
  if (failed(expectEqual(*this,
                         Size::of("number of output rows", getOutput(), 0),
                         Size::of("number of input rows", getInput(), 0))))
    return failure();
  // C4: an output per weight row.
  Size rows = Size::of("number of weight rows", getWeight(), 0);
  if (failed(expectEqual(*this, Size::of("width of output", getOutput(), 1),
                         rows)))
    return failure();
  // C5: a bias per output.
  if (getBias() &&
      failed(expectEqual(*this, Size::of("size of bias", getBias(), 0), rows)))
    return failure();
  // C6: inputs are plain or activations.
  if (EncodingAttr encoding = getEncoding(getInput().getType());
      !isActivation(encoding))
    return emitOpError("expects an input without encoding or in an activation "
                       "format, found ")
           << encoding;
  return success();
}

double LinearOp::getFlops(DimFunction dims) {
  double outputs = elementsOf(getOutput(), dims);
  return outputs * (2 * sizeOf(getInput(), 1, dims) + (getBias() ? 1 : 0));
}

double LinearOp::getStoredBytes(DimFunction dims) {
  return storedBytes(getWeight(), dims) + storedBytes(getBias(), dims);
}

TokenFlow LinearOp::getTokenFlow() { return TokenFlow::PerToken; }

void LinearOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "linear");
}

//===----------------------------------------------------------------------===//
// RecodeOp
//===----------------------------------------------------------------------===//

LogicalResult RecodeOp::verify() {
  // C3: only some formats can be encoded into.
  EncodingAttr target = getEncoding(getType());
  if (!isActivation(target) &&
      (target.getLayout() != "rows" ||
       !canEncodeWeights(*lookupFormat(target.getFormat()))))
    return emitOpError("expects a result format that can be encoded into, "
                       "found '")
           << target.getFormat() << "' in the layout '" << target.getLayout()
           << "'";
  // C4: other layouts belong to kernels.
  if (EncodingAttr source = getEncoding(getInput().getType());
      source && source.getLayout() != "rows")
    return emitOpError("expects an input in the layout 'rows', found '")
           << source.getLayout() << "'";
  // C5: codes of weights are chosen.
  if (CodesAttr codes = getCodesAttr()) {
    const NumberFormat *format =
        isActivation(target) ? nullptr : lookupFormat(target.getFormat());
    bool forSparse = lookupCodeMethod(codes.getMethod())->isForSparse;
    if (!format || format->isFloat() || (forSparse && !format->isSparse()) ||
        cast<RankedTensorType>(getType()).getRank() != 2)
      return emitOpError("expects a matrix of weights in a ")
             << (forSparse ? "sparse" : "block") << " format for codes by '"
             << codes.getMethod() << "', found " << getType();
  }
  return success();
}

OpFoldResult RecodeOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput())
                                           : OpFoldResult();
}

double RecodeOp::getFlops(DimFunction dims) {
  // Encoding multiplies each number by the reciprocal of its scale.
  double perElement =
      decodeFlops(getInput().getType()) + (getEncoding(getType()) ? 1 : 0);
  return perElement * elementsOf(getInput(), dims);
}

double RecodeOp::getStoredBytes(DimFunction dims) {
  return getInput().getDefiningOp<ParamRefOp>() ? storedBytes(getInput(), dims)
                                                : 0;
}

TokenFlow RecodeOp::getTokenFlow() { return TokenFlow::PerToken; }

void RecodeOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), getEncoding(getType()) ? "q" : "decoded");
}

//===----------------------------------------------------------------------===//
// TakeOp
//===----------------------------------------------------------------------===//

bool winnow::areWholeBlocks(ArrayRef<int64_t> indices, int64_t size) {
  if (indices.size() % size != 0)
    return false;
  for (size_t i = 0; i < indices.size(); i += size)
    if (indices[i] % size != 0 || indices[i + size - 1] - indices[i] >= size)
      return false;
  return true;
}

LogicalResult TakeOp::verify() {
  auto type = cast<RankedTensorType>(getInput().getType());
  int64_t axis = getAxis();
  // C2: rows, columns or elements.
  if (!type.hasStaticShape() || type.getRank() < 1 || type.getRank() > 2)
    return emitOpError("expects an input of static shape and rank 1 or 2, "
                       "found ")
           << type;
  if (axis < 0 || axis >= type.getRank())
    return emitOpError("expects an axis in [0, ")
           << type.getRank() << "), found " << axis;
  // C3: each at most once, in order.
  int64_t last = -1;
  for (int64_t index : getIndices()) {
    if (index <= last || index >= type.getDimSize(axis))
      return emitOpError("expects indices that rise, in [0, ")
             << type.getDimSize(axis) << "), found " << index << " behind "
             << last;
    last = index;
  }
  EncodingAttr encoding = getEncoding(type);
  const NumberFormat *format =
      encoding ? lookupFormat(encoding.getFormat()) : nullptr;
  // C5: blocks stay whole. Otherwise there is no type that C4 could expect.
  if (format && axis == type.getRank() - 1 &&
      !areWholeBlocks(getIndices(), format->blockElements))
    return emitOpError("expects whole blocks of ")
           << format->blockElements << " columns of '" << format->name << "'";
  // C4: what is left.
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = static_cast<int64_t>(getIndices().size());
  auto expected =
      RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
  if (getType() != expected)
    return emitOpError("expects the result to be ")
           << expected << ", found " << getType();
  // C6: other layouts belong to kernels.
  if (encoding && encoding.getLayout() != "rows")
    return emitOpError("expects a weight in the layout 'rows', found '")
           << encoding.getLayout() << "'";
  return success();
}

void TakeOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "taken");
}

//===----------------------------------------------------------------------===//
// HadamardOp
//===----------------------------------------------------------------------===//

LogicalResult HadamardOp::verify() {
  RankedTensorType type = getType();
  int64_t size = getSize(), axis = getAxis();
  // C2: rows, columns or elements.
  if (!type.hasStaticShape())
    return emitOpError("expects an input of static shape, found ") << type;
  if (axis < 0 || axis >= type.getRank())
    return emitOpError("expects an axis in [0, ")
           << type.getRank() << "), found " << axis;
  // C3: whole runs.
  if (size < 1 || !llvm::isPowerOf2_64(size) ||
      type.getDimSize(axis) % size != 0)
    return emitOpError("expects a power of two that divides ")
           << type.getDimSize(axis) << " as the size, found " << size;
  return success();
}

void HadamardOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "rotated");
}

//===----------------------------------------------------------------------===//
// EmbedOp
//===----------------------------------------------------------------------===//

LogicalResult EmbedOp::verify() {
  // C2: an output row per id.
  if (failed(expectEqual(*this,
                         Size::of("number of output rows", getOutput(), 0),
                         Size::of("number of ids", getIds(), 0))))
    return failure();
  // C3: rows of the table.
  if (failed(expectEqual(*this, Size::of("width of output", getOutput(), 1),
                         Size::of("width of table", getTable(), 1))))
    return failure();
  // C4: a finite scale.
  return expectFinite(*this, "scale", getScale());
}

double EmbedOp::getFlops(DimFunction dims) {
  double perElement = decodeFlops(getTable().getType()) +
                      (getScale().isExactlyValue(1.0) ? 0 : 1);
  return perElement * elementsOf(getOutput(), dims);
}

double EmbedOp::getStoredBytes(DimFunction dims) {
  // The chosen rows alone.
  return elementsOf(getOutput(), dims) * bytesPerElement(getTable().getType());
}

TokenFlow EmbedOp::getTokenFlow() { return TokenFlow::PerToken; }

void EmbedOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "embed");
}
