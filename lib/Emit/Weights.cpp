//===- Weights.cpp - The weights of a lowered module ----------------------===//

#include "winnow/Emit/Weights.h"

#include "RowRecoder.h"

#include "winnow/Analysis/ParamSource.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Conversion/Passes.h"
#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Tile16.h"

using namespace llvm;
using mlir::RankedTensorType;

namespace winnow {

std::vector<LoweredWeight> getLoweredWeights(mlir::ModuleOp module) {
  std::vector<LoweredWeight> weights;
  auto entries = module->getAttrOfType<mlir::ArrayAttr>(kWeightsAttr);
  if (!entries)
    return weights;
  for (auto entry : entries.getAsRange<mlir::DictionaryAttr>()) {
    LoweredWeight weight;
    weight.name = entry.getAs<mlir::StringAttr>("name").getValue();
    auto type = [&](StringRef key) {
      return cast<RankedTensorType>(
          entry.getAs<mlir::TypeAttr>(key).getValue());
    };
    weight.type = type("type");
    weight.stored = type("stored");
    weight.source = entry.getAs<mlir::DictionaryAttr>("source");
    weight.offset = entry.getAs<mlir::IntegerAttr>("offset").getInt();
    weight.size = entry.getAs<mlir::IntegerAttr>("size").getInt();
    weight.codes = entry.getAs<CodesAttr>("codes");
    weight.rows = entry.getAs<mlir::DenseI64ArrayAttr>("rows");
    weight.columns = entry.getAs<mlir::DenseI64ArrayAttr>("columns");
    weight.recoded = entry.contains("recoded");
    weight.steps = parseOfflineSteps(entry.getAs<mlir::ArrayAttr>("steps"));
    weights.push_back(weight);
  }
  return weights;
}

WeightTensor describeTensor(const LoweredWeight &weight) {
  WeightTensor tensor;
  tensor.name = weight.name.str();
  if (getEncoding(weight.type)) {
    tensor.type = WeightTensor::Type::U8;
    tensor.shape = {weight.size};
  } else {
    tensor.type = WeightTensor::Type::F32;
    tensor.shape.assign(weight.type.getShape().begin(),
                        weight.type.getShape().end());
  }
  return tensor;
}

namespace {

/// Gives stored rows of a param, of those that are left: from the checkpoint's
/// mapping, or generated.
class RowSource {
public:
  static Expected<std::shared_ptr<RowSource>>
  create(const LoweredWeight &weight, const Checkpoint *checkpoint);

  /// The bytes of rows [first, first + count) of those that are left. `storage`
  /// holds them if they are not mapped.
  Expected<ArrayRef<uint8_t>> rows(int64_t first, int64_t count,
                                   std::vector<uint8_t> &storage) const;
  /// Called once all rows have been read.
  void release() const {
    if (tensor)
      checkpoint->release(*tensor);
  }

  const NumberFormat *format = nullptr;
  int64_t rowCount = 0;
  int64_t rowElements = 0;
  uint64_t rowBytes = 0;

private:
  Expected<ArrayRef<uint8_t>> storedRows(int64_t first, int64_t count,
                                         std::vector<uint8_t> &storage) const;

  const Checkpoint *checkpoint = nullptr;
  const CheckpointTensor *tensor = nullptr;
  /// The rows that are left, if not all.
  std::optional<std::vector<int64_t>> left;
  /// The rows of `tensor` that the param has, if not all.
  std::optional<FileRows> fileRows;
  /// A param of the stored type, for generated sources.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ParamOp param;
};

} // namespace

Expected<std::shared_ptr<RowSource>>
RowSource::create(const LoweredWeight &weight, const Checkpoint *checkpoint) {
  auto source = std::make_shared<RowSource>();
  EncodingAttr encoding = getEncoding(weight.stored);
  StringRef name = encoding ? encoding.getFormat() : "f32";
  source->format = lookupFormat(name);
  if (!source->format)
    return createStringError("param '" + weight.name + "' has the format '" +
                             name + "', which is not known");
  ArrayRef<int64_t> shape = weight.stored.getShape();
  source->rowElements = shape.back();
  source->rowCount = mlir::ShapedType::getNumElements(shape.drop_back());
  Expected<uint64_t> rowBytes =
      source->format->bytesPerRow(source->rowElements);
  if (!rowBytes)
    return rowBytes.takeError();
  source->rowBytes = *rowBytes;
  if (weight.rows) {
    source->left = weight.rows.asArrayRef().vec();
    source->rowCount = weight.rows.size();
  }

  auto file = weight.source.getAs<mlir::StringAttr>(kFileSource);
  if (!file) {
    mlir::OpBuilder builder(weight.stored.getContext());
    source->module = mlir::ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(source->module->getBody());
    source->param = ParamOp::create(builder, builder.getUnknownLoc(),
                                    weight.name, weight.stored, weight.source);
    return source;
  }
  source->checkpoint = checkpoint;
  source->tensor = checkpoint ? checkpoint->find(file.getValue()) : nullptr;
  if (!source->tensor)
    return createStringError("param '" + weight.name + "' needs the tensor '" +
                             file.getValue() + "', which the checkpoint lacks");
  source->fileRows = FileRows::get(weight.source);
  ArrayRef<int64_t> stored = source->tensor->shape;
  bool fits =
      source->fileRows
          ? stored.size() == shape.size() &&
                stored.drop_front() == shape.drop_front() &&
                source->fileRows->at(shape.front() - 1) < stored.front()
          // Numbers in a row may be read as another shape.
          : stored == shape || (source->format->isFloat() &&
                                source->tensor->bytes.size() ==
                                    source->rowCount * source->rowBytes);
  if (!fits || source->tensor->format != source->format)
    return createStringError("param '" + weight.name + "' and the tensor '" +
                             file.getValue() +
                             "' of the checkpoint differ in shape or format");
  return source;
}

Expected<ArrayRef<uint8_t>>
RowSource::rows(int64_t first, int64_t count,
                std::vector<uint8_t> &storage) const {
  if (!left)
    return storedRows(first, count, storage);
  std::vector<uint8_t> row, gathered;
  for (int64_t index : ArrayRef(*left).slice(first, count)) {
    Expected<ArrayRef<uint8_t>> bytes = storedRows(index, 1, row);
    if (!bytes)
      return bytes.takeError();
    append_range(gathered, *bytes);
  }
  storage = std::move(gathered);
  return ArrayRef<uint8_t>(storage);
}

Expected<ArrayRef<uint8_t>>
RowSource::storedRows(int64_t first, int64_t count,
                      std::vector<uint8_t> &storage) const {
  if (tensor && !fileRows)
    return tensor->bytes.slice(first * rowBytes, count * rowBytes);
  if (tensor) {
    // The elements of a vector are rows.
    int64_t parts = tensor->shape.size() == 1 ? rowElements : 1;
    storage.clear();
    if (!fileRows->gather(tensor->bytes, rowBytes / parts, first * parts,
                          count * parts, storage))
      return createStringError("rows of '" + tensor->name + "' are missing");
    return ArrayRef<uint8_t>(storage);
  }
  storage.resize(count * rowBytes);
  if (mlir::failed(generateParamRows(param, first, storage)))
    return createStringError("cannot generate the numbers of a param");
  return ArrayRef<uint8_t>(storage);
}

namespace {
/// What a module's statistics say of the inputs of weights; matrices are shared
/// by weights that have the same.
class GramMatrices {
public:
  explicit GramMatrices(mlir::ModuleOp module)
      : statistics(std::make_shared<const Statistics>(module)) {}

  /// How the codes of `weight` are chosen and judged.
  Expected<RecodingMethod> methodOf(const LoweredWeight &weight,
                                    int64_t width) {
    RecodingMethod method;
    StringRef tap = weight.name;
    if (weight.codes) {
      method.codes = lookupCodeMethod(weight.codes.getMethod());
      tap = weight.codes.getTap();
      if (Error error = makeFitter(weight, width, method))
        return std::move(error);
    }
    if (std::optional<Gram> found = statistics->lookupGram(tap, width)) {
      std::shared_ptr<GramMatrix> &shared = matrices[found->numbers.data()];
      if (!shared)
        shared = std::make_shared<GramMatrix>(*found, statistics);
      method.gram = shared;
    }
    return method;
  }

private:
  /// The method's fitter, unless it is of a Gram matrix, which only has to be
  /// there.
  Error makeFitter(const LoweredWeight &weight, int64_t width,
                   RecodingMethod &method) {
    StringRef kind = method.codes->statistic, tap = weight.codes.getTap();
    if (method.codes->needsGram()) {
      if (statistics->lookupGram(tap, width))
        return Error::success();
    } else if (auto numbers = statistics->evaluate(kind, tap, width)) {
      return method.codes->create(*numbers, width).moveInto(method.fitter);
    }
    return createStringError("weight '" + weight.name + "' has no '" +
                             getStatisticKey(kind, tap) +
                             "' of its width in the statistics, as its codes "
                             "need it");
  }

  std::shared_ptr<const Statistics> statistics;
  DenseMap<const float *, std::shared_ptr<GramMatrix>> matrices;
};
} // namespace

/// What is left of `rows` rows of blocks: those of the given columns.
static std::vector<uint8_t> takeBlocks(const NumberFormat &format,
                                       ArrayRef<uint8_t> bytes, int64_t rows,
                                       ArrayRef<int64_t> columns) {
  std::vector<uint8_t> taken;
  int64_t rowBytes = rows ? static_cast<int64_t>(bytes.size()) / rows : 0;
  for (int64_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < columns.size(); i += format.blockElements)
      append_range(taken, bytes.slice(row * rowBytes +
                                          columns[i] / format.blockElements *
                                              format.blockBytes,
                                      format.blockBytes));
  return taken;
}

Expected<PlannedWeights> planWeightTensors(mlir::ModuleOp module,
                                           const Checkpoint *checkpoint) {
  PlannedWeights planned;
  GramMatrices grams(module);
  for (const LoweredWeight &weight : getLoweredWeights(module)) {
    Expected<std::shared_ptr<RowSource>> created =
        RowSource::create(weight, checkpoint);
    if (!created)
      return created.takeError();
    std::shared_ptr<RowSource> source = *created;

    WeightTensor tensor = describeTensor(weight);
    EncodingAttr encoding = getEncoding(weight.type);
    std::shared_ptr<RowRecoder> recoder;
    OfflineArithmetic arithmetic(weight.steps);
    std::vector<int64_t> columns;
    if (weight.columns)
      columns = weight.columns.asArrayRef().vec();
    int64_t width = weight.type.getShape().back();
    if (encoding) {
      const NumberFormat *format = lookupFormat(encoding.getFormat());
      if (weight.recoded || format != source->format || !arithmetic.isEmpty()) {
        Expected<RecodingMethod> method = grams.methodOf(weight, width);
        if (!method)
          return method.takeError();
        recoder = std::make_shared<RowRecoder>(
            *source->format, *format, source->rowCount, source->rowElements,
            columns, std::move(*method), arithmetic);
      }
      // tile16: bytes of groups of 16 rows.
      int64_t rows = weight.type.getDimSize(0);
      int64_t groups = divideCeil(rows, Tile16Layout::kRows);
      int64_t groupBytes = weight.size / groups;
      tensor.granule = groupBytes * divideCeil(arithmetic.getRowsTogether(),
                                               Tile16Layout::kRows);
      tensor.produce = [=](uint64_t offset,
                           MutableArrayRef<uint8_t> out) -> Error {
        int64_t first = offset / groupBytes, count = out.size() / groupBytes;
        int64_t firstRow = first * Tile16Layout::kRows;
        int64_t lastRow = std::min(rows, (first + count) * Tile16Layout::kRows);
        std::vector<uint8_t> storage;
        Expected<ArrayRef<uint8_t>> bytes =
            source->rows(firstRow, lastRow - firstRow, storage);
        if (!bytes)
          return bytes.takeError();
        std::vector<uint8_t> recoded;
        if (recoder) {
          if (Error error = recoder->recode(firstRow, *bytes, recoded))
            return error;
          bytes = ArrayRef<uint8_t>(recoded);
        } else if (!columns.empty()) {
          recoded =
              takeBlocks(*source->format, *bytes, lastRow - firstRow, columns);
          bytes = ArrayRef<uint8_t>(recoded);
        }
        return relayoutToTile16(encoding.getFormat(), rows, width, *bytes,
                                first, count, out);
      };
    } else {
      int64_t rowBytes = width * sizeof(float);
      tensor.granule = rowBytes * arithmetic.getRowsTogether();
      tensor.produce = [=](uint64_t offset,
                           MutableArrayRef<uint8_t> out) -> Error {
        std::vector<uint8_t> storage;
        int64_t count = out.size() / rowBytes;
        Expected<ArrayRef<uint8_t>> bytes =
            source->rows(offset / rowBytes, count, storage);
        if (!bytes)
          return bytes.takeError();
        std::vector<float> decoded(count * source->rowElements);
        if (Error error = decode(*source->format, *bytes, decoded))
          return error;
        if (!columns.empty())
          takeColumns(decoded, source->rowElements, columns);
        arithmetic.apply(offset / rowBytes, width, decoded);
        std::memcpy(out.data(), decoded.data(), out.size());
        return Error::success();
      };
    }
    tensor.release = [source, recoder] {
      source->release();
      if (recoder)
        recoder->finish();
    };
    planned.tensors.push_back(std::move(tensor));
    planned.recoders.push_back(std::move(recoder));
  }
  return planned;
}

Expected<std::vector<uint8_t>> readStoredBytes(ParamOp param,
                                               const Checkpoint *checkpoint) {
  LoweredWeight weight;
  weight.name = param.getSymName();
  weight.stored = cast<RankedTensorType>(param.getType());
  weight.source = param.getSource();
  Expected<std::shared_ptr<RowSource>> source =
      RowSource::create(weight, checkpoint);
  if (!source)
    return source.takeError();
  std::vector<uint8_t> storage;
  Expected<ArrayRef<uint8_t>> bytes =
      (*source)->rows(0, (*source)->rowCount, storage);
  if (!bytes)
    return bytes.takeError();
  return bytes->vec();
}

} // namespace winnow
