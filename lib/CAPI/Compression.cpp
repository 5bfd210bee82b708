//===- Compression.cpp - C API of what makes models smaller ---------------===//

#include "CompilerSupport.h"

#include "winnow/Driver/Calibrate.h"

#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;
using namespace winnow::capi;

static Expected<CalibrateOptions>
readCalibrateOptions(const winnow_compiler_calibrate_options &given) {
  CalibrateOptions options;
  if (Error error = readThreads(given.threads).moveInto(options.threads))
    return std::move(error);
  if (Error error =
          readTexts(given.texts, given.text_count).moveInto(options.texts))
    return std::move(error);
  if (options.texts.empty())
    return invalid("a calibration needs texts");
  if (given.kinds && *given.kinds) {
    Expected<std::vector<std::string>> kinds = parseStatisticKinds(given.kinds);
    if (!kinds)
      return invalid("kinds " + toString(kinds.takeError()));
    options.kinds = std::move(*kinds);
  }
  if (given.only && *given.only) {
    Expected<std::string> only = parseRegex(given.only);
    if (!only)
      return invalid("only " + toString(only.takeError()));
    options.only = std::move(*only);
  }
  if (given.window < 0 || given.window == 1)
    return invalid("window expects at least 2 tokens, found " +
                   Twine(given.window));
  if (given.window)
    options.window = given.window;
  options.progress = readProgress(given.progress, given.progress_context);
  return options;
}

winnow_compiler_status
winnow_compiler_calibrate(const winnow_compiler_model *model,
                          const char *statistics,
                          const winnow_compiler_calibrate_options *options,
                          winnow_compiler_error *error) {
  if (!model || !statistics)
    return refuse(error, "calibrate: model and statistics must not be null");
  winnow_compiler_calibrate_options given;
  if (!readOptions(options, given))
    return refuse(error, "calibrate options: struct_size is not set");
  Expected<CalibrateOptions> read = readCalibrateOptions(given);
  if (!read)
    return report(error, read.takeError(), WINNOW_COMPILER_FAILED);
  if (Error failure = calibrate(*model->loaded, statistics, *read))
    return report(error, std::move(failure), WINNOW_COMPILER_FAILED);
  return succeed(error);
}

winnow_compiler_status
winnow_compiler_load_statistics(winnow_compiler_model *model, const char *path,
                                winnow_compiler_error *error) {
  if (!model || !path)
    return refuse(error, "load_statistics: model and path must not be null");
  if (Error failure = model->loaded->loadStatistics(path))
    return report(error, std::move(failure), WINNOW_COMPILER_FAILED);
  return succeed(error);
}

static Expected<SearchOptions>
readSearchOptions(const char *budget,
                  const winnow_compiler_search_options &given) {
  SearchOptions options;
  Expected<Budget> parsed = Budget::parse(budget);
  if (!parsed)
    return invalid("budget " + toString(parsed.takeError()));
  options.budget = *parsed;
  if (given.formats && *given.formats) {
    Expected<std::vector<std::string>> formats =
        parseFormatNames(given.formats);
    if (!formats)
      return invalid("formats " + toString(formats.takeError()));
    options.formats = std::move(*formats);
  }
  if (given.rounds)
    options.rounds = static_cast<unsigned>(std::max(given.rounds, 0));
  return options;
}

winnow_compiler_status winnow_compiler_search(
    const winnow_compiler_model *model, const char *budget, const char *recipe,
    const winnow_compiler_search_options *search,
    const winnow_compiler_options *options, winnow_compiler_error *error) {
  if (!model || !budget || !recipe)
    return refuse(error, "search: model, budget and recipe must not be null");
  winnow_compiler_search_options wanted;
  winnow_compiler_options given;
  if (!readOptions(search, wanted) || !readOptions(options, given))
    return refuse(error, "search options: struct_size is not set");
  Expected<SearchOptions> searchOptions = readSearchOptions(budget, wanted);
  if (!searchOptions)
    return report(error, searchOptions.takeError(), WINNOW_COMPILER_FAILED);
  Expected<CompileOptions> read = readCompileOptions(given);
  if (!read)
    return report(error, read.takeError(), WINNOW_COMPILER_FAILED);
  Expected<SearchResult> result = model->loaded->search(*searchOptions, *read);
  if (!result)
    return report(error, result.takeError(), WINNOW_COMPILER_FAILED);
  if (Error failure = writeToOutput(recipe, [&](raw_ostream &os) {
        os << result->recipe;
        return Error::success();
      }))
    return report(error, std::move(failure), WINNOW_COMPILER_FAILED);
  return succeed(error);
}
