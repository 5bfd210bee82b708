//===- Calibrate.cpp - Statistics of a model on texts ---------------------===//

#include "winnow/Driver/Calibrate.h"

#include "ObservedModel.h"
#include "StatisticsCollector.h"

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Emit/WeightsArchive.h"
#include "winnow/Tokenizer/Tokenizer.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"

#include <numeric>

using namespace llvm;

namespace winnow {

/// Tokens that are computed together: their taps are in memory at one time.
static constexpr size_t kPiece = 128;

Expected<std::vector<std::string>> parseStatisticKinds(StringRef text) {
  std::vector<std::string> kinds;
  for (StringRef name : split(text, ',')) {
    if (!symbolizeObserveKind(name))
      return createStringError(
          "expects channels, gram or similarity, separated "
          "by commas; found '" +
          name + "'");
    kinds.push_back(name.str());
  }
  return kinds;
}

namespace {

/// Gives the texts to the model, piece by piece.
class Calibration {
public:
  Calibration(const CalibrateOptions &options, const Tokenizer &tokenizer,
              ObservedModel &model)
      : options(options), tokenizer(tokenizer), model(model),
        collector(model, options.threads) {}

  Error readDecoderText(StringRef path);
  Error readEncoderTexts(StringRef path);
  const StatisticsCollector &getCollector() const { return collector; }

private:
  Expected<std::unique_ptr<MemoryBuffer>> open(StringRef path);
  Error checkIds(ArrayRef<int32_t> ids, StringRef path);
  Error run(ArrayRef<int32_t> ids, ArrayRef<int32_t> positions,
            ArrayRef<int32_t> segments, StringRef path);
  Error runWindow(ArrayRef<int32_t> ids, StringRef path);

  const CalibrateOptions &options;
  const Tokenizer &tokenizer;
  ObservedModel &model;
  StatisticsCollector collector;
  /// Bytes of the current file, and how many of them are done.
  double done = 0;
};

} // namespace

Expected<std::unique_ptr<MemoryBuffer>> Calibration::open(StringRef path) {
  done = 0;
  ErrorOr<std::unique_ptr<MemoryBuffer>> file =
      MemoryBuffer::getFile(path, /*IsText=*/true);
  if (std::error_code code = file.getError())
    return createStringError(code, "'" + path + "': " + code.message());
  return std::move(*file);
}

Error Calibration::checkIds(ArrayRef<int32_t> ids, StringRef path) {
  for (int32_t id : ids)
    if (id >= model.getVocabulary())
      return createStringError("'" + path + "' has token " + Twine(id) +
                               ", which is not in the model's vocabulary of " +
                               Twine(model.getVocabulary()));
  return Error::success();
}

Error Calibration::run(ArrayRef<int32_t> ids, ArrayRef<int32_t> positions,
                       ArrayRef<int32_t> segments, StringRef path) {
  if (options.progress &&
      !options.progress(("calibrating on " + path).str(), done))
    return cancelled();
  if (Error error = model.run(ids, positions, segments))
    return createStringError("'" + path + "': " + toString(std::move(error)));
  collector.add();
  return Error::success();
}

/// Tokens that belong together and are the first of a session.
Error Calibration::runWindow(ArrayRef<int32_t> ids, StringRef path) {
  model.reset();
  std::vector<int32_t> positions(ids.size()), segments(ids.size());
  std::iota(positions.begin(), positions.end(), 0);
  for (size_t first = 0; first < ids.size(); first += kPiece) {
    size_t count = std::min(kPiece, ids.size() - first);
    if (Error error = run(ids.slice(first, count),
                          ArrayRef(positions).slice(first, count),
                          ArrayRef(segments).slice(first, count), path))
      return error;
  }
  return Error::success();
}

Error Calibration::readDecoderText(StringRef path) {
  Expected<std::unique_ptr<MemoryBuffer>> file = open(path);
  if (!file)
    return file.takeError();
  EncodeOptions plain;
  plain.addBos = false;
  std::vector<int32_t> ids = tokenizer.encode((*file)->getBuffer(), plain);
  if (Error error = checkIds(ids, path))
    return error;
  std::vector<int32_t> front;
  if (tokenizer.addsBos())
    front.push_back(tokenizer.bos());
  int64_t window = std::min(options.window, model.getContext());
  size_t step =
      std::max<int64_t>(window - static_cast<int64_t>(front.size()), 1);
  for (size_t start = 0; start < ids.size(); start += step) {
    std::vector<int32_t> tokens = front;
    tokens.insert(tokens.end(), ids.begin() + start,
                  ids.begin() + std::min(start + step, ids.size()));
    done = static_cast<double>(start) / ids.size();
    if (Error error = runWindow(tokens, path))
      return error;
  }
  return Error::success();
}

Error Calibration::readEncoderTexts(StringRef path) {
  Expected<std::unique_ptr<MemoryBuffer>> file = open(path);
  if (!file)
    return file.takeError();
  std::vector<int32_t> ids, positions, segments;
  int32_t texts = 0;
  auto flush = [&]() -> Error {
    if (ids.empty())
      return Error::success();
    if (Error error = run(ids, positions, segments, path))
      return error;
    ids.clear();
    positions.clear();
    segments.clear();
    texts = 0;
    return Error::success();
  };
  EncodeOptions whole;
  whole.addEos = true;
  for (line_iterator line(**file); !line.is_at_end(); ++line) {
    std::vector<int32_t> text = tokenizer.encode(*line, whole);
    text.resize(std::min<size_t>(text.size(), model.getContext()));
    if (Error error = checkIds(text, path))
      return error;
    if (!ids.empty() && ids.size() + text.size() > kPiece)
      if (Error error = flush())
        return error;
    ids.insert(ids.end(), text.begin(), text.end());
    for (size_t i = 0; i < text.size(); ++i)
      positions.push_back(static_cast<int32_t>(i));
    segments.resize(ids.size(), texts++);
    done = static_cast<double>(line->data() - (*file)->getBufferStart()) /
           (*file)->getBufferSize();
  }
  return flush();
}

/// Writes all statistics as one file.
static Error writeStatistics(StringRef output, const LoadedModel &model,
                             const CalibrateOptions &options,
                             const StatisticsCollector &collector) {
  std::vector<StatisticArray> arrays;
  if (Error error = collector.finish(arrays))
    return error;
  json::Object readers;
  for (const auto &[weight, tap] : collector.getReaders())
    readers[weight] = tap;
  WeightsArchive::Options archiveOptions;
  archiveOptions.threads = options.threads;
  archiveOptions.metadata = {
      {"model", model.computeContentHash()},
      {"readers", formatv("{0}", json::Value(std::move(readers))).str()},
      {"tokens", std::to_string(collector.getTokens())},
      {"statistics", "1"}};
  std::vector<WeightTensor> tensors;
  for (const StatisticArray &array : arrays) {
    WeightTensor &tensor = tensors.emplace_back();
    tensor.name = array.key;
    tensor.type = WeightTensor::Type::F32;
    tensor.shape.assign(array.shape.begin(), array.shape.end());
    tensor.granule = sizeof(float);
    tensor.produce = [&array](uint64_t offset, MutableArrayRef<uint8_t> out) {
      std::memcpy(out.data(),
                  reinterpret_cast<const uint8_t *>(array.numbers.data()) +
                      offset,
                  out.size());
      return Error::success();
    };
  }
  Expected<WeightsArchive> archive = WeightsArchive::create(
      output, std::move(tensors), std::move(archiveOptions));
  if (!archive)
    return archive.takeError();
  if (Error error = archive->write())
    return error;
  return archive->finish({archive->getHash(), 0});
}

Error calibrate(const LoadedModel &model, StringRef output,
                const CalibrateOptions &options) {
  if (!model.getTokenizer())
    return createStringError("the model has no vocabulary, so it cannot be "
                             "calibrated on texts");
  SmallString<128> folder;
  if (std::error_code code =
          sys::fs::createUniqueDirectory("winnow-calibrate", folder))
    return createStringError(code, "cannot create a temporary folder: " +
                                       code.message());
  scope_exit remove([&] { sys::fs::remove_directories(folder); });
  std::string name = (folder + "/observed").str();

  CompileOptions compile;
  compile.quantizeActivations = false;
  compile.threads = options.threads;
  compile.progress = options.progress;
  std::string pass =
      "winnow-observe{kinds=" + join(options.kinds, ",") +
      (options.only.empty() ? "" : " only=\"" + options.only + "\"") + "}";
  Expected<std::vector<RecipePass>> recipe = parseRecipe(pass, "--calibrate");
  if (!recipe)
    return recipe.takeError();
  compile.recipe = std::move(*recipe);
  if (Error error = model.compile(name, compile))
    return error;
  Expected<std::unique_ptr<ObservedModel>> observed =
      ObservedModel::open(name, options.threads);
  if (!observed)
    return observed.takeError();
  std::string message;
  std::unique_ptr<Tokenizer> tokenizer =
      Tokenizer::create(*model.getTokenizer(), message);
  if (!tokenizer)
    return createStringError(message);

  Calibration calibration(options, *tokenizer, **observed);
  for (const std::string &path : options.texts)
    if (Error error = (*observed)->isDecoder()
                          ? calibration.readDecoderText(path)
                          : calibration.readEncoderTexts(path))
      return error;
  if (calibration.getCollector().getTokens() == 0)
    return createStringError("the texts have no tokens to calibrate on");
  return writeStatistics(output, model, options, calibration.getCollector());
}

} // namespace winnow
