//===- Tensor.cpp - Values of the reference interpreter -------------------===//

#include "winnow/Reference/Tensor.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace winnow;

std::optional<ElementKind> winnow::getElementKind(Type type) {
  if (type.isF32())
    return ElementKind::F32;
  if (type.isIndex())
    return ElementKind::Index;
  if (type.isSignlessInteger(1))
    return ElementKind::I1;
  if (type.isSignlessInteger(32))
    return ElementKind::I32;
  if (type.isSignlessInteger(64))
    return ElementKind::I64;
  return std::nullopt;
}

unsigned winnow::getIntegerWidth(ElementKind kind) {
  switch (kind) {
  case ElementKind::I1:
    return 1;
  case ElementKind::F32:
  case ElementKind::I32:
    return 32;
  case ElementKind::I64:
  case ElementKind::Index:
    return 64;
  }
  llvm_unreachable("all kinds are covered");
}

std::optional<int64_t> winnow::getElementCount(ArrayRef<int64_t> shape) {
  if (llvm::is_contained(shape, 0))
    return llvm::any_of(shape, [](int64_t size) { return size < 0; })
               ? std::nullopt
               : std::optional<int64_t>(0);
  int64_t count = 1;
  for (int64_t size : shape)
    if (size < 0 || llvm::MulOverflow(count, size, count) ||
        count > kMaxElements)
      return std::nullopt;
  return count;
}

Tensor::Tensor(ElementKind kind, ArrayRef<int64_t> shape)
    : elementKind(kind), sizes(shape), count(*getElementCount(shape)) {
  if (isFloat())
    floatData = std::make_shared<std::vector<float>>(count);
  else
    integerData = std::make_shared<std::vector<int64_t>>(count);
}

Tensor Tensor::scalar(float value) {
  Tensor result(ElementKind::F32, {});
  result.mutableFloats()[0] = value;
  return result;
}

Tensor Tensor::scalar(ElementKind kind, int64_t value) {
  Tensor result(kind, {});
  result.mutableIntegers()[0] = value;
  return result;
}

MutableArrayRef<float> Tensor::mutableFloats() {
  if (floatData.use_count() != 1)
    floatData = std::make_shared<std::vector<float>>(*floatData);
  return *floatData;
}

MutableArrayRef<int64_t> Tensor::mutableIntegers() {
  if (integerData.use_count() != 1)
    integerData = std::make_shared<std::vector<int64_t>>(*integerData);
  return *integerData;
}

Tensor Tensor::reshaped(ArrayRef<int64_t> shape) const {
  Tensor result(*this);
  result.sizes.assign(shape.begin(), shape.end());
  return result;
}

/// The shape and element kind of a value as MLIR writes them.
static std::string describe(const RuntimeValue &value) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (std::holds_alternative<Cache>(value))
    return "a cache";
  auto printShape = [&](ArrayRef<int64_t> shape) {
    for (int64_t size : shape)
      stream << size << "x";
  };
  if (const auto *encoded = std::get_if<EncodedTensor>(&value)) {
    stream << "tensor<";
    printShape(encoded->shape);
    stream << "f32, " << encoded->format << ">";
    return text;
  }
  const Tensor &tensor = std::get<Tensor>(value);
  StringRef element;
  switch (tensor.kind()) {
  case ElementKind::F32:
    element = "f32";
    break;
  case ElementKind::I1:
    element = "i1";
    break;
  case ElementKind::I32:
    element = "i32";
    break;
  case ElementKind::I64:
    element = "i64";
    break;
  case ElementKind::Index:
    element = "index";
    break;
  }
  if (tensor.rank() == 0)
    return element.str();
  stream << "tensor<";
  printShape(tensor.shape());
  stream << element << ">";
  return text;
}

std::optional<std::string> winnow::findMismatch(Type type,
                                                const RuntimeValue &value) {
  auto fitsShape = [](RankedTensorType tensorType, ArrayRef<int64_t> shape) {
    return tensorType.getRank() == int64_t(shape.size()) &&
           llvm::all_of(llvm::zip(tensorType.getShape(), shape), [](auto pair) {
             return ShapedType::isDynamic(std::get<0>(pair)) ||
                    std::get<0>(pair) == std::get<1>(pair);
           });
  };
  bool matches = false;
  if (isa<KvCacheType>(type)) {
    matches = std::holds_alternative<Cache>(value);
  } else if (auto encoding = getEncoding(type)) {
    const auto *encoded = std::get_if<EncodedTensor>(&value);
    matches = encoded && encoded->format == encoding.getFormat() &&
              fitsShape(cast<RankedTensorType>(type), encoded->shape);
  } else if (const auto *tensor = std::get_if<Tensor>(&value)) {
    if (auto tensorType = dyn_cast<RankedTensorType>(type))
      matches = getElementKind(tensorType.getElementType()) == tensor->kind() &&
                fitsShape(tensorType, tensor->shape());
    else
      matches = getElementKind(type) == tensor->kind() && tensor->rank() == 0;
  }
  if (matches)
    return std::nullopt;
  return describe(value);
}
