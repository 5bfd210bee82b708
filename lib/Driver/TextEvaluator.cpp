//===- TextEvaluator.cpp - How good a candidate is on texts ---------------===//

#include "TextEvaluator.h"

#include "Observation.h"

#include "winnow/Client/Texts.h"
#include "winnow/Emit/WeightsArchive.h"

#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace llvm;

namespace winnow {

/// A workload is run in so many places of memory, until the three in the middle
/// differ by no more than this.
static constexpr size_t kLeastPlaces = 3, kMostPlaces = 5;
static constexpr double kAgreement = 0.04;

TextEvaluator::TextEvaluator(const LoadedModel &model,
                             const CompileOptions &options, SourceTexts texts)
    : model(model), fingerPrint(model.getModule()), options(options),
      texts(std::move(texts)),
      threads(options.threads ? static_cast<int32_t>(options.threads)
                              : client::availableThreads()) {}

Expected<std::unique_ptr<TextEvaluator>>
TextEvaluator::create(const LoadedModel &model, const CompileOptions &options,
                      std::unique_ptr<TextEvaluator> known) {
  bool hasOwn = !options.evaluate.texts.empty();
  if (!hasOwn && (!model.getTokenizer() || model.getTextSample().empty()))
    return nullptr;
  if (!model.getTokenizer())
    return createStringError("the model has no vocabulary, so it cannot be "
                             "evaluated on texts");
  SourceTexts texts;
  if (Error error = readTexts(options.evaluate.texts).moveInto(texts))
    return std::move(error);
  if (!hasOwn)
    for (auto [number, sample] : enumerate(model.getTextSample()))
      texts.push_back(MemoryBuffer::getMemBufferCopy(
          sample, "text " + std::to_string(number) + " of the statistics"));
  if (known && &known->model == &model && known->serves(options, texts)) {
    known->options = options;
    return std::move(known);
  }
  return std::unique_ptr<TextEvaluator>(
      new TextEvaluator(model, options, std::move(texts)));
}

bool TextEvaluator::serves(const CompileOptions &other,
                           const SourceTexts &otherTexts) const {
  bool same = std::equal(texts.begin(), texts.end(), otherTexts.begin(),
                         otherTexts.end(), [](const auto &a, const auto &b) {
                           return a->getBufferIdentifier() ==
                                      b->getBufferIdentifier() &&
                                  a->getBuffer() == b->getBuffer();
                         });
  const EvaluateOptions &one = options.evaluate, &two = other.evaluate;
  return !cancelled && same && one.window == two.window &&
         one.tokens == two.tokens && options.targetCpu == other.targetCpu &&
         options.quantizeActivations == other.quantizeActivations &&
         options.threads == other.threads &&
         fingerPrint == mlir::OperationFingerPrint(model.getModule());
}

Error TextEvaluator::loadTokenizer() {
  if (tokenizer)
    return Error::success();
  std::string message;
  tokenizer = Tokenizer::create(*model.getTokenizer(), message);
  return tokenizer ? Error::success() : createStringError(message);
}

int64_t TextEvaluator::getLimit() const {
  return std::max<int64_t>(
      options.evaluate.tokens / static_cast<int64_t>(texts.size()), 1);
}

bool TextEvaluator::advance(StringRef step, double share) {
  what = step.str();
  done = share;
  if (options.progress && !options.progress(what, done))
    cancelled = true;
  return !cancelled;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Expected<RunningProgram> TextEvaluator::start(mlir::ModuleOp module,
                                              bool sampled) {
  Expected<std::unique_ptr<LoadedModel>> copy = model.copyWith(module);
  if (!copy)
    return copy.takeError();
  CompileOptions compile;
  compile.targetCpu = options.targetCpu;
  compile.quantizeActivations = options.quantizeActivations;
  compile.threads = options.threads;
  compile.cache = cache.get();
  compile.sampled = sampled;
  // The step stays what the pass said.
  compile.progress = [this](StringRef, double) { return advance(what, done); };
  return RunningProgram::compile(**copy, compile, threads);
}

Error TextEvaluator::forEachLogits(
    const RunningProgram &program, double share, bool hasPrompts,
    function_ref<Error(const Prediction &)> take) const {
  auto taken = static_cast<size_t>(std::ceil(share * double(windows.size())));
  client::Session &session = program.session();
  size_t before = 0;
  for (const std::vector<int32_t> &window :
       ArrayRef(windows).take_front(taken)) {
    session.reset();
    // Nothing follows the last token, so it is not computed.
    int64_t count = static_cast<int64_t>(window.size()) - 1, start = 0;
    while (start < count) {
      int64_t size = std::min(client::kLogitsPiece, count - start), rows = size;
      Prediction prediction;
      std::string message;
      if (hasPrompts && start == 0) {
        size = client::getPromptLength(count);
        if (!session.prefillPrompt(window.data(), size, /*span=*/nullptr,
                                   WINNOW_ROWS_LAST, message) ||
            !session.logits(prediction.logits, rows, message))
          return createStringError(message);
      } else if (!session.computeLogits(window.data() + start, size,
                                        prediction.logits, message)) {
        return createStringError(message);
      }
      start += size;
      prediction.next = ArrayRef(window).slice(start - rows + 1, rows);
      prediction.first = before + start - rows;
      if (Error error = take(prediction))
        return error;
    }
    before += count;
  }
  return Error::success();
}

Error TextEvaluator::encode(const RunningProgram &program,
                            std::vector<float> &results) const {
  const winnow_model_info &info = program.artifact().info();
  bool pools = info.pooled_width != 0;
  for (size_t start = 0; start < lines.size();) {
    client::Texts batch = client::takeBatch(lines, start, *tokenizer, context);
    start += batch.lengths.size();
    size_t before = results.size();
    results.resize(before + (pools ? batch.lengths.size() * info.pooled_width
                                   : batch.ids.size() * info.hidden_width));
    float *target = results.data() + before;
    std::string message;
    if (!program.session().encode(batch.view(), pools ? nullptr : target,
                                  pools ? target : nullptr, message))
      return createStringError(message);
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The reference
//===----------------------------------------------------------------------===//

/// Cuts the texts as a model of the reference's kind takes them.
Error TextEvaluator::cutTexts(const RunningProgram &reference) {
  if (Error error = loadTokenizer())
    return error;
  const winnow_model_info &info = reference.artifact().info();
  vocabulary = info.vocabulary;
  context = reference.session().context();
  if (vocabulary <= 0)
    return createStringError("the model takes no text to be evaluated on");
  if (!reference.isDecoder())
    width = info.pooled_width ? info.pooled_width : info.hidden_width;
  for (const std::unique_ptr<MemoryBuffer> &text : texts) {
    std::string_view content = text->getBuffer();
    int64_t tokens = 0;
    auto check = [&](const std::vector<int32_t> &ids) -> Error {
      std::string why = client::checkVocabulary(ids, vocabulary);
      return why.empty() ? Error::success()
                         : createStringError("'" + text->getBufferIdentifier() +
                                             "' " + why);
    };
    if (reference.isDecoder()) {
      // The last token of a window is predicted, not computed.
      size_t size = std::min(options.evaluate.window, context) + 1;
      for (std::vector<int32_t> &window :
           client::cutWindows(*tokenizer, content, size, getLimit())) {
        if (Error error = check(window))
          return error;
        tokens += static_cast<int64_t>(window.size()) - 1;
        windows.push_back(std::move(window));
      }
    } else {
      for (std::string &line : client::splitLines(content)) {
        if (tokens >= getLimit())
          break;
        client::Texts one;
        one.add(*tokenizer, line, context);
        if (Error error = check(one.ids))
          return error;
        tokens += one.lengths.front();
        lines.push_back(std::move(line));
      }
    }
    if (tokens == 0)
      return createStringError("'" + text->getBufferIdentifier() +
                               "' has no token to predict");
  }
  return Error::success();
}

Error TextEvaluator::runReference() {
  if (reference)
    return Error::success();
  if (!folder) {
    if (Error error =
            TemporaryFolder::create("winnow-evaluate").moveInto(folder))
      return error;
    cache = std::make_unique<TensorCache>(*folder / "");
  }
  Expected<RunningProgram> program = start(model.getModule());
  if (!program)
    return program.takeError();
  if (Error error = cutTexts(*program))
    return error;
  if (!program->isDecoder()) {
    if (Error error = encode(*program, rows))
      return error;
  } else if (Error error = forEachLogits(
                 *program, /*share=*/1, /*hasPrompts=*/false,
                 [&](const Prediction &prediction) -> Error {
                   rows.insert(rows.end(), prediction.logits,
                               prediction.logits +
                                   prediction.next.size() * vocabulary);
                   return Error::success();
                 })) {
    return error;
  }
  if (program->isDecoder())
    sums = client::LogSum::ofRows(rows.data(), rows.size() / vocabulary,
                                  vocabulary, threads);
  reference = std::move(*program);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

Expected<Quality> TextEvaluator::scoreDecoder(const RunningProgram &candidate,
                                              double share) {
  client::DecoderScores scores(vocabulary, threads);
  if (Error error = forEachLogits(
          candidate, share, candidate.artifact().info().prunes_prompts,
          [&](const Prediction &mine) -> Error {
            std::string message;
            client::OtherLogits other = {rows.data() + mine.first * vocabulary,
                                         sums.data() + mine.first};
            if (!scores.add(mine.logits, other, mine.next.data(),
                            mine.next.size(), message))
              return createStringError(message);
            return Error::success();
          }))
    return std::move(error);
  return Quality{scores.meanDivergence(), scores.perplexity()};
}

Expected<Quality> TextEvaluator::scoreEncoder(const RunningProgram &candidate) {
  std::vector<float> mine;
  if (Error error = encode(candidate, mine))
    return std::move(error);
  double sum = 0;
  for (size_t i = 0; i < mine.size(); i += width)
    sum += client::cosineError(&mine[i], &rows[i], width);
  if (!std::isfinite(sum))
    return createStringError("the results are not numbers");
  return Quality{sum / (static_cast<double>(mine.size()) / width),
                 std::nullopt};
}

/// Starts a candidate, and the reference if it does not run yet.
Expected<RunningProgram> TextEvaluator::startCandidate(mlir::ModuleOp module,
                                                       bool sampled) {
  if (Error error = runReference())
    return std::move(error);
  return start(module, sampled);
}

Expected<Quality> TextEvaluator::evaluate(mlir::ModuleOp candidate,
                                          double share, RunTime *time,
                                          double timedBelow) {
  Expected<RunningProgram> program =
      startCandidate(candidate, /*sampled=*/false);
  if (!program)
    return program.takeError();
  Expected<Quality> quality = program->isDecoder()
                                  ? scoreDecoder(*program, share)
                                  : scoreEncoder(*program);
  if (quality && time && quality->divergence < timedBelow)
    if (Error error = runWorkload(*program).moveInto(*time))
      return std::move(error);
  return quality;
}

Expected<RunTime> TextEvaluator::time(mlir::ModuleOp candidate) {
  Expected<RunningProgram> program =
      startCandidate(candidate, /*sampled=*/true);
  if (!program)
    return program.takeError();
  return runWorkload(*program);
}

/// Multiplies all times.
static void scale(PhaseTime &phase, double factor) {
  phase.seconds *= factor;
  for (StageTime &stage : phase.stages)
    stage.seconds *= factor;
}

/// The times of one place, in turn with the reference, relative to which they
/// are: the machine is faster at one time and slower at another.
Expected<RunTime> TextEvaluator::timeOnce(const RunningProgram &program,
                                          Workload &other) {
  Expected<Workload> mine =
      Workload::create(program.artifact(), program.session());
  if (!mine)
    return mine.takeError();
  // The first run touches all memory.
  if (Expected<PhaseTime> first = mine->runPhase(0); !first)
    return first.takeError();
  RunTime time, now;
  for (int64_t phase = 0; phase < mine->countPhases(); ++phase)
    for (auto [workload, times] :
         {std::pair(&other, &now), std::pair(&*mine, &time)}) {
      Expected<PhaseTime> next = workload->runPhase(phase);
      if (!next)
        return next.takeError();
      times->push_back(std::move(*next));
    }
  if (referenceTime.empty())
    referenceTime = now;
  for (auto [phase, before, then] : zip_equal(time, now, referenceTime))
    scale(phase, then.seconds / before.seconds);
  return time;
}

/// The mean of several runs.
static RunTime averageTimes(ArrayRef<RunTime> times) {
  RunTime mean = times.front();
  for (const RunTime &time : times.drop_front())
    for (auto [phase, next] : zip_equal(mean, time)) {
      phase.seconds += next.seconds;
      for (auto [stage, more] : zip_equal(phase.stages, next.stages))
        stage.seconds += more.seconds;
    }
  for (PhaseTime &phase : mean)
    scale(phase, 1.0 / static_cast<double>(times.size()));
  return mean;
}

/// The mean of the three places in the middle, so that one in which something
/// else ran beside does not count.
Expected<RunTime> TextEvaluator::runWorkload(const RunningProgram &program) {
  // The reference stays where it is.
  Expected<Workload> other =
      Workload::create(reference->artifact(), reference->session());
  if (!other)
    return other.takeError();
  std::vector<RunTime> times;
  while (true) {
    Expected<RunningProgram> copy = program.copy();
    if (!copy)
      return copy.takeError();
    Expected<RunTime> time = timeOnce(*copy, *other);
    if (!time)
      return time.takeError();
    times.push_back(std::move(*time));
    if (times.size() < kLeastPlaces || times.size() % 2 == 0)
      continue;
    llvm::sort(times, [](const RunTime &a, const RunTime &b) {
      return getSeconds(a) < getSeconds(b);
    });
    ArrayRef<RunTime> middle =
        ArrayRef(times).slice((times.size() - kLeastPlaces) / 2, kLeastPlaces);
    double least = getSeconds(middle.front()), most = getSeconds(middle.back());
    if (most <= (1 + kAgreement) * least || times.size() >= kMostPlaces)
      return averageTimes(middle);
  }
}

Expected<StringMap<float>>
TextEvaluator::observeSimilarity(mlir::ModuleOp candidate) {
  if (Error error = loadTokenizer())
    return std::move(error);
  Expected<std::unique_ptr<LoadedModel>> copy = model.copyWith(candidate);
  if (!copy)
    return copy.takeError();
  CalibrateOptions observed;
  observed.kinds = {"similarity"};
  observed.window = options.evaluate.window;
  observed.limit = getLimit();
  observed.threads = options.threads;
  observed.progress = [this](StringRef, double) { return advance(what, done); };
  Expected<Observation> observation =
      observe(**copy, *tokenizer, texts, observed);
  if (!observation)
    return observation.takeError();
  StringMap<float> result;
  for (const StatisticArray &array : observation->arrays)
    result[array.key] = array.numbers.front();
  return result;
}

} // namespace winnow
