//===- Observation.cpp - A model with taps, run on texts ------------------===//

#include "Observation.h"

#include "ObservedModel.h"
#include "TemporaryFolder.h"

#include "winnow/Client/Texts.h"
#include "winnow/Emit/WeightsArchive.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"

#include <numeric>

using namespace llvm;

namespace winnow {

/// Tokens that are computed together: their taps are in memory at one time.
static constexpr size_t kPiece = 128;

namespace {

/// Gives the texts to the model, piece by piece.
class Reading {
public:
  Reading(const CalibrateOptions &options, const Tokenizer &tokenizer,
          ObservedModel &model)
      : options(options), tokenizer(tokenizer), model(model),
        collector(model, options.threads),
        limit(options.limit ? options.limit : SIZE_MAX) {}

  Error readDecoderText(const MemoryBuffer &text);
  Error readEncoderTexts(const MemoryBuffer &lines);
  const StatisticsCollector &getCollector() const { return collector; }

private:
  Error checkIds(const std::vector<int32_t> &ids, StringRef path);
  Error run(ArrayRef<int32_t> ids, ArrayRef<int32_t> positions,
            ArrayRef<int32_t> segments, StringRef path);
  Error runWindow(ArrayRef<int32_t> ids, StringRef path);

  const CalibrateOptions &options;
  const Tokenizer &tokenizer;
  ObservedModel &model;
  StatisticsCollector collector;
  /// Tokens of a text that are read.
  size_t limit;
  /// The share of the current text that is done.
  double done = 0;
};

} // namespace

Error Reading::checkIds(const std::vector<int32_t> &ids, StringRef path) {
  std::string why = client::checkVocabulary(ids, model.getVocabulary());
  return why.empty() ? Error::success()
                     : createStringError("'" + path + "' " + why);
}

Error Reading::run(ArrayRef<int32_t> ids, ArrayRef<int32_t> positions,
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
Error Reading::runWindow(ArrayRef<int32_t> ids, StringRef path) {
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

Error Reading::readDecoderText(const MemoryBuffer &text) {
  StringRef path = text.getBufferIdentifier();
  std::vector<std::vector<int32_t>> windows =
      client::cutWindows(tokenizer, std::string_view(text.getBuffer()),
                         std::min(options.window, model.getContext()), limit);
  for (const std::vector<int32_t> &window : windows) {
    done = static_cast<double>(&window - windows.data()) / windows.size();
    if (Error error = checkIds(window, path))
      return error;
    if (Error error = runWindow(window, path))
      return error;
  }
  return Error::success();
}

Error Reading::readEncoderTexts(const MemoryBuffer &lines) {
  StringRef path = lines.getBufferIdentifier();
  done = 0;
  std::vector<int32_t> ids, positions, segments;
  int32_t texts = 0;
  size_t tokens = 0;
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
  for (line_iterator line(lines); !line.is_at_end(); ++line) {
    std::vector<int32_t> text = tokenizer.encode(*line, whole);
    text.resize(std::min<size_t>(text.size(), model.getContext()));
    if (Error error = checkIds(text, path))
      return error;
    tokens += text.size();
    if (tokens > limit)
      break;
    if (!ids.empty() && ids.size() + text.size() > kPiece)
      if (Error error = flush())
        return error;
    ids.insert(ids.end(), text.begin(), text.end());
    for (size_t i = 0; i < text.size(); ++i)
      positions.push_back(static_cast<int32_t>(i));
    segments.resize(ids.size(), texts++);
    done = static_cast<double>(line->data() - lines.getBufferStart()) /
           lines.getBufferSize();
  }
  return flush();
}

Expected<Observation> observe(const LoadedModel &model,
                              const Tokenizer &tokenizer,
                              const SourceTexts &texts,
                              const CalibrateOptions &options) {
  Expected<std::unique_ptr<TemporaryFolder>> folder =
      TemporaryFolder::create("winnow-calibrate");
  if (!folder)
    return folder.takeError();
  std::string name = **folder / "observed";

  CompileOptions compile;
  compile.quantizeActivations = false;
  compile.threads = options.threads;
  compile.progress = options.progress;
  std::string pass =
      "winnow-observe{kinds=" + join(options.kinds, ",") +
      (options.only.empty() ? "" : " only=\"" + options.only + "\"") + "}";
  if (Error error = parseRecipe(pass, "--calibrate").moveInto(compile.recipe))
    return std::move(error);
  if (Error error = model.compile(name, compile))
    return std::move(error);
  Expected<std::unique_ptr<ObservedModel>> observed =
      ObservedModel::open(name, options.threads);
  if (!observed)
    return observed.takeError();

  Reading reading(options, tokenizer, **observed);
  for (const std::unique_ptr<MemoryBuffer> &text : texts)
    if (Error error = (*observed)->isDecoder()
                          ? reading.readDecoderText(*text)
                          : reading.readEncoderTexts(*text))
      return std::move(error);
  const StatisticsCollector &collector = reading.getCollector();
  if (collector.getTokens() == 0)
    return createStringError("the texts have no tokens to calibrate on");
  Observation result;
  if (Error error = collector.finish(result.arrays))
    return std::move(error);
  result.readers = collector.getReaders();
  result.tokens = collector.getTokens();
  return result;
}

} // namespace winnow
