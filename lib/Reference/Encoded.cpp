//===- Encoded.cpp - The meaning of ops on encoded numbers ----------------===//

#include "Rules.h"

#include "winnow/Analysis/WeightReader.h"
#include "winnow/Formats/Activation.h"
#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Hadamard.h"

#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace winnow;

using EmitError = function_ref<InFlightDiagnostic()>;

/// Decodes rows [first, first + count) of an encoded matrix.
static FailureOr<std::vector<float>> decodeRows(const EncodedTensor &tensor,
                                                int64_t first, int64_t count,
                                                EmitError emitError) {
  const NumberFormat *format = lookupFormat(tensor.format);
  if (!format)
    return emitError() << "expects a known number format, found '"
                       << tensor.format << "'";
  int64_t width = tensor.shape.back();
  llvm::Expected<uint64_t> rowBytes = format->bytesPerRow(width);
  if (!rowBytes)
    return emitError() << llvm::toString(rowBytes.takeError());
  std::vector<float> numbers(count * width);
  if (llvm::Error error = decode(
          *format, tensor.bytes.slice(first * *rowBytes, count * *rowBytes),
          numbers))
    return emitError() << llvm::toString(std::move(error));
  return numbers;
}

/// All numbers of an operand, encoded or not.
static FailureOr<Tensor> decodeAll(const RuntimeValue &value,
                                   EmitError emitError) {
  if (const auto *tensor = std::get_if<Tensor>(&value))
    return *tensor;
  const auto &encoded = std::get<EncodedTensor>(value);
  Tensor result(ElementKind::F32, encoded.shape);
  int64_t width = encoded.shape.back();
  FailureOr<std::vector<float>> numbers =
      decodeRows(encoded, 0, width ? result.size() / width : 0, emitError);
  if (failed(numbers))
    return failure();
  llvm::copy(*numbers, result.mutableFloats().begin());
  return result;
}

FailureOr<Tensor> winnow::evaluateLinear(LinearOp op, const RuntimeValue &input,
                                         const RuntimeValue &weight,
                                         const Tensor *bias) {
  auto emitError = [&] { return op.emitOpError(); };
  FailureOr<Tensor> x = decodeAll(input, emitError);
  FailureOr<Tensor> w = decodeAll(weight, emitError);
  if (failed(x) || failed(w))
    return failure();
  int64_t rows = x->dim(0), inner = x->dim(1), outer = w->dim(0);
  if (w->dim(1) != inner)
    return op.emitOpError("expects the weight's width to be ")
           << inner << ", found " << w->dim(1);
  if (bias && bias->dim(0) != outer)
    return op.emitOpError("expects a bias of ")
           << outer << " elements, found " << bias->dim(0);
  if (!getElementCount({rows, outer}))
    return op.emitOpError("expects a result of at most ")
           << kMaxElements << " elements";
  Tensor result(ElementKind::F32, {rows, outer});
  MutableArrayRef<float> y = result.mutableFloats();
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t n = 0; n < outer; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k)
        sum += double(x->floats()[m * inner + k]) *
               double(w->floats()[n * inner + k]);
      y[m * outer + n] = sum + (bias ? double(bias->floats()[n]) : 0.0);
    }
  }
  return result;
}

FailureOr<RuntimeValue> winnow::evaluateRecode(RecodeOp op,
                                               const RuntimeValue &input) {
  auto emitError = [&] { return op.emitOpError(); };
  FailureOr<Tensor> numbers = decodeAll(input, emitError);
  if (failed(numbers))
    return failure();
  EncodingAttr encoding = getEncoding(op.getType());
  if (!encoding)
    return RuntimeValue(*numbers);
  const NumberFormat *format = lookupFormat(encoding.getFormat());
  if (!format)
    return op.emitOpError("expects a result format that can be encoded into, "
                          "found '")
           << encoding.getFormat() << "'";
  auto bytes = std::make_shared<std::vector<uint8_t>>();
  if (isActivationFormat(*format)) {
    int64_t width = numbers->shape().back();
    llvm::Expected<uint64_t> size =
        format->bytesOf(width ? numbers->size() / width : 0, width);
    if (!size)
      return op.emitOpError(llvm::toString(size.takeError()));
    bytes->resize(*size);
    if (llvm::Error error =
            encodeActivation(*format, numbers->floats(), *bytes))
      return op.emitOpError(llvm::toString(std::move(error)));
  } else {
    llvm::Expected<std::vector<uint8_t>> codes =
        encodeWeight(op, numbers->floats());
    if (!codes)
      return op.emitOpError(llvm::toString(codes.takeError()));
    *bytes = std::move(*codes);
  }
  return RuntimeValue(EncodedTensor{encoding.getFormat().str(),
                                    SmallVector<int64_t, 4>(numbers->shape()),
                                    *bytes, bytes});
}

/// Appends those of `count` pieces of `size` that are in each group of as many.
template <typename T>
static void takePieces(ArrayRef<T> all, int64_t count, int64_t size,
                       ArrayRef<int64_t> pieces, std::vector<T> &taken) {
  for (; !all.empty(); all = all.drop_front(count * size))
    for (int64_t piece : pieces)
      llvm::append_range(taken, all.slice(piece * size, size));
}

FailureOr<RuntimeValue> winnow::evaluateTake(TakeOp op,
                                             const RuntimeValue &input) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  ArrayRef<int64_t> shape = cast<RankedTensorType>(op.getType()).getShape();
  int64_t axis = op.getAxis(), width = type.getShape().back();
  bool isLast = axis == type.getRank() - 1;
  if (const auto *plain = std::get_if<Tensor>(&input)) {
    std::vector<float> taken;
    takePieces(plain->floats(), type.getDimSize(axis), isLast ? 1 : width,
               op.getIndices(), taken);
    Tensor result(ElementKind::F32, shape);
    llvm::copy(taken, result.mutableFloats().begin());
    return RuntimeValue(result);
  }
  const auto &encoded = std::get<EncodedTensor>(input);
  const NumberFormat &format = *lookupFormat(encoded.format);
  auto taken = std::make_shared<std::vector<uint8_t>>();
  int64_t blocks = width / format.blockElements;
  if (isLast) {
    SmallVector<int64_t> pieces;
    for (size_t i = 0; i < op.getIndices().size(); i += format.blockElements)
      pieces.push_back(op.getIndices()[i] / format.blockElements);
    takePieces(encoded.bytes, blocks, format.blockBytes, pieces, *taken);
  } else {
    takePieces(encoded.bytes, type.getDimSize(axis), blocks * format.blockBytes,
               op.getIndices(), *taken);
  }
  return RuntimeValue(EncodedTensor{
      encoded.format, SmallVector<int64_t, 4>(shape), *taken, taken});
}

Tensor winnow::evaluateHadamard(HadamardOp op, const Tensor &input) {
  Tensor result(ElementKind::F32, input.shape());
  llvm::copy(input.floats(), result.mutableFloats().begin());
  int64_t rank = op.getType().getRank();
  rotateRuns(result.mutableFloats(), op.getType().getShape().back(),
             op.getSize(),
             /*alongRows=*/static_cast<int64_t>(op.getAxis()) != rank - 1);
  return result;
}

/// Checks that every id is a row of a table.
static LogicalResult checkIds(Operation *op, const Tensor &ids, int64_t rows) {
  for (int64_t id : ids.integers())
    if (id < 0 || id >= rows)
      return op->emitOpError("expects ids in [0, ")
             << rows << "), found " << id;
  return success();
}

FailureOr<Tensor> winnow::evaluateEmbed(EmbedOp op, const RuntimeValue &table,
                                        const Tensor &ids) {
  const auto *plain = std::get_if<Tensor>(&table);
  const auto *encoded = std::get_if<EncodedTensor>(&table);
  ArrayRef<int64_t> shape = plain ? plain->shape() : ArrayRef(encoded->shape);
  int64_t width = shape[1];
  if (failed(checkIds(op, ids, shape[0])))
    return failure();
  if (!getElementCount({ids.dim(0), width}))
    return op.emitOpError("expects a result of at most ")
           << kMaxElements << " elements";
  float scale = op.getScale().convertToFloat();
  Tensor result(ElementKind::F32, {ids.dim(0), width});
  MutableArrayRef<float> output = result.mutableFloats();
  for (int64_t t = 0; t < ids.dim(0); ++t) {
    int64_t id = ids.integers()[t];
    std::vector<float> decoded;
    ArrayRef<float> row;
    if (plain) {
      row = plain->floats().slice(id * width, width);
    } else {
      FailureOr<std::vector<float>> numbers =
          decodeRows(*encoded, id, 1, [&] { return op.emitOpError(); });
      if (failed(numbers))
        return failure();
      decoded = std::move(*numbers);
      row = decoded;
    }
    for (int64_t c = 0; c < width; ++c)
      output[t * width + c] = row[c] * scale;
  }
  return result;
}

FailureOr<Tensor> winnow::evaluateTokenGather(TokenGatherOp op,
                                              const Tensor &input,
                                              const Tensor &indices) {
  if (failed(checkIds(op, indices, input.dim(0))))
    return failure();
  SmallVector<int64_t> shape(input.shape());
  shape[0] = indices.dim(0);
  if (!getElementCount(shape))
    return op.emitOpError("expects a result of at most ")
           << kMaxElements << " elements";
  Tensor result(input.kind(), shape);
  if (!input.isFloat()) {
    MutableArrayRef<int64_t> output = result.mutableIntegers();
    for (auto [t, row] : llvm::enumerate(indices.integers()))
      output[t] = input.integers()[row];
    return result;
  }
  int64_t width = input.rank() == 1 ? 1 : input.dim(1);
  MutableArrayRef<float> output = result.mutableFloats();
  for (auto [t, row] : llvm::enumerate(indices.integers()))
    llvm::copy(input.floats().slice(row * width, width),
               output.begin() + t * width);
  return result;
}

FailureOr<RuntimeValue> winnow::readParam(ParamOp param,
                                          const ParamBytes &stored) {
  auto type = dyn_cast<RankedTensorType>(param.getType());
  if (!type || !type.hasStaticShape())
    return param.emitOpError("expects a static shape to be evaluated");
  std::optional<int64_t> count = getElementCount(type.getShape());
  if (!count)
    return param.emitOpError("expects at most ") << kMaxElements << " elements";
  EncodingAttr encoding = getEncoding(type);
  uint64_t expected = uint64_t(*count) * sizeof(float);
  if (encoding) {
    if (encoding.getLayout() != "rows")
      return param.emitOpError("expects the layout 'rows' to be interpreted, "
                               "found '")
             << encoding.getLayout() << "'";
    const NumberFormat *format = lookupFormat(encoding.getFormat());
    if (!format || type.getRank() == 0)
      return param.emitOpError("expects a tensor in a known number format, "
                               "found ")
             << type;
    int64_t width = type.getShape().back();
    llvm::Expected<uint64_t> size =
        format->bytesOf(width ? *count / width : 0, width);
    if (!size)
      return param.emitOpError(llvm::toString(size.takeError()));
    expected = *size;
  }
  if (stored.bytes.size() != expected)
    return param.emitOpError("expects ")
           << expected << " stored bytes, found " << stored.bytes.size();
  if (encoding)
    return RuntimeValue(EncodedTensor{encoding.getFormat().str(),
                                      SmallVector<int64_t, 4>(type.getShape()),
                                      stored.bytes, stored.owner});
  Tensor result(ElementKind::F32, type.getShape());
  MutableArrayRef<float> numbers = result.mutableFloats();
  for (int64_t i = 0; i < *count; ++i)
    numbers[i] = llvm::bit_cast<float>(
        llvm::support::endian::read32le(stored.bytes.data() + 4 * i));
  return RuntimeValue(result);
}
