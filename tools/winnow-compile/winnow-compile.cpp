//===- winnow-compile.cpp - From a model to an artifact -------------------===//

#include "CommandLine.h"
#include "Compile.h"

#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace llvm;
using namespace winnow;

static int fail(const Twine &message) {
  errs() << "winnow-compile: error: " << message << "\n";
  return 1;
}

int main(int argc, char **argv) {
  sys::PrintStackTraceOnErrorSignal(argv[0]);
  // LLVM's own options serve its tools, not this one.
  cl::ResetCommandLineParser();
  CommandLine commandLine;
  cl::HideUnrelatedOptions(commandLine.category);
  cl::SetVersionPrinter(
      [](raw_ostream &os) { os << "winnow-compile " WINNOW_VERSION "\n"; });
  std::string message;
  raw_string_ostream messages(message);
  if (!cl::ParseCommandLineOptions(
          argc, argv, "Compiles a model to a native library\n", &messages)) {
    StringRef first = StringRef(message).split('\n').first;
    first.consume_front(StringRef(argv[0]).str() + ": ");
    first.consume_front(sys::path::filename(argv[0]).str() + ": ");
    return fail(first.rtrim());
  }
  if (commandLine.input.empty())
    return fail("expects a model; see --help");
  if (commandLine.output.empty())
    return fail("expects -o NAME; see --help");
  if (commandLine.context < 0)
    return fail("--context expects a positive number of tokens");
  Error error = compile(commandLine);
  if (!error)
    return 0;
  // One line, whatever the message holds.
  std::string text = toString(std::move(error));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return fail(text);
}
