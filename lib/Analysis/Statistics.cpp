//===- Statistics.cpp - What a calibration found, in the IR ---------------===//

#include "winnow/Analysis/Statistics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace winnow {

ArrayRef<StatisticKind> getStatisticKinds() {
  static constexpr StatisticKind kinds[] = {
      {"channels.abs_max", 1},  {"channels.abs_mean", 1},
      {"channels.mean", 1},     {"channels.rms", 1},
      {"channels.min", 1},      {"channels.max", 1},
      {"channels.outliers", 1}, {"gram.mean", 2},
      {"similarity.cosine", 0}, {"similarity.angle", 0},
  };
  return kinds;
}

std::string getStatisticKey(StringRef kind, StringRef tap) {
  return (kind + "/" + tap).str();
}

Statistics::Statistics(ModuleOp module)
    : attribute(module->getAttrOfType<DictionaryAttr>(kStatisticsAttr)) {}

std::optional<ArrayRef<float>> Statistics::lookup(StringRef kind,
                                                  StringRef name) const {
  if (!attribute)
    return std::nullopt;
  if (auto readers = attribute.getAs<DictionaryAttr>("readers"))
    if (auto tap = readers.getAs<StringAttr>(name))
      name = tap.getValue();
  auto values = attribute.getAs<DictionaryAttr>("values");
  Attribute value = values ? values.get(getStatisticKey(kind, name)) : nullptr;
  if (auto resource = dyn_cast_or_null<DenseF32ResourceElementsAttr>(value))
    return resource.tryGetAsArrayRef();
  auto elements = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!elements || !elements.getElementType().isF32())
    return std::nullopt;
  if (elements.isSplat()) {
    std::vector<float> &numbers = splats[value.getAsOpaquePointer()];
    numbers.assign(elements.getNumElements(), elements.getSplatValue<float>());
    return ArrayRef(numbers);
  }
  ArrayRef<char> raw = elements.getRawData();
  return ArrayRef(reinterpret_cast<const float *>(raw.data()),
                  raw.size() / sizeof(float));
}

std::optional<ArrayRef<float>> Statistics::lookupGram(StringRef name,
                                                      int64_t width) const {
  std::optional<ArrayRef<float>> found = lookup("gram.mean", name);
  if (!found || found->size() != static_cast<size_t>(width * width))
    return std::nullopt;
  return found;
}

std::optional<double> Statistics::lookupNumber(StringRef kind,
                                               StringRef name) const {
  std::optional<ArrayRef<float>> found = lookup(kind, name);
  if (!found || found->size() != 1)
    return std::nullopt;
  return found->front();
}

} // namespace winnow
