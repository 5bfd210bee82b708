//===- TensorOps.cpp - Constants and ops of the tensor dialect ------------===//

#include "Rules.h"

using namespace mlir;
using namespace winnow;

FailureOr<Tensor> winnow::evaluateConstant(Operation *op, Attribute value) {
  auto unsupported = [&] {
    return op->emitOpError("expects a constant of f32, i1, i32, i64 or index");
  };
  if (auto number = dyn_cast<FloatAttr>(value)) {
    if (!number.getType().isF32())
      return unsupported();
    return Tensor::scalar(number.getValue().convertToFloat());
  }
  auto toInteger = [](const APInt &bits) {
    return bits.getBitWidth() == 1 ? int64_t(bits.getZExtValue())
                                   : bits.getSExtValue();
  };
  if (auto number = dyn_cast<IntegerAttr>(value)) {
    auto kind = getElementKind(number.getType());
    if (!kind)
      return unsupported();
    return Tensor::scalar(*kind, toInteger(number.getValue()));
  }
  auto elements = dyn_cast<DenseElementsAttr>(value);
  auto kind =
      elements ? getElementKind(elements.getElementType()) : std::nullopt;
  if (!kind || getEncoding(elements.getType()))
    return unsupported();
  if (!getElementCount(elements.getType().getShape()))
    return op->emitOpError("expects at most ") << kMaxElements << " elements";
  Tensor result(*kind, elements.getType().getShape());
  if (result.isFloat())
    llvm::copy(elements.getValues<float>(), result.mutableFloats().begin());
  else
    llvm::transform(elements.getValues<APInt>(),
                    result.mutableIntegers().begin(), toInteger);
  return result;
}

FailureOr<Tensor> winnow::evaluateEmpty(tensor::EmptyOp op,
                                        ArrayRef<int64_t> sizes) {
  auto kind = getElementKind(op.getType().getElementType());
  if (!kind || getEncoding(op.getType()))
    return op.emitOpError("expects elements of f32, i1, i32, i64 or index");
  if (!getElementCount(sizes))
    return op.emitOpError("expects sizes of at least 0 and at most ")
           << kMaxElements << " elements";
  return Tensor(*kind, sizes);
}

FailureOr<Tensor> winnow::evaluateReshape(Operation *op, const Tensor &source,
                                          ArrayRef<int64_t> shape) {
  std::optional<int64_t> count = getElementCount(shape);
  if (!count || *count != source.size())
    return op->emitOpError("expects a shape of ")
           << source.size() << " elements";
  return source.reshaped(shape);
}

FailureOr<Tensor> winnow::evaluateExtractSlice(tensor::ExtractSliceOp op,
                                               const Tensor &source,
                                               ArrayRef<int64_t> offsets,
                                               ArrayRef<int64_t> sizes,
                                               ArrayRef<int64_t> strides) {
  int64_t rank = source.rank();
  for (int64_t d = 0; d < rank; ++d) {
    // In 128 bits, which no product of two of these overflows.
    __int128 last = __int128(offsets[d]) + __int128(sizes[d] - 1) * strides[d];
    if (sizes[d] < 0 || offsets[d] < 0 ||
        (sizes[d] > 0 &&
         (last < 0 || last >= source.dim(d) || offsets[d] >= source.dim(d))))
      return op.emitOpError("expects a slice inside dimension ")
             << d << " of size " << source.dim(d) << ", found offset "
             << offsets[d] << ", size " << sizes[d] << " and stride "
             << strides[d];
  }
  if (!getElementCount(sizes))
    return op.emitOpError("expects at most ") << kMaxElements << " elements";
  Tensor result(source.kind(), sizes);
  SmallVector<int64_t> point(rank, 0);
  for (int64_t i = 0; i < result.size(); ++i) {
    int64_t from = 0;
    for (int64_t d = 0; d < rank; ++d)
      from = from * source.dim(d) + offsets[d] + point[d] * strides[d];
    if (source.isFloat())
      result.mutableFloats()[i] = source.floats()[from];
    else
      result.mutableIntegers()[i] = source.integers()[from];
    // The next point in row-major order.
    for (int64_t d = rank - 1; d >= 0 && ++point[d] == sizes[d]; --d)
      point[d] = 0;
  }
  // Unit dimensions that the result type drops.
  SmallVector<int64_t> shape;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (int64_t d = 0; d < rank; ++d)
    if (!dropped.test(d))
      shape.push_back(sizes[d]);
  return result.reshaped(shape);
}

FailureOr<Tensor> winnow::evaluateConcat(tensor::ConcatOp op,
                                         ArrayRef<const Tensor *> sources) {
  int64_t dim = op.getDim();
  SmallVector<int64_t> shape(sources.front()->shape());
  shape[dim] = 0;
  // Rows of `inner` elements, of which each source has some in every block.
  int64_t outer = 1, inner = 1;
  for (int64_t d = 0; d < int64_t(shape.size()); ++d)
    (d < dim ? outer : inner) *= d == dim ? 1 : shape[d];
  for (const Tensor *source : sources) {
    for (int64_t d = 0; d < int64_t(shape.size()); ++d)
      if (d != dim && source->dim(d) != shape[d])
        return op.emitOpError("expects operands to agree in dimension ")
               << d << ", found " << shape[d] << " and " << source->dim(d);
    shape[dim] += source->dim(dim);
  }
  if (!getElementCount(shape))
    return op.emitOpError("expects at most ") << kMaxElements << " elements";
  Tensor result(sources.front()->kind(), shape);
  int64_t to = 0;
  for (int64_t block = 0; block < outer; ++block)
    for (const Tensor *source : sources) {
      int64_t count = source->dim(dim) * inner, from = block * count;
      for (int64_t i = 0; i < count; ++i, ++to)
        if (result.isFloat())
          result.mutableFloats()[to] = source->floats()[from + i];
        else
          result.mutableIntegers()[to] = source->integers()[from + i];
    }
  return result;
}
