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

/// In the module attribute: what values have been divided by.
static constexpr StringLiteral kDivided = "divided";

StringRef Statistics::findTap(StringRef name) const {
  auto readers =
      attribute ? attribute.getAs<DictionaryAttr>("readers") : DictionaryAttr();
  auto tap = readers ? readers.getAs<StringAttr>(name) : StringAttr();
  return tap ? tap.getValue() : name;
}

std::optional<ArrayRef<float>> Statistics::read(Attribute value) const {
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

std::optional<ArrayRef<float>> Statistics::lookupStored(StringRef kind,
                                                        StringRef tap) const {
  auto values =
      attribute ? attribute.getAs<DictionaryAttr>("values") : DictionaryAttr();
  return values ? read(values.get(getStatisticKey(kind, tap))) : std::nullopt;
}

ArrayRef<float> Statistics::lookupDivisor(StringRef tap) const {
  auto divided =
      attribute ? attribute.getAs<DictionaryAttr>(kDivided) : DictionaryAttr();
  return divided ? read(divided.get(tap)).value_or(ArrayRef<float>())
                 : ArrayRef<float>();
}

std::optional<ArrayRef<float>> Statistics::lookup(StringRef kind,
                                                  StringRef name) const {
  StringRef tap = findTap(name);
  std::optional<ArrayRef<float>> found = lookupStored(kind, tap);
  ArrayRef<float> divisor = lookupDivisor(tap);
  if (!found || divisor.empty() || found->size() != divisor.size())
    return found;
  // How many are large cannot be told any more.
  if (kind == "channels.outliers")
    return std::nullopt;
  std::vector<float> &quotient = quotients[getStatisticKey(kind, tap)];
  quotient.assign(found->begin(), found->end());
  for (auto [number, d] : llvm::zip_equal(quotient, divisor))
    number /= d;
  return ArrayRef(quotient);
}

std::optional<Gram> Statistics::lookupGram(StringRef name,
                                           int64_t width) const {
  StringRef tap = findTap(name);
  std::optional<ArrayRef<float>> found = lookupStored("gram.mean", tap);
  if (!found || found->size() != static_cast<size_t>(width * width))
    return std::nullopt;
  return Gram{*found, lookupDivisor(tap)};
}

std::vector<float> Gram::evaluate() const {
  std::vector<float> result(numbers.begin(), numbers.end());
  size_t width = divisor.size();
  for (size_t i = 0; i < width; ++i)
    for (size_t j = 0; j < width; ++j)
      result[i * width + j] = static_cast<float>(
          double(result[i * width + j]) / (double(divisor[i]) * divisor[j]));
  return result;
}

void divideStatistics(ModuleOp module, StringRef name,
                      ArrayRef<float> divisor) {
  auto attribute = module->getAttrOfType<DictionaryAttr>(kStatisticsAttr);
  if (!attribute)
    return;
  auto readers = attribute.getAs<DictionaryAttr>("readers");
  if (auto tap = readers ? readers.getAs<StringAttr>(name) : StringAttr())
    name = tap.getValue();
  Builder builder(module.getContext());
  auto divided = attribute.getAs<DictionaryAttr>(kDivided);
  NamedAttrList entries(divided);
  SmallVector<float> product(divisor);
  if (auto before = cast_or_null<DenseElementsAttr>(entries.get(name)))
    for (auto [number, d] : llvm::zip_equal(product, before.getValues<float>()))
      number *= d;
  auto type = RankedTensorType::get({static_cast<int64_t>(product.size())},
                                    builder.getF32Type());
  entries.set(name, DenseElementsAttr::get(type, ArrayRef<float>(product)));
  NamedAttrList changed(attribute);
  changed.set(kDivided, entries.getDictionary(module.getContext()));
  module->setAttr(kStatisticsAttr, changed.getDictionary(module.getContext()));
}

std::optional<double> Statistics::lookupNumber(StringRef kind,
                                               StringRef name) const {
  std::optional<ArrayRef<float>> found = lookup(kind, name);
  if (!found || found->size() != 1)
    return std::nullopt;
  return found->front();
}

} // namespace winnow
