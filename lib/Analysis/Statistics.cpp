//===- Statistics.cpp - What a calibration found, in the IR ---------------===//

#include "winnow/Analysis/Statistics.h"

#include "winnow/Formats/Hadamard.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace winnow {

ArrayRef<StatisticKind> getStatisticKinds() {
  static constexpr StatisticKind kinds[] = {
      {"channels.abs_max", 1},
      {"channels.abs_mean", 1},
      {"channels.mean", 1},
      {"channels.rms", 1},
      {"channels.min", 1},
      {"channels.max", 1},
      {"channels.outliers", 1},
      {"gram.mean", 2},
      {"similarity.cosine", 0},
      {"similarity.angle", 0},
      {"similarity.cosine_quantiles", 1},
      {"similarity.norm_quantiles", 1},
  };
  return kinds;
}

std::string getStatisticKey(StringRef kind, StringRef tap) {
  return (kind + "/" + tap).str();
}

Statistics::Statistics(ModuleOp module)
    : attribute(module->getAttrOfType<DictionaryAttr>(kStatisticsAttr)) {}

/// In the module attribute: what values have been divided by, which of their
/// channels are left, and how many are rotated together.
static constexpr StringLiteral kDivided = "divided", kKept = "kept",
                               kRotated = "rotated";

/// The tap whose statistics a weight has: its own, or another one's.
static StringRef findTap(DictionaryAttr attribute, StringRef name) {
  auto readers =
      attribute ? attribute.getAs<DictionaryAttr>("readers") : DictionaryAttr();
  auto tap = readers ? readers.getAs<StringAttr>(name) : StringAttr();
  return tap ? tap.getValue() : name;
}

StringRef Statistics::findTap(StringRef name) const {
  return winnow::findTap(attribute, name);
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

ArrayRef<int64_t> Statistics::lookupKept(StringRef tap) const {
  auto all =
      attribute ? attribute.getAs<DictionaryAttr>(kKept) : DictionaryAttr();
  auto kept = all ? all.getAs<DenseI64ArrayAttr>(tap) : DenseI64ArrayAttr();
  return kept ? kept.asArrayRef() : ArrayRef<int64_t>();
}

std::optional<ArrayRef<float>> Statistics::lookup(StringRef kind,
                                                  StringRef name) const & {
  StringRef tap = findTap(name);
  std::optional<ArrayRef<float>> found = lookupStored(kind, tap);
  if (!found || !kind.starts_with("channels."))
    return found;
  ArrayRef<int64_t> kept = lookupKept(tap);
  ArrayRef<float> divisor = lookupDivisor(tap);
  if (kept.empty() && divisor.empty())
    return found;
  // How many are large cannot be told any more.
  if (!divisor.empty() && kind == "channels.outliers")
    return std::nullopt;
  std::vector<float> &left = changed[getStatisticKey(kind, tap)];
  left.clear();
  if (kept.empty())
    left.assign(found->begin(), found->end());
  for (int64_t k : kept)
    left.push_back((*found)[k]);
  if (!divisor.empty())
    for (auto [number, d] : llvm::zip_equal(left, divisor))
      number /= d;
  return ArrayRef(left);
}

std::optional<Gram> Statistics::lookupGram(StringRef name,
                                           int64_t width) const & {
  StringRef tap = findTap(name);
  std::optional<ArrayRef<float>> found = lookupStored("gram.mean", tap);
  ArrayRef<int64_t> kept = lookupKept(tap);
  bool fits = found && (kept.empty() ? found->size() == size_t(width * width)
                                     : kept.size() == size_t(width));
  if (!fits)
    return std::nullopt;
  return Gram{*found, kept, lookupDivisor(tap)};
}

std::vector<float> Gram::evaluate() const {
  std::vector<float> result(numbers.begin(), numbers.end());
  if (!kept.empty()) {
    auto stored = static_cast<size_t>(std::sqrt(double(numbers.size())));
    for (auto [i, row] : llvm::enumerate(kept))
      for (auto [j, column] : llvm::enumerate(kept))
        result[i * kept.size() + j] = numbers[row * stored + column];
    result.resize(kept.size() * kept.size());
  }
  size_t width = divisor.size();
  for (size_t i = 0; i < width; ++i)
    for (size_t j = 0; j < width; ++j)
      result[i * width + j] = static_cast<float>(
          double(result[i * width + j]) / (double(divisor[i]) * divisor[j]));
  return result;
}

/// The attribute with one entry of its dictionary `key` changed.
static DictionaryAttr withEntry(DictionaryAttr attribute, StringRef key,
                                StringRef tap, Attribute value) {
  MLIRContext *context = attribute.getContext();
  NamedAttrList entries(attribute.getAs<DictionaryAttr>(key));
  entries.set(tap, value);
  NamedAttrList changed(attribute);
  changed.set(key, entries.getDictionary(context));
  return changed.getDictionary(context);
}

/// A vector of f32.
static DenseElementsAttr vectorAttr(DictionaryAttr attribute,
                                    ArrayRef<float> numbers) {
  auto type = RankedTensorType::get({static_cast<int64_t>(numbers.size())},
                                    Float32Type::get(attribute.getContext()));
  return DenseElementsAttr::get(type, numbers);
}

void divideStatistics(ModuleOp module, StringRef name,
                      ArrayRef<float> divisor) {
  auto attribute = module->getAttrOfType<DictionaryAttr>(kStatisticsAttr);
  if (!attribute)
    return;
  StringRef tap = findTap(attribute, name);
  auto divided = attribute.getAs<DictionaryAttr>(kDivided);
  SmallVector<float> product(divisor);
  if (auto before =
          divided ? divided.getAs<DenseElementsAttr>(tap) : DenseElementsAttr())
    for (auto [number, d] : llvm::zip_equal(product, before.getValues<float>()))
      number *= d;
  module->setAttr(kStatisticsAttr, withEntry(attribute, kDivided, tap,
                                             vectorAttr(attribute, product)));
}

/// The attribute with the channels `kept` of a tap left.
static DictionaryAttr withKept(DictionaryAttr attribute, StringRef tap,
                               ArrayRef<int64_t> kept) {
  auto lookup = [&](StringRef key) {
    auto entries = attribute.getAs<DictionaryAttr>(key);
    return entries ? entries.get(tap) : Attribute();
  };
  SmallVector<int64_t> left(kept);
  if (auto before = dyn_cast_or_null<DenseI64ArrayAttr>(lookup(kKept)))
    for (int64_t &channel : left)
      channel = before[channel];
  if (auto before = dyn_cast_or_null<DenseElementsAttr>(lookup(kDivided))) {
    auto all = before.getValues<float>();
    SmallVector<float> divisor;
    for (int64_t channel : kept)
      divisor.push_back(all[channel]);
    attribute =
        withEntry(attribute, kDivided, tap, vectorAttr(attribute, divisor));
  }
  return withEntry(attribute, kKept, tap,
                   DenseI64ArrayAttr::get(attribute.getContext(), left));
}

void keepStatistics(ModuleOp module, ArrayRef<StringRef> names,
                    ArrayRef<int64_t> kept) {
  auto attribute = module->getAttrOfType<DictionaryAttr>(kStatisticsAttr);
  if (!attribute)
    return;
  llvm::SetVector<StringRef> taps;
  for (StringRef name : names)
    taps.insert(findTap(attribute, name));
  for (StringRef tap : taps)
    attribute = withKept(attribute, tap, kept);
  module->setAttr(kStatisticsAttr, attribute);
}

/// Statistics of channels, by kind, after a rotation of runs of `size`.
static llvm::StringMap<std::vector<float>>
rotateChannels(const Statistics &statistics, StringRef tap, int64_t width,
               int64_t size) {
  llvm::StringMap<std::vector<float>> rotated;
  auto lookup = [&](StringRef kind) -> std::vector<float> {
    std::optional<ArrayRef<float>> found = statistics.lookup(kind, tap);
    bool fits = found && static_cast<int64_t>(found->size()) == width;
    return fits ? found->vec() : std::vector<float>();
  };
  if (std::vector<float> means = lookup("channels.mean"); !means.empty()) {
    rotateRuns(means, width, size, /*alongRows=*/false);
    rotated["channels.mean"] = std::move(means);
  }
  std::vector<float> squares;
  if (std::optional<Gram> gram = statistics.lookupGram(tap, width)) {
    std::vector<float> matrix = gram->evaluate();
    for (bool alongRows : {false, true})
      rotateRuns(matrix, width, size, alongRows);
    // Both halves round alike.
    for (int64_t i = 0; i < width; ++i)
      for (int64_t j = 0; j < i; ++j)
        matrix[i * width + j] = matrix[j * width + i];
    for (int64_t k = 0; k < width; ++k)
      squares.push_back(matrix[k * width + k]);
    rotated["gram.mean"] = std::move(matrix);
  } else {
    for (float root : lookup("channels.rms"))
      squares.push_back(root * root);
    for (size_t first = 0; first < squares.size(); first += size) {
      auto run = MutableArrayRef(squares).slice(first, size);
      double sum = std::accumulate(run.begin(), run.end(), 0.0);
      llvm::fill(run, static_cast<float>(sum / static_cast<double>(size)));
    }
  }
  if (squares.empty() || lookup("channels.rms").empty())
    return rotated;
  for (float &square : squares)
    square = std::sqrt(std::max(square, 0.0f));
  rotated["channels.rms"] = std::move(squares);
  return rotated;
}

void rotateStatistics(ModuleOp module, StringRef name, int64_t width,
                      int64_t size) {
  auto attribute = module->getAttrOfType<DictionaryAttr>(kStatisticsAttr);
  if (!attribute)
    return;
  StringRef tap = findTap(attribute, name);
  llvm::StringMap<std::vector<float>> rotated =
      rotateChannels(Statistics(module), tap, width, size);
  Builder builder(module.getContext());
  NamedAttrList values(attribute.getAs<DictionaryAttr>("values"));
  for (const StatisticKind &kind : getStatisticKinds()) {
    if (kind.rank == 0)
      continue;
    std::string key = getStatisticKey(kind.name, tap);
    auto it = rotated.find(kind.name);
    if (it == rotated.end()) {
      values.erase(key);
      continue;
    }
    SmallVector<int64_t> shape(kind.rank, width);
    values.set(key, DenseElementsAttr::get(
                        RankedTensorType::get(shape, builder.getF32Type()),
                        ArrayRef<float>(it->second)));
  }
  NamedAttrList changed(attribute);
  changed.set("values", values.getDictionary(module.getContext()));
  // They are those of the channels as they are now.
  for (StringRef key : {kDivided, kKept})
    if (auto entries = attribute.getAs<DictionaryAttr>(key)) {
      NamedAttrList left(entries);
      left.erase(tap);
      changed.set(key, left.getDictionary(module.getContext()));
    }
  module->setAttr(kStatisticsAttr,
                  withEntry(changed.getDictionary(module.getContext()),
                            kRotated, tap, builder.getI64IntegerAttr(size)));
}

std::optional<std::vector<float>>
Statistics::evaluate(StringRef kind, StringRef name, int64_t width) const {
  if (kind == "gram.mean") {
    std::optional<Gram> gram = lookupGram(name, width);
    return gram ? std::optional(gram->evaluate()) : std::nullopt;
  }
  return has(kind, name, width) ? std::optional(lookup(kind, name)->vec())
                                : std::nullopt;
}

bool Statistics::has(StringRef kind, StringRef name, int64_t width) const {
  if (kind == "gram.mean")
    return lookupGram(name, width).has_value();
  std::optional<ArrayRef<float>> found = lookup(kind, name);
  return found && found->size() == static_cast<size_t>(width);
}

bool Statistics::isRotated(StringRef name) const {
  auto rotated =
      attribute ? attribute.getAs<DictionaryAttr>(kRotated) : DictionaryAttr();
  return rotated && rotated.contains(findTap(name));
}

std::optional<double> Statistics::lookupNumber(StringRef kind,
                                               StringRef name) const {
  std::optional<ArrayRef<float>> found = lookup(kind, name);
  if (!found || found->size() != 1)
    return std::nullopt;
  return found->front();
}

} // namespace winnow
