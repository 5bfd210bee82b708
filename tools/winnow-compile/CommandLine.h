//===- CommandLine.h - The options of winnow-compile ------------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_COMPILE_COMMANDLINE_H
#define WINNOW_TOOLS_WINNOW_COMPILE_COMMANDLINE_H

#include "winnow/Driver/Calibrate.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace winnow {

struct CommandLine {
  std::string input;
  std::string output;
  LoadOptions load;
  CompileOptions compile;
  /// With texts: where statistics go; otherwise where they are.
  std::string statistics;
  CalibrateOptions calibrate;
  /// What --budget asks for, and where the recipe goes (empty: nowhere).
  std::optional<SearchOptions> search;
  std::string writeRecipe;
  SearchResult found;
  bool quiet = false;
  bool printPipeline = false;
  bool timing = false;
  bool help = false;
  bool version = false;
};

/// Reads the arguments after the program's name (Options.td).
llvm::Expected<CommandLine> parseCommandLine(llvm::ArrayRef<const char *> args);

/// The text of --help.
std::string commandLineHelp();

} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_COMPILE_COMMANDLINE_H
