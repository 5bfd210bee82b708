//===- CompilerSupport.cpp - What the C API's functions share -------------===//

#include "CompilerSupport.h"

#include "winnow/Driver/Recipe.h"

#include <algorithm>

using namespace llvm;

namespace winnow::capi {

winnow_compiler_status fail(winnow_compiler_error *error,
                            winnow_compiler_status status, StringRef message) {
  if (!error)
    return status;
  error->status = status;
  size_t size = std::min(message.size(), sizeof error->message - 1);
  std::replace_copy(message.begin(), message.begin() + size, error->message,
                    '\n', ' ');
  error->message[size] = '\0';
  return status;
}

winnow_compiler_status succeed(winnow_compiler_error *error) {
  return fail(error, WINNOW_COMPILER_OK, "");
}

winnow_compiler_status refuse(winnow_compiler_error *error, StringRef message) {
  return fail(error, WINNOW_COMPILER_INVALID_ARGUMENT, message);
}

winnow_compiler_status report(winnow_compiler_error *error, Error failure,
                              winnow_compiler_status otherwise) {
  std::error_code code;
  std::string message;
  handleAllErrors(std::move(failure), [&](const ErrorInfoBase &info) {
    // Of several the first.
    if (message.empty()) {
      code = info.convertToErrorCode();
      message = info.message();
    }
  });
  winnow_compiler_status status =
      code == inconvertibleErrorCode()        ? otherwise
      : code == std::errc::invalid_argument   ? WINNOW_COMPILER_INVALID_ARGUMENT
      : code == std::errc::operation_canceled ? WINNOW_COMPILER_CANCELLED
                                              : WINNOW_COMPILER_IO_ERROR;
  return fail(error, status, message);
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

Error invalid(const Twine &message) {
  return createStringError(std::make_error_code(std::errc::invalid_argument),
                           message);
}

Expected<unsigned> readThreads(int32_t threads) {
  if (threads < 0)
    return invalid("threads must not be negative, and is " + Twine(threads));
  return static_cast<unsigned>(threads);
}

Expected<std::vector<std::string>> readTexts(const char *const *texts,
                                             int32_t count) {
  std::vector<std::string> paths;
  if (count < 0 || (count > 0 && !texts))
    return invalid("texts must not be null, nor their number negative");
  for (const char *path : ArrayRef(texts, static_cast<size_t>(count))) {
    if (!path)
      return invalid("the name of a text must not be null");
    paths.emplace_back(path);
  }
  return paths;
}

ProgressFunction readProgress(winnow_compiler_progress progress,
                              void *progressContext) {
  if (!progress)
    return nullptr;
  return [=](StringRef step, double done) {
    return progress(progressContext, step.str().c_str(), done) == 0;
  };
}

Expected<CompileOptions>
readCompileOptions(const winnow_compiler_options &given) {
  CompileOptions options;
  if (Error error = readThreads(given.threads).moveInto(options.threads))
    return std::move(error);
  options.debug = given.debug != 0;
  if (given.target_cpu)
    options.targetCpu = given.target_cpu;
  if (given.activations) {
    Expected<bool> quantize = parseActivations(given.activations);
    if (!quantize)
      return invalid("activations " + toString(quantize.takeError()));
    options.quantizeActivations = *quantize;
  }
  if (given.emit) {
    Expected<EmitKind> emit = parseEmitKind(given.emit);
    if (!emit)
      return invalid("emit " + toString(emit.takeError()));
    options.emit = *emit;
  }
  if (given.remarks)
    options.remarks = given.remarks;
  auto readWord = [&](StringRef what, const char *word,
                      Expected<std::string> (*parse)(StringRef),
                      std::string &result) -> Error {
    if (!word || !*word)
      return Error::success();
    Expected<std::string> parsed = parse(word);
    if (!parsed)
      return invalid(what + " " + toString(parsed.takeError()));
    result = std::move(*parsed);
    return Error::success();
  };
  if (Error error =
          readWord("weights", given.weights, parseWeights, options.weights))
    return std::move(error);
  if (Error error = readWord("weights_only", given.weights_only, parseRegex,
                             options.weightsOnly))
    return std::move(error);
  if (Error error = readWord("weights_skip", given.weights_skip, parseRegex,
                             options.weightsSkip))
    return std::move(error);
  if (given.recipe && *given.recipe)
    if (Error error = readRecipe(given.recipe).moveInto(options.recipe))
      return std::move(error);
  if (given.report && *given.report) {
    std::string path;
    if (Error error = readWord("report", given.report, parseReport, path))
      return std::move(error);
    options.reports.push_back(std::move(path));
  }
  if (Error error = readTexts(given.evaluate_texts, given.evaluate_text_count)
                        .moveInto(options.evaluate.texts))
    return std::move(error);
  if (given.evaluate_tokens < 0 || given.evaluate_window < 0)
    return invalid("evaluate_tokens and evaluate_window must not be negative");
  if (given.evaluate_tokens)
    options.evaluate.tokens = given.evaluate_tokens;
  if (given.evaluate_window)
    options.evaluate.window = given.evaluate_window;
  options.progress = readProgress(given.progress, given.progress_context);
  return options;
}

} // namespace winnow::capi
