//===- winnow-compile.cpp - From a model to an artifact -------------------===//

#include "CommandLine.h"
#include "Compile.h"

#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace llvm;

/// One line, whatever the message holds.
static int fail(Error error) {
  std::string text = toString(std::move(error));
  std::replace(text.begin(), text.end(), '\n', ' ');
  errs() << "winnow-compile: error: " << text << "\n";
  return 1;
}

int main(int argc, char **argv) {
  sys::PrintStackTraceOnErrorSignal(argv[0]);
  Expected<winnow::CommandLine> line =
      winnow::parseCommandLine(ArrayRef(argv + 1, argv + argc));
  if (!line)
    return fail(line.takeError());
  if (line->help) {
    outs() << winnow::commandLineHelp();
    return 0;
  }
  if (line->version) {
    outs() << "winnow-compile " WINNOW_VERSION "\n";
    return 0;
  }
  if (Error error = winnow::compile(*line))
    return fail(std::move(error));
  return 0;
}
