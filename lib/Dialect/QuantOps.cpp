//===- QuantOps.cpp - Ops on encoded numbers ------------------------------===//

#include "Checks.h"

#include "winnow/Formats/Activation.h"
#include "winnow/Formats/Encode.h"

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
  for (StringRef name : {"gptq", "clip"}) {
    if (!(*this)->hasAttr(name))
      continue;
    const NumberFormat *format =
        isActivation(target) ? nullptr : lookupFormat(target.getFormat());
    if (!format || format->isFloat() ||
        cast<RankedTensorType>(getType()).getRank() != 2)
      return emitOpError("expects a matrix of weights in a block format for '")
             << name << "', found " << getType();
  }
  // C6: one way to choose them.
  if (getGptq() && getClip())
    return emitOpError("expects 'gptq' or 'clip', found both");
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
