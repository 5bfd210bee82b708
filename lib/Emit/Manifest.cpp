//===- Manifest.cpp - What is in an artifact, as JSON ---------------------===//

#include "Manifest.h"

#include "winnow/Conversion/Passes.h"
#include "winnow/Emit/Weights.h"
#include "winnow/Formats/NumberFormat.h"
#include "winnow/Runtime/Call.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace winnow {

/// An attribute as JSON: dictionaries, arrays, strings, numbers.
static json::Value toJson(mlir::Attribute attr) {
  if (auto dictionary = dyn_cast<mlir::DictionaryAttr>(attr)) {
    json::Object object;
    for (mlir::NamedAttribute entry : dictionary)
      object[entry.getName().getValue()] = toJson(entry.getValue());
    return object;
  }
  if (auto array = dyn_cast<mlir::ArrayAttr>(attr)) {
    json::Array values;
    for (mlir::Attribute element : array)
      values.push_back(toJson(element));
    return values;
  }
  if (auto array = dyn_cast<mlir::DenseI64ArrayAttr>(attr))
    return json::Array(array.asArrayRef());
  if (auto string = dyn_cast<mlir::StringAttr>(attr))
    return json::fixUTF8(string.getValue());
  if (auto boolean = dyn_cast<mlir::BoolAttr>(attr))
    return boolean.getValue();
  if (auto integer = dyn_cast<mlir::IntegerAttr>(attr))
    return integer.getValue().getSExtValue();
  if (auto number = dyn_cast<mlir::FloatAttr>(attr))
    return number.getValueAsDouble();
  std::string text;
  raw_string_ostream os(text);
  attr.print(os, /*elideType=*/true);
  return json::fixUTF8(text);
}

static const NumberFormat &formatOf(mlir::RankedTensorType type) {
  EncodingAttr encoding = getEncoding(type);
  return *lookupFormat(encoding ? encoding.getFormat() : "f32");
}

/// The bytes of numbers in the layout of files; `otherwise` where the rows are
/// no whole blocks.
static int64_t bytesIn(const NumberFormat &format, ArrayRef<int64_t> shape,
                       int64_t otherwise) {
  Expected<uint64_t> bytes = format.bytesOf(
      mlir::ShapedType::getNumElements(shape.drop_back()), shape.back());
  if (bytes)
    return static_cast<int64_t>(*bytes);
  consumeError(bytes.takeError());
  return otherwise;
}

namespace {
/// All weights whose number format was changed.
struct RecodingTotal {
  int64_t count = 0, before = 0, after = 0;
  RecodingError error;

  void add(const RecodingError &other, int64_t bytesBefore,
           int64_t bytesAfter) {
    ++count;
    before += bytesBefore;
    after += bytesAfter;
    error.add(other);
  }
};
} // namespace

std::string makeManifest(mlir::ModuleOp module,
                         ArrayRef<std::shared_ptr<const RowRecoder>> recoders,
                         const cpu::Target &target, DescriptorFacts &facts,
                         const json::Object &extra) {
  json::Object manifest;
  manifest["name"] = facts.name;
  manifest["winnow"] = WINNOW_VERSION;
  manifest["build_id"] =
      formatv("{0:x-16}{1:x-16}", facts.buildId[0], facts.buildId[1]).str();
  for (const auto &[key, value] : extra)
    manifest[key] = value;

  if (auto model = module->getAttrOfType<mlir::DictionaryAttr>(kModelAttr)) {
    manifest["model"] = toJson(model);
    if (auto architecture = model.getAs<mlir::StringAttr>("architecture"))
      facts.architecture = architecture.getValue().str();
    if (auto vocabulary = model.getAs<mlir::IntegerAttr>("vocabulary"))
      facts.vocabulary = vocabulary.getInt();
  }
  manifest["target"] = json::Object{
      {"cpu", target.cpu},
      {"features", target.features},
      {"avx512", target.avx512},
      {"avx512_vnni", target.avx512Vnni},
      {"avx512_bf16", bool(facts.cpuFeatures & WINNOW_CPU_AVX512_BF16)}};

  json::Array entries;
  for (auto entry : module->getAttrOfType<mlir::ArrayAttr>(kEntriesAttr)
                        .getAsRange<mlir::DictionaryAttr>()) {
    entries.push_back(toJson(entry));
    for (auto cache :
         entry.getAs<mlir::ArrayAttr>("caches").getAsRange<mlir::TypeAttr>())
      facts.context = std::max(
          facts.context, cast<KvCacheType>(cache.getValue()).getCapacity());
  }
  manifest["entries"] = std::move(entries);
  if (mlir::Attribute observed = module->getAttr(kObservedAttr))
    manifest["observed"] = toJson(observed);
  // Without caches the model itself says how long a text may be.
  if (auto model = module->getAttrOfType<mlir::DictionaryAttr>(kModelAttr))
    if (auto context = model.getAs<mlir::IntegerAttr>("context");
        context && facts.context == 0)
      facts.context = context.getInt();
  manifest["context"] = facts.context;

  // Each matrix is read once for a token, the rest of the weights too; of a
  // table that no linear layer shares, one row.
  json::Array weights;
  std::map<std::string, int64_t> bytesByFormat;
  int64_t perToken = 0, stored = 0;
  // A matrix multiplies every token, but for the head, which makes logits of
  // few tokens, and the table of embeddings.
  int64_t linearOperations = 0;
  RecodingTotal recoding;
  for (auto [weight, recoder] :
       zip_equal(getLoweredWeights(module), recoders)) {
    const NumberFormat &source = formatOf(weight.stored);
    // A weight that was only decoded still has the numbers of its source.
    const NumberFormat &format = recoder ? formatOf(weight.type) : source;
    EncodingAttr laidOut = getEncoding(weight.type);
    int64_t sourceBytes =
        bytesIn(source, weight.stored.getShape(), weight.size);
    // Of rows and columns that are left, no whole blocks may have been decoded.
    ArrayRef<int64_t> shape = weight.rows || weight.columns
                                  ? weight.type.getShape()
                                  : weight.stored.getShape();
    int64_t bytes = bytesIn(format, shape, weight.size);
    stored += sourceBytes;
    perToken += bytes;
    if (laidOut && laidOut.getLayout() == "tile16" &&
        weight.type.getDimSize(0) != facts.vocabulary)
      linearOperations += 2 * weight.type.getNumElements();
    bytesByFormat[format.name.str()] += bytes;
    json::Object entry{
        {"name", json::fixUTF8(weight.name)},
        {"shape", json::Array(weight.type.getShape())},
        {"format", format.name},
        {"layout", laidOut ? laidOut.getLayout() : StringRef("rows")},
        {"offset", weight.offset},
        {"bytes", weight.size},
        {"checkpoint_bytes", sourceBytes}};
    if (recoder) {
      RecodingError error = recoder->getError();
      entry["checkpoint_format"] = source.name;
      entry["relative_rms_error"] = error.relative();
      entry["largest_error"] = error.largest;
      if (recoder->hasGram())
        entry["relative_output_error"] = error.relativeOutput();
      if (const CodeMethod *codes = recoder->getCodeMethod())
        entry["method"] = codes->name;
      recoding.add(error, sourceBytes, bytes);
    }
    weights.push_back(std::move(entry));
  }
  if (recoding.count)
    manifest["recoded_weights"] =
        json::Object{{"tensors", recoding.count},
                     {"checkpoint_bytes", recoding.before},
                     {"bytes", recoding.after},
                     {"relative_rms_error", recoding.error.relative()},
                     {"largest_error", recoding.error.largest}};
  facts.checkpointBytesPerToken = perToken;
  manifest["weights"] = std::move(weights);
  manifest["checkpoint_bytes"] = stored;
  manifest["linear_operations_per_token"] = linearOperations;
  manifest["weight_bytes"] = facts.weightBytes;
  json::Object formats;
  for (const auto &[format, bytes] : bytesByFormat)
    formats[format] = bytes;
  manifest["formats"] = std::move(formats);

  json::Array kernels;
  for (auto function : module.getOps<mlir::LLVM::LLVMFuncOp>())
    if (!function.isExternal() &&
        !function.getSymName().starts_with("winnow_entry_"))
      kernels.push_back(function.getSymName());
  manifest["kernels"] = std::move(kernels);
  return formatv("{0:2}\n", json::Value(std::move(manifest))).str();
}

} // namespace winnow
