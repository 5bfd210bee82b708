//===- StatisticsFile.cpp - Reads what a calibration wrote ----------------===//

#include "winnow/Import/StatisticsFile.h"

#include "Json.h"

#include "winnow/Analysis/Statistics.h"
#include "winnow/Import/Safetensors.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cmath>

using namespace llvm;

namespace winnow {

/// What `key` begins with, if it is "KIND/TAP".
static const StatisticKind *findKind(StringRef key) {
  auto [name, tap] = key.split('/');
  for (const StatisticKind &kind : getStatisticKinds())
    if (kind.name == name && !tap.empty())
      return &kind;
  return nullptr;
}

/// Whether an array of `shape` is one of the kind: numbers are arrays of one,
/// matrices are square.
static bool fits(const StatisticKind &kind, ArrayRef<int64_t> shape) {
  switch (kind.rank) {
  case 0:
    return shape.size() == 1 && shape[0] == 1;
  case 1:
    return shape.size() == 1;
  default:
    return shape.size() == 2 && shape[0] == shape[1];
  }
}

Error StatisticsFile::readSample(StringRef text) {
  if (text.empty())
    return Error::success();
  StringRef path = buffer->getBufferIdentifier();
  Expected<json::Object> object =
      parseJsonObject(text, (path + ": 'sample'").str());
  if (!object)
    return object.takeError();
  const json::Array *texts = object->getArray("texts");
  for (const json::Value &value : texts ? *texts : json::Array()) {
    std::optional<StringRef> one = value.getAsString();
    if (!one)
      return createStringError(path + ": 'sample' expects strings as 'texts'");
    sample.push_back(one->str());
  }
  return Error::success();
}

Error StatisticsFile::read(StringRef expectedModel) {
  StringRef path = buffer->getBufferIdentifier();
  auto fail = [&](const Twine &message) {
    return createStringError(path + ": " + message);
  };
  BumpPtrAllocator allocator;
  StringSaver names(allocator);
  Expected<SafetensorsFile> file =
      SafetensorsFile::parse(buffer->getMemBufferRef(), names);
  if (!file)
    return file.takeError();
  if (file->metadata.lookup("statistics") != "1")
    return fail("holds no statistics of winnow-compile --calibrate, or of "
                "another version");
  model = file->metadata.lookup("model");
  if (model != expectedModel)
    return fail("holds statistics of another model: of one with the hash " +
                quote(model) + ", while this one has " + quote(expectedModel));
  std::string count = file->metadata.lookup("tokens");
  if (StringRef(count).getAsInteger(10, tokens) || tokens < 1)
    return fail("'tokens' expects a number of at least 1, found " +
                quote(count));
  Expected<json::Object> map = parseJsonObject(file->metadata.lookup("readers"),
                                               (path + ": 'readers'").str());
  if (!map)
    return map.takeError();
  for (const json::Object::value_type &entry : *map) {
    std::optional<StringRef> tap = entry.second.getAsString();
    if (!tap || !isPlainText(*tap) || !isPlainText(entry.first))
      return fail("'readers' expects the name of a tap for " +
                  quote(entry.first));
    readers.emplace_back(entry.first.str(), tap->str());
  }
  if (Error error = readSample(file->metadata.lookup("sample")))
    return error;
  for (const auto &unusable : file->unusable)
    if (!unusable.first().starts_with("winnow.padding."))
      return fail("array " + quote(unusable.first()) + " " + unusable.second);
  for (const CheckpointTensor &tensor : file->tensors) {
    const StatisticKind *kind = findKind(tensor.name);
    if (!kind)
      return fail("array " + quote(tensor.name) + " is no statistic");
    if (tensor.format != lookupFormat("f32") || !fits(*kind, tensor.shape) ||
        !isAddrAligned(Align::Of<float>(), tensor.bytes.data()))
      return fail("array " + quote(tensor.name) +
                  " has another type or shape than a statistic of its kind");
    ArrayRef<float> numbers(
        reinterpret_cast<const float *>(tensor.bytes.data()),
        tensor.bytes.size() / sizeof(float));
    const auto *odd =
        find_if(numbers, [](float number) { return !std::isfinite(number); });
    if (odd != numbers.end())
      return fail("array " + quote(tensor.name) + " holds " +
                  Twine(std::isnan(*odd) ? "NaN" : "infinity") + " at index " +
                  Twine(odd - numbers.begin()));
    values.push_back(
        {tensor.name.str(),
         SmallVector<int64_t>(tensor.shape.begin(), tensor.shape.end()),
         numbers});
  }
  return Error::success();
}

Expected<std::unique_ptr<StatisticsFile>>
StatisticsFile::open(StringRef path, StringRef model) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = mapRegularFile(path);
  if (!buffer)
    return buffer.takeError();
  auto file = std::make_unique<StatisticsFile>();
  file->buffer = std::move(*buffer);
  if (Error error = file->read(model))
    return std::move(error);
  return file;
}

mlir::DictionaryAttr
StatisticsFile::getAttribute(mlir::MLIRContext *context) const {
  mlir::Builder builder(context);
  SmallVector<mlir::NamedAttribute> arrays, taps;
  for (const Value &value : values) {
    auto type = mlir::RankedTensorType::get(value.shape, builder.getF32Type());
    mlir::Attribute array;
    // Matrices are large: they stay where they are.
    if (value.shape.size() > 1)
      array = mlir::DenseF32ResourceElementsAttr::get(
          type, value.key,
          mlir::UnmanagedAsmResourceBlob::allocateInferAlign(value.numbers));
    else
      array = mlir::DenseElementsAttr::get(type, value.numbers);
    arrays.push_back(builder.getNamedAttr(value.key, array));
  }
  for (const auto &[weight, tap] : readers)
    taps.push_back(builder.getNamedAttr(weight, builder.getStringAttr(tap)));
  return builder.getDictionaryAttr({
      builder.getNamedAttr("model", builder.getStringAttr(model)),
      builder.getNamedAttr("tokens", builder.getI64IntegerAttr(tokens)),
      builder.getNamedAttr("readers", builder.getDictionaryAttr(taps)),
      builder.getNamedAttr("values", builder.getDictionaryAttr(arrays)),
  });
}

} // namespace winnow
