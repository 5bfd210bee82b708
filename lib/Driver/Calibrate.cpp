//===- Calibrate.cpp - Statistics of a model on texts ---------------------===//

#include "winnow/Driver/Calibrate.h"

#include "Observation.h"

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Emit/WeightsArchive.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace winnow {

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

/// Bytes of all texts that statistics keep, for passes that measure candidates.
static constexpr size_t kSampleBytes = 16384;

/// The beginning of each text, in whole lines where those are short enough.
static std::string takeSample(const SourceTexts &sources) {
  json::Array texts;
  for (const std::unique_ptr<MemoryBuffer> &source : sources) {
    StringRef text = source->getBuffer();
    if (size_t share = kSampleBytes / sources.size(); text.size() > share) {
      text = text.take_front(share);
      size_t line = text.rfind('\n');
      if (line != StringRef::npos && line >= share / 2)
        text = text.take_front(line + 1);
    }
    // A letter that was cut becomes a replacement character.
    texts.push_back(json::fixUTF8(text));
  }
  return formatv("{0}", json::Value(json::Object{{"texts", std::move(texts)}}))
      .str();
}

/// Writes all statistics as one file.
static Error writeStatistics(StringRef output, const LoadedModel &model,
                             const SourceTexts &texts, unsigned threads,
                             const Observation &observation) {
  json::Object readers;
  for (const auto &[weight, tap] : observation.readers)
    readers[weight] = tap;
  WeightsArchive::Options archiveOptions;
  archiveOptions.threads = threads;
  archiveOptions.metadata = {
      {"model", model.computeContentHash()},
      {"readers", formatv("{0}", json::Value(std::move(readers))).str()},
      {"tokens", std::to_string(observation.tokens)},
      {"sample", takeSample(texts)},
      {"statistics", "1"}};
  std::vector<WeightTensor> tensors;
  for (const StatisticArray &array : observation.arrays) {
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
  std::string message;
  std::unique_ptr<Tokenizer> tokenizer =
      Tokenizer::create(*model.getTokenizer(), message);
  if (!tokenizer)
    return createStringError(message);
  Expected<SourceTexts> texts = readTexts(options.texts);
  if (!texts)
    return texts.takeError();
  Expected<Observation> observation =
      observe(model, *tokenizer, *texts, options);
  if (!observation)
    return observation.takeError();
  return writeStatistics(output, model, *texts, options.threads, *observation);
}

} // namespace winnow
