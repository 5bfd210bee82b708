//===- winnow-compile.cpp - From a model to an artifact -------------------===//

#include "CommandLine.h"

#include "mlir/Support/Timing.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace llvm;
using namespace winnow;

namespace {

/// Progress on standard error, if that is a terminal: one line, rewritten.
class Progress {
public:
  explicit Progress(bool quiet)
      : visible(!quiet && sys::Process::StandardErrIsDisplayed()) {}
  ~Progress() {
    if (visible)
      errs() << "\r\033[K";
  }

  bool operator()(StringRef step, double done) {
    int percent = static_cast<int>(done * 100);
    if (!visible || (step == lastStep && percent == lastPercent))
      return true;
    errs() << "\r\033[Kwinnow-compile: " << step;
    if (percent)
      errs() << " " << percent << " %";
    lastStep = step.str();
    lastPercent = percent;
    return true;
  }

private:
  bool visible;
  std::string lastStep;
  int lastPercent = -1;
};

} // namespace

/// One line, whatever the message holds.
static int fail(Error error) {
  std::string text = toString(std::move(error));
  std::replace(text.begin(), text.end(), '\n', ' ');
  errs() << "winnow-compile: error: " << text << "\n";
  return 1;
}

/// Finds the recipe to compile with.
static Error findRecipe(const LoadedModel &model, CommandLine &line) {
  if (Error error =
          model.search(*line.search, line.compile).moveInto(line.found))
    return error;
  line.compile.search = &line.found;
  if (!line.writeRecipe.empty())
    if (Error error = writeToOutput(line.writeRecipe, [&](raw_ostream &os) {
          os << line.found.recipe;
          return Error::success();
        }))
      return error;
  return parseRecipe(line.found.recipe, "--budget")
      .moveInto(line.compile.recipe);
}

static Error compile(CommandLine &line) {
  mlir::DefaultTimingManager timingManager;
  timingManager.setEnabled(line.timing);
  mlir::TimingScope timing = timingManager.getRootScope();
  Progress progress(line.quiet);
  progress("importing", 0);
  mlir::TimingScope importTiming = timing.nest("import");
  Expected<std::unique_ptr<LoadedModel>> model =
      LoadedModel::load(line.input, line.load);
  importTiming.stop();
  if (!model)
    return model.takeError();
  line.compile.progress = std::ref(progress);
  line.compile.timing = &timing;
  if (!line.calibrate.texts.empty()) {
    line.calibrate.progress = std::ref(progress);
    mlir::TimingScope calibrateTiming = timing.nest("calibrate");
    if (Error error = calibrate(**model, line.statistics, line.calibrate))
      return error;
    if (line.output.empty())
      return Error::success();
  }
  if (!line.statistics.empty())
    if (Error error = (*model)->loadStatistics(line.statistics))
      return error;
  if (line.search)
    if (Error error = findRecipe(**model, line))
      return error;
  return (*model)->compile(line.output, line.compile);
}

int main(int argc, char **argv) {
  sys::PrintStackTraceOnErrorSignal(argv[0]);
  Expected<CommandLine> line =
      parseCommandLine(ArrayRef(argv + 1, argv + argc));
  if (!line)
    return fail(line.takeError());
  if (line->help) {
    outs() << commandLineHelp();
    return 0;
  }
  if (line->version) {
    outs() << "winnow-compile " WINNOW_VERSION "\n";
    return 0;
  }
  if (line->printPipeline) {
    Expected<std::string> text = pipelineText(line->compile, line->output);
    if (!text)
      return fail(text.takeError());
    outs() << *text << "\n";
    return 0;
  }
  if (Error error = compile(*line))
    return fail(std::move(error));
  return 0;
}
